import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "react-router";
import { useMe, useProjects, useStats } from "../../api/hooks";
import type { Project } from "../../api/types";
import { useKeys } from "../../app/useKeys";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { FrameStatesBar } from "../../ui/FrameStates";
import { percent, plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { TableSkeleton } from "../../ui/Skeletons";
import { VirtualRows } from "../../ui/VirtualRows";
import { CreateProject } from "./CreateProject";
import styles from "./Projects.module.css";
import { Swatches } from "./Swatches";

const ROW = 96;

export default function ProjectsScreen() {
  const me = useMe();
  const projects = useProjects();
  const [creating, dialog] = useDisclosure(false);
  const mayCreate = me.data?.may_create_projects ?? false;
  useKeys(mayCreate ? { c: dialog.open } : {});

  const create = mayCreate && (
    <Button leftSection={<IconPlus size={16} />} rightSection={<kbd>C</kbd>} onClick={dialog.open}>
      Create project
    </Button>
  );
  return (
    <Page title="Projects" actions={projects.rows.length > 0 && create}>
      {projects.isPending && <TableSkeleton rows={3} rowHeight={ROW} />}
      {projects.error && <ErrorState error={projects.error} retry={() => void projects.refetch()} />}
      {projects.isSuccess && projects.rows.length === 0 && (
        <EmptyState
          title="No project yet"
          text={
            mayCreate
              ? "A project is one study: its labels, its people, its clips, and the model that grows with them."
              : `You are in no project. Ask a manager to add you by your name: ${me.data?.username ?? ""}.`
          }
          action={create || undefined}
        />
      )}
      <VirtualRows
        count={projects.rows.length}
        rowHeight={ROW}
        onNearEnd={() => {
          if (projects.hasNextPage && !projects.isFetchingNextPage) void projects.fetchNextPage();
        }}
        row={(index) => {
          const project = projects.rows[index];
          return project ? <ProjectRow project={project} /> : null;
        }}
      />
      <CreateProject opened={creating} onClose={dialog.close} />
    </Page>
  );
}

function ProjectRow({ project }: { project: Project }) {
  const stats = useStats(project.id);
  const numbers = stats.data;
  return (
    <Link to={`/p/${project.id}`} className={styles.row}>
      <div className={styles.words}>
        <div className={styles.nameLine}>
          <span className={`${styles.name} cut`} title={project.name}>
            {project.name}
          </span>
          {project.is_demonstration && <span className={styles.tag}>Demonstration</span>}
        </div>
        <div className="quiet cut" title={project.description}>
          {project.description || <Swatches labels={project.labels} />}
        </div>
      </div>
      <div className={styles.progress}>
        {numbers && (
          <>
            <div className={`${styles.split} small quiet`}>
              <span>{plural(numbers.clips, "clip")}</span>
              <span>{numbers.selected > 0 && `${percent(numbers.accepted, numbers.selected)} gold`}</span>
            </div>
            <FrameStatesBar counts={numbers} height={6} />
          </>
        )}
      </div>
      <div className={`${styles.waiting} small quiet`}>
        {numbers && numbers.waiting.annotate > 0 && (
          <div>
            <strong>{numbers.waiting.annotate}</strong> to annotate
          </div>
        )}
        {numbers && numbers.waiting.review > 0 && (
          <div>
            <strong>{numbers.waiting.review}</strong> to review
          </div>
        )}
        {project.champion && <div>Model {project.champion.number}</div>}
      </div>
    </Link>
  );
}
