/** The sign of Sonoloop: a curved array's fan, closed into a loop. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <path
        d="M5 9a9.5 9.5 0 0 1 14 0"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        opacity="0.45"
      />
      <path
        d="M8 12.2a5.4 5.4 0 0 1 8 0"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        opacity="0.7"
      />
      <circle cx="12" cy="17" r="3" stroke="var(--accent)" strokeWidth="2" />
    </svg>
  );
}
