import { Link } from "react-router";
import type { Clip } from "../../api/types";
import { FrameStatesBar, FrameStatesLegend } from "../../ui/FrameStates";
import { clipLength, count } from "../../ui/format";
import { RelativeTime } from "../../ui/RelativeTime";
import { StateBadge } from "../../ui/StateBadge";
import { SubjectName } from "../../ui/SubjectName";
import { type Column, Table } from "../../ui/Table";
import { jobWords } from "../Jobs/words";
import styles from "./Clips.module.css";

const COLUMNS: Column<Clip>[] = [
  {
    name: "",
    width: "64px",
    cell: (clip) => (
      <Link
        to={`/p/${clip.project}/clips/${clip.id}`}
        className={styles.thumb}
        tabIndex={-1}
        aria-hidden="true"
      >
        {clip.first_frame !== null && (
          <img src={`/api/frames/${clip.first_frame}/image`} alt="" loading="lazy" decoding="async" />
        )}
      </Link>
    ),
  },
  {
    name: "Subject",
    width: "minmax(96px, 2fr)",
    cell: (clip) => <SubjectName pseudonym={clip.subject.pseudonym} isTest={clip.subject.is_test} />,
  },
  {
    name: "Clip",
    width: "72px",
    cell: (clip) => <Link to={`/p/${clip.project}/clips/${clip.id}`}>clip {clip.number}</Link>,
  },
  {
    name: "Length",
    width: "64px",
    numeric: true,
    cell: (clip) => (clip.duration_seconds === null ? "–" : clipLength(clip.duration_seconds)),
  },
  { name: "Frames", width: "64px", numeric: true, cell: (clip) => count(clip.frame_count) },
  {
    name: "State",
    width: "minmax(120px, 2fr)",
    cell: (clip) => (
      <span style={{ display: "flex", gap: 12, minWidth: 0 }}>
        <StateBadge state={clip.state} />
        <span className="small quiet cut" title={clip.state_reason}>
          {clip.state === "processing" && clip.job ? jobWords(clip.job) : clip.state_reason}
        </span>
      </span>
    ),
  },
  { name: "Selected", width: "minmax(96px, 2fr)", cell: (clip) => <FrameStatesBar counts={clip} /> },
  {
    name: "Gold",
    width: "72px",
    numeric: true,
    cell: (clip) => (
      <>
        {clip.accepted} / {clip.selected}
      </>
    ),
  },
  {
    name: "Uploaded",
    width: "112px",
    cell: (clip) => (
      <span className="small quiet">
        <RelativeTime at={clip.created_at} />
      </span>
    ),
  },
];

export function ClipsTable({ clips, onNearEnd }: { clips: Clip[]; onNearEnd: () => void }) {
  return (
    <>
      <Table
        label="Clips"
        columns={COLUMNS}
        rows={clips}
        rowHeight={56}
        rowKey={(clip) => clip.id}
        onNearEnd={onNearEnd}
      />
      <p style={{ marginTop: 16 }}>
        <FrameStatesLegend />
      </p>
    </>
  );
}
