import type { Bottleneck, Stats } from "../../api/types";
import { count, plural, score } from "../../ui/format";

/** One stage of the loop, as the spine shows it. */
export interface Station {
  key: "clips" | "frames" | "selected" | "corrected" | "gold" | "dataset" | "model";
  number: string;
  name: string;
  note: string;
  /** Where its list is, under the project's address. */
  to: string;
  /** How much of the stage before has come this far, 0–1: the filled part of the line into it. */
  arrived: number;
  stuck: boolean;
}

const STUCK_AT: Record<Bottleneck, Station["key"]> = {
  upload: "clips",
  annotate: "corrected",
  review: "gold",
  freeze: "dataset",
  train: "model",
  promote: "model",
};

const share = (part: number, whole: number) => (whole > 0 ? Math.min(1, part / whole) : 0);

/** Frames a person has finished with: handed in or accepted. Returned ones are to be done again. */
export const corrected = (stats: Stats) => stats.submitted + stats.accepted;

/** The seven stages of the loop with their numbers. */
export function stationsOf(stats: Stats): Station[] {
  const stuckAt = stats.bottleneck ? STUCK_AT[stats.bottleneck] : null;
  const { newest_dataset: dataset, champion } = stats;
  const all: Omit<Station, "stuck">[] = [
    {
      key: "clips",
      number: count(stats.clips),
      name: stats.clips === 1 ? "clip" : "clips",
      note: plural(stats.subjects, "subject"),
      to: "/clips",
      arrived: share(stats.clips, 1),
    },
    {
      key: "frames",
      number: count(stats.frames),
      name: stats.frames === 1 ? "frame" : "frames",
      note: stats.clips > 0 ? `${count(stats.frames / stats.clips)} a clip` : "",
      to: "/clips",
      arrived: share(stats.frames, 1),
    },
    {
      key: "selected",
      number: count(stats.selected),
      name: "selected",
      note: stats.drafted > 0 ? `${count(stats.drafted)} drafted` : "",
      to: "/clips",
      arrived: share(stats.selected, 1),
    },
    {
      key: "corrected",
      number: count(corrected(stats)),
      name: "corrected",
      note: stats.open + stats.returned > 0 ? `${count(stats.open + stats.returned)} in work` : "",
      to: "/review",
      arrived: share(corrected(stats), stats.selected),
    },
    {
      key: "gold",
      number: count(stats.accepted),
      name: "gold",
      note: stats.submitted > 0 ? `${count(stats.submitted)} to review` : "",
      to: "/review",
      arrived: share(stats.accepted, corrected(stats)),
    },
    {
      key: "dataset",
      number: dataset ? `v${dataset.number}` : "–",
      name: "dataset",
      note: stats.datasets > 1 ? `${stats.datasets} versions` : "",
      to: "/datasets",
      arrived: dataset ? 1 : 0,
    },
    {
      key: "model",
      number: champion ? `#${champion.number}` : "–",
      name: "model",
      note:
        champion?.dice != null
          ? `Dice ${score(champion.dice)}`
          : stats.models > 0
            ? `${stats.models} trained`
            : "",
      to: "/models",
      arrived: champion ? 1 : 0,
    },
  ];
  return all.map((station) => ({ ...station, stuck: station.key === stuckAt }));
}

/** What to do next about the bottleneck, in words and one step. */
export interface NextStep {
  text: string;
  verb: string;
  /** "annotate" opens the queue; anything else is an address under the project. */
  go: "annotate" | string;
  needs: "upload" | "annotate" | "review" | "manage";
}

export function nextStep(stats: Stats): NextStep | null {
  switch (stats.bottleneck) {
    case "upload":
      return {
        text:
          stats.clips === 0
            ? "The loop begins with a clip. Drop ultrasound videos anywhere on this page."
            : "Everything here is done. New clips keep the model growing.",
        verb: "Upload clips",
        go: "/clips?upload=1",
        needs: "upload",
      };
    case "annotate": {
      const waiting = plural(stats.waiting.annotate, "frame waits", "frames wait");
      const by = stats.champion
        ? "the one the model is least sure of comes first"
        : "no model yet, so draw these by hand";
      return {
        text: `${waiting} for a correction: ${by}.`,
        verb: "Annotate next",
        go: "annotate",
        needs: "annotate",
      };
    }
    case "review":
      return {
        text: `${plural(stats.waiting.review, "frame waits", "frames wait")} for a reviewer’s word.`,
        verb: "Review",
        go: "/review",
        needs: "review",
      };
    case "freeze":
      return {
        text: `${plural(stats.accepted, "gold frame is", "gold frames are")} ready to be frozen into a dataset.`,
        verb: "Freeze a dataset",
        go: "/datasets",
        needs: "manage",
      };
    case "train":
      return {
        text: `Dataset v${stats.newest_dataset?.number ?? ""} has not been trained on yet.`,
        verb: "Train a model",
        go: "/training",
        needs: "manage",
      };
    case "promote":
      return {
        text: "A trained candidate waits to be compared with the champion.",
        verb: "Compare models",
        go: "/models",
        needs: "manage",
      };
    case null:
      return null;
  }
}
