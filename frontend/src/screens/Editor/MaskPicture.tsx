import { useEffect, useRef } from "react";
import { type ColorTables, type Labelmap, type Overlap, paintOverlay } from "../../editor";
import { resized } from "../Review/thumbnail";
import styles from "./Editor.module.css";

/** Pixels across: two of them stand side by side in a dialog, on a dense screen too. */
const WIDTH = 560;

const MOST_MARKS = 12;
const NO_MARKS: readonly Overlap[] = [];

/** A frame with one mask over it, small. */
export function MaskPicture({
  picture,
  map,
  colors,
  label,
  marks = NO_MARKS,
}: {
  picture: CanvasImageSource;
  map: Labelmap;
  colors: ColorTables;
  label: string;
  /** Framed and numbered, the first ones. */
  marks?: readonly Overlap[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = Math.min(WIDTH, map.width);
  const height = Math.max(1, Math.round((map.height * width) / map.width));
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const overlay = new OffscreenCanvas(width, height);
    const overlayContext = overlay.getContext("2d");
    if (!context || !overlayContext) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, width, height);
    const pixels = new ImageData(width, height);
    const small = resized(map, width, height);
    paintOverlay(small, small.box, colors, new Uint32Array(pixels.data.buffer), width);
    overlayContext.putImageData(pixels, 0, 0);
    context.drawImage(overlay, 0, 0);
    context.strokeStyle = context.fillStyle = "#fff";
    context.font = "12px sans-serif";
    const scale = width / map.width;
    marks.slice(0, MOST_MARKS).forEach(({ box }, at) => {
      const [x, y] = [box.x * scale - 2.5, box.y * scale - 2.5];
      context.strokeRect(x, y, box.width * scale + 5, box.height * scale + 5);
      context.fillText(`${at + 1}`, x, Math.max(10, y - 3));
    });
  }, [picture, map, colors, width, height, marks]);
  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      className={styles.maskPicture}
      role="img"
      aria-label={label}
    />
  );
}
