import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

export interface Curve {
  name: string;
  values: (number | null)[];
  /** A CSS custom property of tokens.css, as "--accent". */
  color: string;
  dashed?: boolean;
}

/**
 * Curves over epochs. The x axis is as long as the run will be, so that what is missing can be seen;
 * charts with one `sync` name share their cursor.
 */
export function Curves({
  epochs,
  curves,
  lastEpoch,
  range,
  sync,
  height = 240,
  label,
}: {
  epochs: number[];
  curves: Curve[];
  lastEpoch: number;
  /** Of the y axis; without it, whatever the values need. */
  range?: [number, number];
  sync: string;
  height?: number;
  label: string;
}) {
  const scheme = useComputedColorScheme("dark");
  const { ref: box, width } = useElementSize<HTMLDivElement>();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [epochs, ...curves.map((curve) => curve.values)];
  const latest = useRef(data);
  latest.current = data;
  const shape = curves.map((curve) => `${curve.name}${curve.color}${curve.dashed ?? ""}`).join();
  const [low, high] = range ?? [];

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the curves, `scheme` for the colours that css variables have just then
  useEffect(() => {
    const element = host.current;
    if (!element || width === 0) return;
    const css = getComputedStyle(document.documentElement);
    const color = (name: string) => css.getPropertyValue(name).trim();
    const axis: uPlot.Axis = {
      stroke: color("--text-3"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
      font: `12px ${css.getPropertyValue("--font")}`,
      size: 36,
    };
    const made = new uPlot(
      {
        width,
        height,
        padding: [8, 8, 0, 0],
        legend: { show: true, live: true },
        cursor: { sync: { key: sync }, points: { size: 6 } },
        scales: {
          x: { time: false, range: [1, Math.max(2, lastEpoch)] },
          y: low !== undefined && high !== undefined ? { range: [low, high] } : {},
        },
        axes: [
          { ...axis, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
          { ...axis, size: 44 },
        ],
        series: [
          {
            label: "Epoch",
            value: (_: uPlot, value: number | null) =>
              value === null || value === undefined ? "–" : String(value),
          },
          ...curves.map((curve) => ({
            label: curve.name,
            stroke: color(curve.color),
            width: 2,
            spanGaps: true,
            points: { show: curve.values.length < 2 },
            ...(curve.dashed ? { dash: [5, 4] } : {}),
            value: (_: uPlot, value: number | null) =>
              value === null || value === undefined ? "–" : value.toFixed(3),
          })),
        ],
      },
      latest.current,
      element,
    );
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [width, height, scheme, shape, lastEpoch, low, high, sync]);

  useEffect(() => {
    plot.current?.setData(data);
  });

  return (
    <div ref={box} role="img" aria-label={label} style={{ minHeight: height + 28 }}>
      <div ref={host} />
    </div>
  );
}
