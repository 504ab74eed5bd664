import type { QueryClient } from "@tanstack/react-query";
import { ApiError, api, send } from "../../api/client";
import { keys } from "../../api/keys";
import { decodeMask, decodePicture } from "../../api/masks";
import type { FrameDetail, Revision } from "../../api/types";
import { type AssistPort, type FramePort, Labelmap, type SaveAnswer, type SavePort } from "../../editor";
import { askModel } from "./assistPort";

/** The revision number of an ETag like `"r12"`. Throws where the server sent something else. */
export function numberOf(etag: string | null): number {
  const found = /^(?:W\/)?"r(\d+)"$/.exec(etag ?? "");
  if (!found) throw new Error(`expected an ETag like "r12" with the mask, got ${etag ?? "none"}`);
  return Number(found[1]);
}

/** What a refused save means for the work that waits here. */
export function saveAnswerOf(error: unknown): SaveAnswer {
  // Half a minute without an answer: the line is dead, whatever the browser thinks.
  if (error instanceof DOMException && error.name === "TimeoutError") return { kind: "offline" };
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 412) {
    const { number, author, at } = error.detail;
    return { kind: "stale", number: Number(number), author: String(author), at: String(at) };
  }
  if (error.status === 401 || error.code === "other_person") return { kind: "signedOut" };
  if (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500)
    return { kind: "offline" };
  if (error.status === 413)
    return { kind: "refused", message: "The server, or a proxy before it, takes no mask of this size." };
  return { kind: "refused", message: error.message };
}

/** The most the server takes (docs/api.md): effort that is odd must not stand in the way of a mask. */
const MOST_SECONDS = 86_400;
const MOST_COUNTED = 100_000;
const LONGEST_SAVE_MS = 30_000;

interface ServerMask {
  map: Labelmap;
  etag: string;
  number: number;
}

/** The newest saved label map, and which revision it is; blank and 0 where nothing is saved. */
export async function fetchMask(frameId: string, signal?: AbortSignal): Promise<ServerMask> {
  // Masks change: a copy the browser kept would bring an old ETag along and every save would be stale.
  const answer = await send("GET", `/api/frames/${frameId}/mask`, undefined, {
    headers: { "Cache-Control": "no-cache" },
    ...(signal ? { signal } : {}),
  });
  const etag = answer.headers.get("ETag") ?? "";
  const map = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
  return { map, etag, number: numberOf(etag) };
}

/** The newest draft's label map; null where there is none. */
export async function fetchDraft(frameId: string, signal?: AbortSignal): Promise<Labelmap | null> {
  try {
    return await decodeMask(await api.bytes(`/api/frames/${frameId}/draft`, signal ? { signal } : {}));
  } catch (error) {
    if (error instanceof ApiError && error.code === "no_draft") return null;
    throw error;
  }
}

/**
 * The way from the engine to the server. Remembers which draft a frame's work grew from, so that the first save
 * can tell.
 */
export class EditorPorts {
  private readonly drafts = new Map<string, number>();
  /** Frames whose next save is the draft as a whole, whatever was there before. */
  private readonly accepted = new Set<string>();

  /** `userId`: whose strokes these are. Another tab may have signed in somebody else with the same cookie. */
  constructor(
    private readonly client: QueryClient,
    private readonly userId: number,
  ) {}

  /** Frames whose next save is a mask carried over, with the server's proposal where it made it. */
  private readonly carried = new Map<string, number | null>();

  /** The next save of this frame is a mask carried from other frames, accepted as it is. */
  proposalAccepted(frameId: string, proposal: number | null): void {
    this.carried.set(frameId, proposal);
  }

  /** Frames whose next save holds what the model proposed to clicks. */
  private readonly assisted = new Set<string>();

  readonly assist: AssistPort = {
    ask: askModel,
    accepted: (frameId) => this.assisted.add(frameId),
  };

  /** The next save of this frame is its draft, accepted as it is. */
  draftAccepted(frameId: string, draftId: number): void {
    this.drafts.set(frameId, draftId);
    this.accepted.add(frameId);
  }

  readonly frames: FramePort = {
    load: async (frameId, signal) => {
      const [picture, mask, detail] = await Promise.all([
        api.bytes(`/api/frames/${frameId}/image`, { signal }).then(decodePicture),
        fetchMask(frameId, signal),
        this.client.fetchQuery({
          queryKey: keys.frame(Number(frameId)),
          queryFn: () => api.get<FrameDetail>(`/api/frames/${frameId}`),
        }),
      ]);
      const { width, height } = mask.map;
      const found = mask.number === 0 && detail.draft ? await fetchDraft(frameId, signal) : null;
      if (detail.draft) this.drafts.set(frameId, detail.draft.id);
      const millimetresPerPixel = detail.clip.millimetres_per_pixel;
      const common = { picture, etag: mask.etag, number: mask.number, millimetresPerPixel };
      if (found) return { ...common, map: found, origin: "draft" };
      const map = mask.number === 0 ? new Labelmap(width, height) : mask.map;
      const origin = mask.number === 0 ? "blank" : "hand";
      return { ...common, map, origin };
    },
  };

  readonly saves: SavePort = {
    put: async ({ frameId, png, etag, meta }) => {
      const isCarried = this.carried.has(frameId);
      const isAssisted = this.assisted.has(frameId);
      const other = isAssisted ? "assisted" : meta.origin;
      const origin = isCarried ? "propagated" : this.accepted.has(frameId) ? "draft" : other;
      const fromDraft = origin === "draft" || (isAssisted && meta.origin === "draft");
      try {
        const answer = await send("PUT", `/api/frames/${frameId}/mask`, new Blob([png]), {
          headers: { "If-Match": etag, "Content-Type": "image/png", "Sonoloop-User": String(this.userId) },
          signal: AbortSignal.timeout(LONGEST_SAVE_MS),
          query: {
            origin,
            active_seconds: Math.min(meta.activeSeconds, MOST_SECONDS).toFixed(1),
            strokes: Math.min(meta.strokes, MOST_COUNTED),
            clicks: Math.min(meta.clicks, MOST_COUNTED),
            draft: fromDraft ? (this.drafts.get(frameId) ?? null) : null,
            proposal: isCarried ? (this.carried.get(frameId) ?? null) : null,
          },
        });
        this.accepted.delete(frameId);
        this.carried.delete(frameId);
        // Not what was accepted while this save was on its way.
        if (isAssisted) this.assisted.delete(frameId);
        const revision = (await answer.json()) as Revision;
        const fresh = answer.headers.get("ETag") ?? `"r${revision.number}"`;
        return { kind: "saved", etag: fresh, number: revision.number };
      } catch (error) {
        return saveAnswerOf(error);
      }
    },
    base: async (frameId, number, origin) => {
      const revisions = await api.get<Revision[]>(`/api/frames/${frameId}/revisions`);
      if (number > 0) {
        const base = revisions.find((revision) => revision.number === number);
        if (!base) throw new Error(`Revision ${number} of this frame is not in its history any more.`);
        return await decodeMask(await api.bytes(`/api/revisions/${base.id}/mask`));
      }
      // Both began from nothing saved. The draft is common to both only where the first save says so too.
      const common = origin === "draft" && revisions.find((each) => !each.parent)?.origin === "draft";
      const draft = common ? await fetchDraft(frameId) : null;
      if (draft) return draft;
      const { width, height } = (await fetchMask(frameId)).map;
      return new Labelmap(width, height);
    },
    newest: async (frameId) => {
      try {
        return await fetchMask(frameId);
      } catch (error) {
        if (error instanceof ApiError) return null;
        throw error;
      }
    },
  };
}
