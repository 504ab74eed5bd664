import { Autocomplete, Button, CloseButton, Group, Modal, Stack, Text } from "@mantine/core";
import { IconFileZip, IconMovie, IconPhoto } from "@tabler/icons-react";
import { type FormEvent, useEffect, useState } from "react";
import { useSubjects } from "../../api/hooks";
import type { Project } from "../../api/types";
import { sourceName, type UploadSource, uploads } from "../../api/uploads";
import { bytes, plural } from "../../ui/format";
import styles from "./NameSubjects.module.css";
import { pseudonymProblem } from "./pseudonym";

function sizeOf(source: UploadSource): string {
  if (source.kind === "file") return bytes(source.file.size);
  const total = source.files.reduce((sum, file) => sum + file.size, 0);
  return `${plural(source.files.length, "still")}, ${bytes(total)}`;
}

function SourceIcon({ source }: { source: UploadSource }) {
  if (source.kind === "stills") return <IconPhoto size={16} />;
  return /\.zip$/i.test(source.file.name) ? <IconFileZip size={16} /> : <IconMovie size={16} />;
}

/**
 * The one question an upload asks: whose clips are these? Typed once for all; a file that belongs to somebody
 * else gets its own name.
 */
export function NameSubjects({
  project,
  sources,
  onClose,
}: {
  project: Project;
  sources: UploadSource[];
  onClose: () => void;
}) {
  const subjects = useSubjects(project.id);
  const known = subjects.rows.map((subject) => subject.pseudonym);
  const [shared, setShared] = useState("");
  const [own, setOwn] = useState<ReadonlyMap<UploadSource, string>>(new Map());
  const [left, setLeft] = useState(sources);
  useEffect(() => {
    setLeft(sources);
    if (sources.length === 0) {
      setOwn(new Map());
      setShared("");
    }
  }, [sources]);

  const nameOf = (source: UploadSource) => (own.get(source) ?? "").trim() || shared.trim();
  const ready =
    left.length > 0 &&
    left.every((source) => nameOf(source) !== "" && pseudonymProblem(nameOf(source)) === null);

  function start(event: FormEvent) {
    event.preventDefault();
    if (!ready) return;
    uploads.add(left.map((source) => ({ project: project.id, subject: nameOf(source), source })));
    onClose();
  }
  return (
    <Modal
      opened={left.length > 0}
      onClose={onClose}
      title={`Upload ${plural(left.length, "clip")}`}
      size={640}
    >
      <form onSubmit={start}>
        <Stack gap={16}>
          <Autocomplete
            label={left.length === 1 ? "Subject" : "Subject of all of them"}
            description="A pseudonym: never a patient’s name."
            placeholder="S014"
            data={known}
            limit={8}
            value={shared}
            onChange={setShared}
            error={pseudonymProblem(shared)}
            maxLength={64}
            data-autofocus
            selectFirstOptionOnChange={false}
          />
          <div className={styles.list}>
            {left.map((source, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two files may have one name
              <div key={at} className={styles.file}>
                <span className={styles.icon}>
                  <SourceIcon source={source} />
                </span>
                <span className={styles.words}>
                  <span className="cut" title={sourceName(source)}>
                    {sourceName(source)}
                  </span>
                  <span className="small quiet">{sizeOf(source)}</span>
                </span>
                {left.length > 1 && (
                  <Autocomplete
                    size="xs"
                    aria-label={`Subject of ${sourceName(source)}`}
                    placeholder={shared || "Same as above"}
                    data={known}
                    limit={8}
                    value={own.get(source) ?? ""}
                    onChange={(value) => setOwn(new Map(own).set(source, value))}
                    error={pseudonymProblem(own.get(source) ?? "")}
                    maxLength={64}
                  />
                )}
                <CloseButton
                  size="sm"
                  aria-label={`Leave out ${sourceName(source)}`}
                  onClick={() => {
                    const rest = left.filter((other) => other !== source);
                    if (rest.length === 0) onClose();
                    else setLeft(rest);
                  }}
                />
              </div>
            ))}
          </div>
          <Group justify="space-between">
            <Text size="xs" c="dimmed">
              File names stay on this device.
            </Text>
            <Button type="submit" disabled={!ready}>
              Upload
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
