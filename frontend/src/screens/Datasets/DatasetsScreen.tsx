import { Button } from "@mantine/core";
import { Link } from "react-router";
import { useDatasets, useProject, useStats } from "../../api/hooks";
import { useProjectId } from "../../app/params";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { Page, Section } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { Builder } from "./Builder";
import { Versions } from "./Versions";

/** What the next version would be, and all there are. */
export default function DatasetsScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  const stats = useStats(projectId);
  const datasets = useDatasets(projectId);
  if (datasets.error && !datasets.rows.length)
    return <ErrorState error={datasets.error} retry={() => void datasets.refetch()} />;
  if (!project.data || !stats.data || datasets.isPending)
    return (
      <Page title="Datasets">
        <BlockSkeleton height={520} />
      </Page>
    );
  if (stats.data.accepted === 0 && !datasets.rows.length) {
    return (
      <EmptyState
        title="No accepted frame yet"
        text="A dataset version freezes the frames a reviewer has accepted. Correct some, have them accepted, and freeze them here."
        action={
          <Button component={Link} to={`/p/${projectId}/review`}>
            Open review
          </Button>
        }
      />
    );
  }
  const newest = datasets.rows[0]?.number ?? 0;
  return (
    <Page
      title="Datasets"
      note="A version is frozen: what is in it never changes, whatever happens to the frames later."
    >
      <Builder project={project.data} number={newest + 1} />
      {datasets.rows.length > 0 && (
        <Section title="Versions">
          <Versions project={project.data} datasets={datasets.rows} />
          {datasets.hasNextPage && (
            <Button variant="default" onClick={() => void datasets.fetchNextPage()}>
              Show older
            </Button>
          )}
        </Section>
      )}
    </Page>
  );
}
