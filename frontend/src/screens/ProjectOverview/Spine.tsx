import { Button } from "@mantine/core";
import { Link } from "react-router";
import type { Project, Stats } from "../../api/types";
import { useAnnotateNext } from "../../app/annotateNext";
import styles from "./Spine.module.css";
import { nextStep, stationsOf } from "./stations";

/** The loop itself: seven stages on a line that closes below, every number a door, the bottleneck marked. */
export function Spine({ project, stats }: { project: Project; stats: Stats }) {
  const stations = stationsOf(stats);
  const step = nextStep(stats);
  const annotateNext = useAnnotateNext(project.id);
  const maySee = step && project.may.includes(step.needs);
  return (
    <section aria-label="The loop">
      <ol className={styles.line}>
        {stations.map((station) => (
          <li key={station.key} className={styles.station} data-stuck={station.stuck || undefined}>
            <Link to={`/p/${project.id}${station.to}`} className={styles.door}>
              <span className={styles.number} data-none={station.arrived === 0 || undefined}>
                {station.number}
              </span>
              <span className={styles.name}>{station.name}</span>
              <span className={styles.track}>
                <span
                  className={styles.into}
                  style={{ "--arrived": station.arrived } as React.CSSProperties}
                />
                <span className={styles.dot} data-reached={station.arrived > 0 || undefined} />
              </span>
              <span className={styles.note}>{station.note}</span>
            </Link>
          </li>
        ))}
      </ol>
      <div className={styles.back}>
        <span>
          {stats.champion
            ? `model #${stats.champion.number} drafts the next clips`
            : "once trained, the model drafts the next clips"}
        </span>
      </div>
      {step && (
        <div className={styles.step}>
          <span className={styles.stepMark} aria-hidden="true" />
          <p>{step.text}</p>
          {maySee &&
            (step.go === "annotate" ? (
              <Button rightSection={<kbd>A</kbd>} onClick={() => void annotateNext()}>
                {step.verb}
              </Button>
            ) : (
              <Button component={Link} to={`/p/${project.id}${step.go}`}>
                {step.verb}
              </Button>
            ))}
        </div>
      )}
    </section>
  );
}
