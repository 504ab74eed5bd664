import { describe, expect, it } from "vitest";
import { Interpolation } from "./interpolate";
import { Labelmap } from "./labelmap";

function disc(label: number, x: number, y: number, radius: number, map = new Labelmap(120, 90)): Labelmap {
  for (let row = 0; row < map.height; row++)
    for (let column = 0; column < map.width; column++)
      if ((column - x) ** 2 + (row - y) ** 2 <= radius ** 2) map.data[row * map.width + column] = label;
  return map;
}

function dice(a: Labelmap, b: Labelmap, label: number): number {
  let [both, sum] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [inA, inB] = [a.data[i] === label, b.data[i] === label];
    sum += Number(inA) + Number(inB);
    both += Number(inA && inB);
  }
  return (2 * both) / sum;
}

describe("a mask between two key frames", () => {
  it("is the key frame itself at both ends", () => {
    const [first, second] = [disc(3, 30, 40, 12), disc(3, 60, 44, 9)];
    const masks = new Interpolation(first, second);
    expect(masks.at(0).equals(first)).toBe(true);
    expect(masks.at(1).equals(second)).toBe(true);
  });
  it("follows a structure that moves farther than it is wide, and grows on the way", () => {
    const masks = new Interpolation(disc(3, 25, 40, 8), disc(3, 85, 50, 16));
    expect(dice(masks.at(0.5), disc(3, 55, 45, 12), 3)).toBeGreaterThan(0.97);
    expect(dice(masks.at(0.25), disc(3, 40, 42.5, 10), 3)).toBeGreaterThan(0.95);
  });
  it("gives back the map where both key frames are the same, several labels and the picture's border with them", () => {
    const map = disc(255, 100, 80, 30, disc(2, 60, 45, 10, disc(1, 0, 0, 25)));
    expect(new Interpolation(map, map).at(0.4).equals(map)).toBe(true);
  });
  it("lets what only one key frame has shrink away, without holes and in its place", () => {
    const masks = new Interpolation(disc(7, 50, 40, 15), new Labelmap(120, 90));
    const areas = [0.1, 0.4, 0.7, 0.99].map(
      (share) => masks.at(share).data.filter((label) => label === 7).length,
    );
    expect(areas).toEqual([...areas].sort((a, b) => b - a));
    expect(areas[0]).toBeGreaterThan(500);
    expect(areas[3]).toBeLessThan(20);
    expect(dice(masks.at(0.5), disc(7, 50, 40, 7.5), 7)).toBeGreaterThan(0.85);
  });
  it("draws nothing but labels the key frames have", () => {
    const masks = new Interpolation(disc(2, 40, 40, 14, disc(9, 70, 40, 20)), disc(2, 60, 40, 14));
    for (const share of [0.2, 0.5, 0.8])
      for (const label of new Set(masks.at(share).data)) expect([0, 2, 9]).toContain(label);
  });
  it("refuses key frames of different sizes", () => {
    expect(() => new Interpolation(new Labelmap(4, 4), new Labelmap(5, 4))).toThrow(/one size/);
  });
});
