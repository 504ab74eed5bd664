import { expect, it } from "vitest";
import type { Stats } from "../../api/types";
import { nextStep, stationsOf } from "./stations";

const EMPTY: Stats = {
  clips: 0,
  subjects: 0,
  frames: 0,
  selected: 0,
  untouched: 0,
  open: 0,
  submitted: 0,
  returned: 0,
  accepted: 0,
  drafted: 0,
  datasets: 0,
  newest_dataset: null,
  models: 0,
  champion: null,
  waiting: { annotate: 0, review: 0, jobs: 0 },
  bottleneck: "upload",
  activity: [],
};

it("shows an empty project as seven stages with nothing arrived, stuck at the first", () => {
  const stations = stationsOf(EMPTY);
  expect(stations.map(({ number }) => number)).toEqual(["0", "0", "0", "0", "0", "–", "–"]);
  expect(stations.every(({ arrived }) => arrived === 0)).toBe(true);
  expect(stations.filter(({ stuck }) => stuck).map(({ key }) => key)).toEqual(["clips"]);
  expect(nextStep(EMPTY)?.go).toBe("/clips?upload=1");
});

it("counts as corrected what people have finished, and never what was returned to them", () => {
  const stats: Stats = { ...EMPTY, clips: 2, selected: 40, submitted: 5, accepted: 15, returned: 3, open: 2 };
  const byKey = Object.fromEntries(stationsOf(stats).map((station) => [station.key, station]));
  expect(byKey.corrected).toMatchObject({ number: "20", note: "5 in work", arrived: 0.5 });
  expect(byKey.gold).toMatchObject({ number: "15", note: "5 to review", arrived: 0.75 });
});

it("marks one bottleneck and names the step that opens it", () => {
  const stats: Stats = {
    ...EMPTY,
    accepted: 9,
    submitted: 1,
    waiting: { annotate: 0, review: 1, jobs: 0 },
    bottleneck: "review",
  };
  expect(stationsOf(stats).filter(({ stuck }) => stuck)).toHaveLength(1);
  expect(nextStep(stats)).toMatchObject({ text: "1 frame waits for a reviewer’s word.", needs: "review" });
  expect(nextStep({ ...stats, bottleneck: null })).toBeNull();
});
