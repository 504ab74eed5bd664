/** Words and numbers as people read them. Pure functions; `now` is passed in where time matters. */

/** 1240 → "1 240", with a narrow no-break space: no locale reads it as a decimal. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `plural(1, "frame")` → "1 frame"; `plural(2, "frame")` → "2 frames". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 0.9142 → ".914": a Dice score, as people compare them. 1 stays "1". */
export function score(value: number, digits = 3): string {
  return value.toFixed(digits).replace(/^(-?)0\./, "$1.");
}

/** 0.42 → "42 %". Never "100 %" before it is whole, never "0 %" once begun. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "0 %";
  const exact = (100 * part) / whole;
  let shown = Math.round(exact);
  if (part > 0 && shown === 0) shown = 1;
  if (part < whole && shown >= 100) shown = 99;
  return `${Math.min(100, shown)} %`;
}

/** Bytes in the units of file managers: 1 000 per step. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let rest = value;
  let unit = -1;
  do {
    rest /= 1000;
    unit += 1;
  } while (rest >= 999.5 && unit < units.length - 1);
  return `${rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${units[unit]}`;
}

/** Length of a clip: 4.2 → "4.2 s", 75 → "1:15". */
export function clipLength(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Time spent or left, in the largest unit that says enough: "40 s", "12 min", "3 h 20". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
}

/** "just now", "4 min ago", "3 h ago", "yesterday", then a date. */
export function timeAgo(iso: string, now: Date = new Date()): string {
  const then = new Date(iso);
  const seconds = (now.getTime() - then.getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 2 * 86_400) return "yesterday";
  if (seconds < 14 * 86_400) return `${Math.floor(seconds / 86_400)} days ago`;
  return shortDate(then, now);
}

/** "3 Nov", with the year where it is not this one. */
export function shortDate(date: Date, now: Date = new Date()): string {
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = `${date.getDate()} ${months[date.getMonth()]}`;
  return date.getFullYear() === now.getFullYear() ? day : `${day} ${date.getFullYear()}`;
}
