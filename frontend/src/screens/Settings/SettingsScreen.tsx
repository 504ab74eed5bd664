import { Tabs } from "@mantine/core";
import { useSearchParams } from "react-router";
import { useProject } from "../../api/hooks";
import { useProjectId } from "../../app/params";
import { ErrorState } from "../../ui/ErrorState";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { Audit } from "./Audit";
import { General } from "./General";
import { Labels } from "./Labels";
import { People } from "./People";
import { TestSubjects } from "./TestSubjects";

const TABS = ["project", "labels", "people", "subjects", "audit"] as const;

export default function SettingsScreen() {
  const project = useProject(useProjectId());
  const [params, setParams] = useSearchParams();
  const asked = params.get("tab");
  const tab = TABS.find((name) => name === asked) ?? "project";
  if (project.error && !project.data)
    return <ErrorState error={project.error} retry={() => void project.refetch()} />;
  if (!project.data)
    return (
      <Page title="Settings">
        <BlockSkeleton height={320} />
      </Page>
    );
  const mayManage = project.data.may.includes("manage");
  return (
    <Page title="Settings" note={mayManage ? undefined : "Only managers change these. You can look."}>
      <Tabs
        value={tab}
        onChange={(value) => setParams(value && value !== "project" ? { tab: value } : {}, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb={32}>
          <Tabs.Tab value="project">Project</Tabs.Tab>
          <Tabs.Tab value="labels">Labels</Tabs.Tab>
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="subjects">Test subjects</Tabs.Tab>
          <Tabs.Tab value="audit">Audit</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="project">
          <General project={project.data} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="labels">
          <Labels project={project.data} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="people">
          <People projectId={project.data.id} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="subjects">
          <TestSubjects projectId={project.data.id} mayManage={mayManage} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <Audit projectId={project.data.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
