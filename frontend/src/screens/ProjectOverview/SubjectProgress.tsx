import { Link } from "react-router";
import { useSubjects } from "../../api/hooks";
import { ErrorState } from "../../ui/ErrorState";
import { FrameStatesBar, FrameStatesLegend } from "../../ui/FrameStates";
import { plural } from "../../ui/format";
import { TableSkeleton } from "../../ui/Skeletons";
import { SubjectName } from "../../ui/SubjectName";
import { VirtualRows } from "../../ui/VirtualRows";
import styles from "./SubjectProgress.module.css";

/** Every subject as one bar, drawn to one scale: longer means more frames, green means gold. */
export function SubjectProgress({ projectId }: { projectId: number }) {
  const subjects = useSubjects(projectId);
  if (subjects.isPending) return <TableSkeleton rows={5} rowHeight={40} />;
  if (subjects.error) return <ErrorState error={subjects.error} retry={() => void subjects.refetch()} />;
  const most = Math.max(...subjects.rows.map((subject) => subject.selected), 1);
  return (
    <>
      <VirtualRows
        count={subjects.rows.length}
        rowHeight={40}
        onNearEnd={() => {
          if (subjects.hasNextPage && !subjects.isFetchingNextPage) void subjects.fetchNextPage();
        }}
        row={(index) => {
          const subject = subjects.rows[index];
          if (!subject) return null;
          return (
            <Link
              to={`/p/${projectId}/clips?subject=${encodeURIComponent(subject.pseudonym)}`}
              className={styles.row}
            >
              <SubjectName pseudonym={subject.pseudonym} isTest={subject.is_test} />
              <span className="small quiet">{plural(subject.clips, "clip")}</span>
              <span style={{ width: `${Math.max(4, (100 * subject.selected) / most)}%` }}>
                <FrameStatesBar counts={subject} height={10} />
              </span>
              <span className={`${styles.count} small quiet`}>
                {subject.accepted} / {subject.selected}
              </span>
            </Link>
          );
        }}
      />
      <div className={styles.legend}>
        <FrameStatesLegend />
      </div>
    </>
  );
}
