import { Button, Tooltip } from "@mantine/core";
import {
  IconActivity,
  IconBrain,
  IconChecklist,
  IconListDetails,
  IconLoader2,
  IconMovie,
  IconRefresh,
  IconSettings,
  IconStack2,
} from "@tabler/icons-react";
import { NavLink, useNavigate } from "react-router";
import { useProject, useStats } from "../api/hooks";
import { count } from "../ui/format";
import { useAnnotateNext } from "./annotateNext";
import styles from "./Layout.module.css";
import { useKeys } from "./useKeys";

const PLACES = [
  { to: "", name: "Overview", key: "o", icon: IconRefresh },
  { to: "/clips", name: "Clips", key: "c", icon: IconMovie },
  { to: "/review", name: "Review", key: "r", icon: IconChecklist },
  { to: "/datasets", name: "Datasets", key: "d", icon: IconStack2 },
  { to: "/training", name: "Training", key: "t", icon: IconActivity },
  { to: "/models", name: "Models", key: "m", icon: IconBrain },
  { to: "/jobs", name: "Jobs", key: "j", icon: IconListDetails },
  { to: "/settings", name: "Settings", key: "s", icon: IconSettings },
] as const;

/** The ways of one project. `A` opens the next frame to correct, `G` and a letter goes places. */
export function Sidebar({ projectId }: { projectId: number }) {
  const navigate = useNavigate();
  const stats = useStats(projectId);
  const project = useProject(projectId);
  const annotateNext = useAnnotateNext(projectId);
  const mayAnnotate = project.data?.may.includes("annotate") ?? false;
  const waiting = stats.data?.waiting;
  const counts: Partial<Record<(typeof PLACES)[number]["name"], number | undefined>> = {
    Clips: stats.data?.clips,
    Review: waiting?.review,
    Datasets: stats.data?.datasets,
    Models: stats.data?.models,
    Jobs: waiting?.jobs,
  };
  const bindings: Record<string, () => void> = Object.fromEntries(
    PLACES.map(({ to, key }) => [`g ${key}`, () => void navigate(`/p/${projectId}${to}`)]),
  );
  if (mayAnnotate) bindings.a = () => void annotateNext();
  useKeys(bindings);

  return (
    <nav className={styles.side} aria-label="Project">
      {mayAnnotate && (
        <Button
          className={styles.next}
          px={12}
          justify="space-between"
          rightSection={<kbd>A</kbd>}
          disabled={waiting?.annotate === 0}
          onClick={() => void annotateNext()}
        >
          Annotate next
        </Button>
      )}
      {PLACES.map(({ to, name, key, icon: Icon }) => (
        <Tooltip key={name} label={`${name} · G then ${key.toUpperCase()}`} position="right" openDelay={700}>
          <NavLink to={`/p/${projectId}${to}`} end={to === ""} className={styles.link}>
            {name === "Jobs" && (counts.Jobs ?? 0) > 0 ? <IconLoader2 size={17} /> : <Icon size={17} />}
            <span>{name}</span>
            {(counts[name] ?? 0) > 0 && <span className={styles.linkCount}>{count(counts[name] ?? 0)}</span>}
          </NavLink>
        </Tooltip>
      ))}
    </nav>
  );
}
