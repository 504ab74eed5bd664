import type { ActivityDay } from "../../api/types";
import { Sparkbars } from "../../ui/Bars";
import { duration, plural, shortDate } from "../../ui/format";
import styles from "./Activity.module.css";

/** What people did in the last two weeks, and what today has brought. */
export function Activity({ days }: { days: ActivityDay[] }) {
  const today = days[days.length - 1];
  const names = days.map((day) => shortDate(new Date(`${day.date}T12:00:00`)));
  const effort = days.map((day) => (day.revisions > 0 ? day.active_seconds / day.revisions : 0));
  const sum = (pick: (day: ActivityDay) => number) => days.reduce((total, day) => total + pick(day), 0);
  const revisions = sum((day) => day.revisions);
  const lines = [
    {
      name: "Saved corrections",
      now: String(revisions),
      values: days.map((day) => day.revisions),
      words: (value: number) => plural(value, "correction"),
      color: "var(--accent)",
    },
    {
      name: "Turned gold",
      now: String(sum((day) => day.accepted)),
      values: days.map((day) => day.accepted),
      words: (value: number) => plural(value, "frame"),
      color: "var(--state-accepted)",
    },
    {
      name: "Effort per correction",
      now: revisions > 0 ? duration(sum((day) => day.active_seconds) / revisions) : "–",
      values: effort,
      words: (value: number) => duration(value),
      color: "var(--text-3)",
    },
  ];
  return (
    <div>
      {lines.map((line) => (
        <div key={line.name} className={styles.line}>
          <div>
            <div className="small quiet">{line.name}</div>
            <div className={styles.now}>{line.now}</div>
          </div>
          <Sparkbars
            height={36}
            color={line.color}
            values={line.values}
            titles={line.values.map((value, at) => `${names[at]}: ${line.words(value)}`)}
          />
        </div>
      ))}
      <p className="small quiet">
        {today && today.revisions + today.accepted > 0
          ? `Today: ${plural(today.revisions, "correction")}, ${today.accepted} turned gold, ${duration(today.active_seconds)} of drawing.`
          : "Nothing saved today yet."}
      </p>
    </div>
  );
}
