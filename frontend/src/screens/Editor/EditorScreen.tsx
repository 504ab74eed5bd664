import { useComputedColorScheme } from "@mantine/core";
import { useLayoutEffect } from "react";
import { Link, Navigate, useLocation } from "react-router";
import { useFrame, useMe, useProject } from "../../api/hooks";
import type { Me, Project } from "../../api/types";
import { useFrameId, useProjectId } from "../../app/params";
import { ErrorState } from "../../ui/ErrorState";
import styles from "./Editor.module.css";
import { EditorView } from "./EditorView";
import { useDesk } from "./useSession";

/** Dark whatever the scheme: beside a bright page nobody sees speckle. */
function useAlwaysDark() {
  const scheme = useComputedColorScheme("dark");
  useLayoutEffect(() => {
    const root = document.documentElement;
    root.setAttribute("data-mantine-color-scheme", "dark");
    return () => root.setAttribute("data-mantine-color-scheme", scheme);
  }, [scheme]);
}

export default function EditorScreen() {
  useAlwaysDark();
  const me = useMe();
  const projectId = useProjectId();
  const project = useProject(projectId);
  const { search } = useLocation();
  // Asked here too, so that a frame that is not there is told in words before the engine starts.
  const frame = useFrame(useFrameId());
  // A frame is drawn with the labels of its own project, whatever the address says.
  const home = frame.data?.clip.project;
  if (frame.data && home !== projectId)
    return <Navigate to={`/p/${home}/frames/${frame.data.id}${search}`} replace />;
  const problem = me.error ?? project.error ?? (frame.data ? null : frame.error);
  if (problem) {
    const retry = () => void Promise.all([me.refetch(), project.refetch(), frame.refetch()]);
    return (
      <>
        <ErrorState error={problem} retry={retry} />
        <p style={{ textAlign: "center" }}>
          <Link to={project.data ? `/p/${projectId}` : "/projects"}>
            {project.data ? `Back to ${project.data.name}` : "Back to the projects"}
          </Link>
        </p>
      </>
    );
  }
  if (!me.data || !project.data || !frame.data) return <div className={styles.editor} aria-busy="true" />;
  return <WithDesk me={me.data} project={project.data} />;
}

function WithDesk({ me, project }: { me: Me; project: Project }) {
  const labels = [...project.labels].sort((a, b) => a.position - b.position);
  const desk = useDesk(me, labels, !project.may.includes("annotate"));
  if (!desk) return <div className={styles.editor} aria-busy="true" />;
  return <EditorView desk={desk} project={project} />;
}
