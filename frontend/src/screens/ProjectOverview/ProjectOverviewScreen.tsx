import { Fragment } from "react";
import { Link } from "react-router";
import { useEffort, useProject, useStats } from "../../api/hooks";
import { useProjectId } from "../../app/params";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { Page, Section } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { DropClips } from "../Clips/DropClips";
import { UploadPanel } from "../Clips/UploadPanel";
import { Activity } from "./Activity";
import styles from "./ProjectOverview.module.css";
import { rankingTold } from "./ranking";
import { Spine } from "./Spine";
import { SubjectProgress } from "./SubjectProgress";

export default function ProjectOverviewScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  const stats = useStats(projectId);
  const effort = useEffort(projectId);
  const error = project.error ?? stats.error;
  if (error && !(project.data && stats.data))
    return (
      <ErrorState
        error={error}
        retry={() => {
          void project.refetch();
          void stats.refetch();
        }}
      />
    );
  if (!project.data || !stats.data)
    return (
      <Page title={project.data?.name ?? "\u00a0"}>
        <BlockSkeleton height={160} />
      </Page>
    );

  const { waiting } = stats.data;
  const ranking = effort.data && rankingTold(effort.data);
  const worked = stats.data.activity.some((day) => day.revisions > 0 || day.accepted > 0);
  const waits = [
    { value: waiting.annotate, text: `${plural(waiting.annotate, "frame")} to annotate`, to: "/clips" },
    { value: waiting.review, text: `${waiting.review} to review`, to: "/review" },
    { value: waiting.jobs, text: plural(waiting.jobs, "job"), to: "/jobs" },
  ].filter(({ value }) => value > 0);
  return (
    <DropClips project={project.data}>
      <Page
        title={project.data.name}
        note={
          <>
            {project.data.description && <p className={styles.about}>{project.data.description}</p>}
            {waits.length === 0 ? (
              <p>Nothing waits.</p>
            ) : (
              <p>
                {waits.map(({ text, to }, at) => (
                  <Fragment key={to}>
                    {at > 0 && " · "}
                    <Link to={`/p/${projectId}${to}`}>{text}</Link>
                  </Fragment>
                ))}
              </p>
            )}
          </>
        }
      >
        <UploadPanel projectId={projectId} />
        <Spine project={project.data} stats={stats.data} />
        {stats.data.subjects > 0 && (
          <div className={styles.columns}>
            <Section title="Subjects" note="selected frames by state">
              <SubjectProgress projectId={projectId} />
            </Section>
            {worked && (
              <Section title="Last 14 days">
                <Activity days={stats.data.activity} />
                {ranking && <p className="small quiet">{ranking}</p>}
              </Section>
            )}
          </div>
        )}
      </Page>
    </DropClips>
  );
}
