import { ActionIcon, Button, Tooltip } from "@mantine/core";
import {
  IconCheck,
  IconClock,
  IconCopy,
  IconPlugConnectedX,
  IconRefresh,
  IconUpload,
  IconX,
} from "@tabler/icons-react";
import { Link } from "react-router";
import { useClip } from "../../api/hooks";
import { isOver, type Upload, uploads, useUploads } from "../../api/uploads";
import { ProgressLine } from "../../ui/Bars";
import { bytes, percent, plural } from "../../ui/format";
import { jobProgress, jobWords } from "../Jobs/words";
import styles from "./UploadPanel.module.css";

/** One bar per upload of this project, from the first byte to the last frame. */
export function UploadPanel({ projectId }: { projectId: number }) {
  const mine = useUploads().filter((upload) => upload.request.project === projectId);
  if (mine.length === 0) return null;
  const over = mine.filter(isOver).length;
  return (
    <section className={styles.panel} aria-label="Uploads">
      <div className={styles.head}>
        <h2>{over === mine.length ? "Uploads" : `Uploading ${mine.length - over} of ${mine.length}`}</h2>
        {over < mine.length && (
          <span className="small quiet">Go anywhere in Sonoloop meanwhile; keep this tab open.</span>
        )}
        {over > 0 && (
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            ml="auto"
            onClick={() => uploads.clearOver()}
          >
            Clear the list
          </Button>
        )}
      </div>
      {mine.map((upload) => (
        <UploadRow key={upload.key} upload={upload} />
      ))}
    </section>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  return (
    <div className={styles.row} data-state={upload.state}>
      <span className={styles.name}>
        <span className="cut" title={upload.name}>
          {upload.name}
        </span>
        <span className="small quiet cut">{upload.request.subject}</span>
      </span>
      {upload.state === "stored" && upload.clip !== null ? (
        <Reading upload={upload} clipId={upload.clip} />
      ) : (
        <Sending upload={upload} />
      )}
      <span className={styles.ways}>
        {upload.state === "held" && (
          <Tooltip label="Try again">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Try ${upload.name} again`}
              onClick={() => uploads.retry(upload.key)}
            >
              <IconRefresh size={16} />
            </ActionIcon>
          </Tooltip>
        )}
        <Tooltip label={isOver(upload) ? "Take off the list" : "Cancel this upload"}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={isOver(upload) ? `Take ${upload.name} off the list` : `Cancel ${upload.name}`}
            onClick={() => uploads.remove(upload.key)}
          >
            <IconX size={16} />
          </ActionIcon>
        </Tooltip>
      </span>
    </div>
  );
}

function Sending({ upload }: { upload: Upload }) {
  const { known, state, sent, size, message, request } = upload;
  switch (state) {
    case "waiting":
      return <Line icon={<IconClock size={15} />} text={`Waiting · ${bytes(size)}`} value={0} />;
    case "packing":
      return <Line icon={<IconUpload size={15} />} text="Packing the stills" value={null} />;
    case "sending":
      return (
        <Line
          icon={<IconUpload size={15} />}
          text={`${bytes(sent)} of ${bytes(size)} · ${percent(sent, size)}`}
          value={size > 0 ? sent / size : 0}
        />
      );
    case "held":
      return (
        <Line
          icon={<IconPlugConnectedX size={15} />}
          text={`Held at ${percent(sent, size)}. ${message}`}
          value={sent / size}
        />
      );
    case "duplicate":
      return (
        <Words icon={<IconCopy size={15} />}>
          Already here as{" "}
          {known && (
            <Link to={`/p/${request.project}/clips/${known.id}`}>
              {known.subject} · clip {known.number}
            </Link>
          )}
          . Nothing was stored.
        </Words>
      );
    case "refused":
      return (
        <Words icon={<IconX size={15} />} danger>
          {message}
        </Words>
      );
    case "stored":
      return <Words icon={<IconCheck size={15} />}>Arrived.</Words>;
  }
}

/** The bytes are there; now the server reads the frames out of them. */
function Reading({ upload, clipId }: { upload: Upload; clipId: number }) {
  const clip = useClip(clipId);
  if (!clip.data) return <Line icon={<IconClock size={15} />} text="Arrived" value={null} />;
  const { state, job, state_reason, frame_count, selected } = clip.data;
  const address = `/p/${upload.request.project}/clips/${clipId}`;
  if (state === "failed")
    return (
      <Words icon={<IconX size={15} />} danger>
        {state_reason || job?.error || "The clip could not be read."}
      </Words>
    );
  if (state === "processing")
    return (
      <Line
        icon={<IconClock size={15} />}
        text={job ? jobWords(job) : "Reading frames"}
        value={job ? jobProgress(job) : null}
      />
    );
  return (
    <Words icon={<IconCheck size={15} />}>
      <Link to={address}>{plural(frame_count, "frame")}</Link>, {selected} selected
      {state === "partial" && `. ${state_reason}`}
    </Words>
  );
}

function Line({ icon, text, value }: { icon: React.ReactNode; text: string; value: number | null }) {
  return (
    <span className={styles.state}>
      <span className={styles.text}>
        {icon}
        <span className="cut" title={text}>
          {text}
        </span>
      </span>
      <ProgressLine value={value} />
    </span>
  );
}

function Words({
  icon,
  danger = false,
  children,
}: {
  icon: React.ReactNode;
  danger?: boolean;
  children: React.ReactNode;
}) {
  return (
    <span className={styles.state}>
      <span className={styles.text} data-danger={danger || undefined} data-wrap="">
        {icon}
        <span>{children}</span>
      </span>
    </span>
  );
}
