import { notifications } from "@mantine/notifications";
import { IconUpload } from "@tabler/icons-react";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import type { Project } from "../../api/types";
import { filesOfDrop, sourcesOf, type UploadSource } from "../../api/uploads";
import { errorText } from "../../ui/ErrorState";
import styles from "./DropClips.module.css";
import { NameSubjects } from "./NameSubjects";

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");

/** A page onto which clips may be dropped anywhere. Asks for the subject, then sends. */
export function DropClips({
  project,
  sources,
  onSources,
  children,
}: {
  project: Project;
  /** Sources chosen elsewhere on the page (a file dialog), to be named as dropped ones are. */
  sources?: UploadSource[];
  onSources?: (sources: UploadSource[]) => void;
  children: ReactNode;
}) {
  const [own, setOwn] = useState<UploadSource[]>([]);
  const [over, setOver] = useState(false);
  // Each element under the pointer enters before the last one leaves: count, or the veil flickers.
  const depth = useRef(0);
  const given = sources ?? own;
  const set = onSources ?? setOwn;
  if (!project.may.includes("upload")) return children;

  async function drop(event: DragEvent) {
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    try {
      const found = sourcesOf(await filesOfDrop(event.dataTransfer));
      if (found.length > 0) set([...given, ...found]);
      else
        notifications.show({
          title: "Nothing to upload",
          message: "That folder holds no video and no stills.",
        });
    } catch (error) {
      notifications.show({ color: "red", title: "The files could not be read", message: errorText(error) });
    }
  }
  return (
    <section
      className={styles.zone}
      aria-label="Drop clips here"
      onDragEnter={(event) => {
        if (!hasFiles(event)) return;
        depth.current += 1;
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!hasFiles(event)) return;
        depth.current -= 1;
        if (depth.current <= 0) setOver(false);
      }}
      onDragOver={(event) => {
        if (hasFiles(event)) event.preventDefault();
      }}
      onDrop={(event) => void drop(event)}
    >
      {children}
      {over && (
        <div className={styles.veil}>
          <div className={styles.invitation}>
            <IconUpload size={32} stroke={1.5} />
            <p>Drop clips to upload</p>
            <p className="small quiet">Videos, zips, or folders of stills</p>
          </div>
        </div>
      )}
      <NameSubjects project={project} sources={given} onClose={() => set([])} />
    </section>
  );
}
