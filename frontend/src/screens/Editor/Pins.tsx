import type { Review, ReviewPoint } from "../../api/types";
import type { EditorSession } from "../../editor";
import styles from "./Editor.module.css";
import { useView } from "./useSession";

/** Comments where they belong: over the picture, moving with it. With `onPlace`, a click pins a new one. */
export function Pins({
  session,
  review,
  draftPoints,
  onPlace,
  quiet,
  hidden,
}: {
  session: EditorSession;
  review: Review | null;
  /** Of the verdict in the making; null: show those of the last review. */
  draftPoints: readonly ReviewPoint[] | null;
  onPlace: ((x: number, y: number) => void) | null;
  /** Numbers only. */
  quiet: boolean;
  hidden: boolean;
}) {
  const view = useView(session);
  const points = draftPoints ?? (review?.verdict === "returned" ? review.points : []);
  if (hidden) return null;
  const isInside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < session.editor.width && y < session.editor.height;
  return (
    <div className={styles.pins} data-quiet={quiet || undefined}>
      {onPlace && (
        // A place on a picture has no keyboard way; the comment alone can be written without it.
        // biome-ignore lint/a11y/noStaticElementInteractions: see above
        // biome-ignore lint/a11y/useKeyWithClickEvents: see above
        <div
          className={styles.placer}
          data-testid="pin-placer"
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const x = Math.floor((event.clientX - box.left - view.x) / view.scale);
            const y = Math.floor((event.clientY - box.top - view.y) / view.scale);
            if (isInside(x, y)) onPlace(x, y);
          }}
        />
      )}
      {points.map((point, i) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: a pin is its number
          key={i}
          className={styles.pin}
          style={{
            transform: `translate(${(point.x + 0.5) * view.scale + view.x}px, ${(point.y + 0.5) * view.scale + view.y}px)`,
          }}
        >
          <b>{i + 1}</b>
          {point.text && <span className={styles.pinText}>{point.text}</span>}
        </span>
      ))}
    </div>
  );
}
