import { Tooltip } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Clip } from "../../api/types";
import { ProgressLine } from "../../ui/Bars";
import { FrameStatesBar } from "../../ui/FrameStates";
import { clipLength, count } from "../../ui/format";
import { SubjectName } from "../../ui/SubjectName";
import { jobProgress, jobWords } from "../Jobs/words";
import styles from "./Clips.module.css";

/** A clip as its first frame, whose it is, how long, and how far its frames are. */
export function ClipCard({ clip }: { clip: Clip }) {
  return (
    <Link to={`/p/${clip.project}/clips/${clip.id}`} className={styles.card}>
      <div className={styles.picture}>
        {clip.first_frame !== null ? (
          <img src={`/api/frames/${clip.first_frame}/image`} alt="" loading="lazy" decoding="async" />
        ) : (
          <Unread clip={clip} />
        )}
        {clip.duration_seconds !== null && clip.frame_count > 0 && (
          <span className={styles.length}>{clipLength(clip.duration_seconds)}</span>
        )}
        {clip.state === "partial" && (
          <Tooltip label={clip.state_reason || "Some frames could not be read"}>
            <span className={styles.warn}>
              <IconAlertTriangle size={13} /> Partial
            </span>
          </Tooltip>
        )}
      </div>
      <div className={styles.caption}>
        <span className={styles.who}>
          <SubjectName pseudonym={clip.subject.pseudonym} isTest={clip.subject.is_test} />
          <span className="small quiet">clip {clip.number}</span>
        </span>
        {clip.selected > 0 && (
          <span className={styles.bar}>
            <FrameStatesBar counts={clip} height={4} />
            <span className="small quiet">
              {count(clip.accepted)} / {count(clip.selected)}
            </span>
          </span>
        )}
      </div>
    </Link>
  );
}

function Unread({ clip }: { clip: Clip }) {
  if (clip.state === "failed")
    return (
      <p className={styles.unread} data-failed="">
        {clip.state_reason || clip.job?.error || "This clip could not be read."}
      </p>
    );
  return (
    <div className={styles.unread}>
      <p>{clip.job ? jobWords(clip.job) : "Reading frames"}</p>
      <ProgressLine value={clip.job ? jobProgress(clip.job) : null} />
    </div>
  );
}
