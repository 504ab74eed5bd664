import { useEffect, useRef } from "react";

const WIDTH = 720;
const HEIGHT = 640;

/** A small seeded generator, so the picture is the same at every visit. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How bright tissue is at an angle (-1..1) and depth (0..1): layers, two laminae, the shadow under them. */
function echo(angle: number, depth: number): number {
  const bend = depth + 0.03 * Math.cos(angle * 4);
  let light = 0.22 + 0.14 * Math.sin(bend * 42) * Math.exp(-bend * 3.2);
  for (const [at, top] of [
    [-0.42, 0.42],
    [0.3, 0.45],
  ] as const) {
    const across = (angle - at) / 0.21;
    const bone = top + 0.05 * across * across;
    const below = bend - bone;
    if (Math.abs(across) < 1) {
      light += 0.9 * Math.exp(-((below / 0.011) ** 2));
      if (below > 0.02) light *= 0.16;
    }
  }
  const gap = Math.exp(-(((angle + 0.06) / 0.13) ** 2));
  light +=
    gap *
    (0.55 * Math.exp(-(((bend - 0.52) / 0.008) ** 2)) + 0.6 * Math.exp(-(((bend - 0.68) / 0.012) ** 2)));
  return light * (1.15 - 0.75 * depth);
}

/** A drawn ultrasound fan of a spine, from nothing but arithmetic. No patient is in it. */
export function Fan() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen) return;
    const picture = pen.createImageData(WIDTH, HEIGHT);
    const random = seeded(7);
    const apexX = WIDTH / 2;
    const apexY = -170;
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < WIDTH; x += 1) {
        const angle = Math.atan2(x - apexX, y - apexY) / 0.62;
        const depth = (Math.hypot(x - apexX, y - apexY) - 250) / 540;
        if (Math.abs(angle) > 1 || depth < 0 || depth > 1) continue;
        const speckle = -Math.log(1 - 0.98 * random());
        const grey = 255 * Math.min(1, echo(angle, depth) * (0.45 + 0.55 * speckle));
        picture.data.set([grey, grey, grey, 255], 4 * (y * WIDTH + x));
      }
    }
    pen.putImageData(picture, 0, 0);
  }, []);
  return (
    <canvas
      ref={canvas}
      width={WIDTH}
      height={HEIGHT}
      style={{ objectFit: "contain", padding: "6%", boxSizing: "border-box" }}
    />
  );
}
