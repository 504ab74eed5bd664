import { useComputedColorScheme } from "@mantine/core";
import { useLayoutEffect } from "react";
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
  const project = useProject(useProjectId());
  // Asked here too, so that a frame that is not there is told in words before the engine starts.
  const frame = useFrame(useFrameId());
  const problem = me.error ?? project.error ?? (frame.data ? null : frame.error);
  if (problem) {
    const retry = () => void Promise.all([me.refetch(), project.refetch(), frame.refetch()]);
    return <ErrorState error={problem} retry={retry} />;
  }
  if (!me.data || !project.data || !frame.data) return <div className={styles.editor} aria-busy="true" />;
  return <WithDesk me={me.data} project={project.data} />;
}

function WithDesk({ me, project }: { me: Me; project: Project }) {
  const labels = [...project.labels].sort((a, b) => a.position - b.position);
  const { desk, error } = useDesk(me, labels, !project.may.includes("annotate"));
  if (error) {
    return (
      <ErrorState
        error={
          new Error(
            `This browser gives no place to keep unsaved work (${error.message}). Leave the private window or allow storage for this site, then load again.`,
          )
        }
        retry={() => window.location.reload()}
      />
    );
  }
  if (!desk) return <div className={styles.editor} aria-busy="true" />;
  return <EditorView desk={desk} project={project} />;
}
