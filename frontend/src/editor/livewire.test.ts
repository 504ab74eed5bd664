import { describe, expect, test } from "vitest";
import { LiveWire } from "./livewire";

describe("the live wire", () => {
  const [width, height] = [120, 160];
  /** A bright disc in the dark: its rim is the edge. */
  const greys = Uint8Array.from({ length: width * height }, (_, i) =>
    Math.hypot((i % width) - 60, Math.floor(i / width) - 80) < 40 ? 200 : 30,
  );
  const seed = [60, 40] as const;
  const target = { x: 60.5, y: 120.5 };

  test("looks for edges a little at a time, and then goes the way it would have gone at once", () => {
    const atOnce = new LiveWire(greys, width, height, ...seed).pathTo(target);
    const wire = new LiveWire(greys, width, height, ...seed);
    expect(wire.pathTo(target, 1000)).toBeNull();
    for (let steps = 0; !wire.expand(1000); steps++) expect(steps).toBeLessThan(1000);
    expect(wire.pathTo(target, 0)).toEqual(atOnce);
  });

  test("follows the rim round, not straight across", () => {
    const path = new LiveWire(greys, width, height, ...seed).pathTo(target) ?? [];
    const middle = path.slice(10, -10).map(({ x, y }) => Math.hypot(x - 60, y - 80));
    expect(middle.length).toBeGreaterThan(50);
    for (const distance of middle) expect(Math.abs(distance - 40)).toBeLessThan(5);
  });
});
