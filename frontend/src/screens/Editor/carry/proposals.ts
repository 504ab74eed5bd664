import { ApiError, api, send } from "../../../api/client";
import { bytesOfBase64 } from "../../../api/clipFrames";
import { decodeMask, encodeMask } from "../../../api/masks";
import type {
  AcceptedProposals,
  Frame,
  Revision,
  ServerProposal,
  ServerProposals,
  TakenBackProposals,
} from "../../../api/types";
import type { Labelmap } from "../../../editor";

/** How the masks were made. */
export type Way = "follow" | "between" | "copy";

/** A mask offered for a frame. Nothing is saved before a person accepts it. */
export interface Proposal {
  readonly frame: Frame;
  readonly map: Labelmap;
  readonly way: Way;
  /** Of the server's row; null where the mask was made on this page. */
  readonly id: number | null;
  readonly isDoubtful: boolean;
  /** 0..1, where something was measured. */
  readonly score: number | null;
}

/** One accepted proposal: what is needed to take it back. */
export interface Accepted {
  readonly frame: number;
  readonly revision: number;
}

export interface Outcome {
  readonly saved: Accepted[];
  readonly refused: { readonly frame: number; readonly message: string }[];
}

/** What the server offers for the frames of a clip, and the masks of those that may be taken, by proposal. */
export interface Offers extends ServerProposals {
  readonly maps: ReadonlyMap<number, Labelmap>;
}

export async function fetchOffers(clipId: number, signal: AbortSignal): Promise<Offers> {
  const found = await api.get<ServerProposals>(`/api/clips/${clipId}/proposals`, {
    query: { masks: 1 },
    signal,
  });
  const maps = await Promise.all(
    found.proposals.flatMap(({ id, png, blocked }) =>
      png && !blocked ? [decodeMask(bytesOfBase64(png)).then((map) => [id, map] as const)] : [],
    ),
  );
  return { ...found, maps: new Map(maps) };
}

export function fromServer(row: ServerProposal, map: Labelmap, frame: Frame): Proposal {
  return {
    frame,
    map,
    way: "follow",
    id: row.id,
    isDoubtful: row.flag === "amber",
    score: row.score,
  };
}

/** In place of the server's words for one open frame, which would speak of "this frame" and of the reader by name. */
const WORKED_ON = "Worked on since, and left as it is.";

/** Save proposals as this person's revisions. Frames that moved on meanwhile are refused one by one, and named. */
export async function accept(
  clipId: number,
  proposals: readonly Proposal[],
  userId: number,
): Promise<Outcome> {
  const outcome: Outcome = { saved: [], refused: [] };
  const follow = proposals.filter(({ id }) => id !== null);
  if (follow.length) {
    const answer = await api.post<AcceptedProposals>(`/api/clips/${clipId}/proposals/accept`, {
      frames: follow.map(({ frame }) => frame.id),
    });
    for (const { frame, revision } of answer.saved) outcome.saved.push({ frame, revision: revision.number });
    for (const { frame, code, message } of answer.refused)
      outcome.refused.push({ frame, message: code === "stale_revision" ? WORKED_ON : message });
  }
  for (const { frame, map } of proposals.filter(({ id }) => id === null)) {
    try {
      outcome.saved.push({ frame: frame.id, revision: await put(frame.id, map, userId) });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0) throw error;
      outcome.refused.push({ frame: frame.id, message: error.status === 412 ? WORKED_ON : error.message });
    }
  }
  return outcome;
}

/** Make the frames untouched again, each on its own. Answers which could not be. */
export async function takeBack(clipId: number, accepted: readonly Accepted[]): Promise<Outcome["refused"]> {
  const answer = await api.post<TakenBackProposals>(`/api/clips/${clipId}/proposals/take-back`, {
    frames: accepted,
  });
  return answer.refused;
}

async function put(frame: number, map: Labelmap, userId: number): Promise<number> {
  const answer = await send("PUT", `/api/frames/${frame}/mask`, new Blob([await encodeMask(map)]), {
    // Made only for frames nobody has saved: whoever saved since keeps their work.
    headers: { "If-Match": '"r0"', "Content-Type": "image/png", "Sonoloop-User": String(userId) },
    query: { origin: "propagated" },
  });
  return ((await answer.json()) as Revision).number;
}
