import { useQuery } from "@tanstack/react-query";
import { type RefObject, useCallback, useEffect, useMemo, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { decodeMask } from "../../api/masks";
import type { Frame, FrameDetail, Revision } from "../../api/types";
import { type Action, doubt, type EditorSession, type Labelmap, type Renderer } from "../../editor";
import { fetchDraft, fetchMask } from "./ports";
import { type Confidence, useConfidence } from "./useConfidence";
import { useEditorState } from "./useSession";
import { previousVersion } from "./versions";

/** What the mask is compared with. */
export type Against = "nothing" | "draft" | "previous";

export interface Layers {
  /** Outlines of the masks of the selected frames before and after. */
  neighbours: boolean;
  setNeighbours: (on: boolean) => void;
  /** The draft's outline under the correction. */
  ghost: boolean;
  setGhost: (on: boolean) => void;
  /** Where the model that made the draft was not sure. */
  uncertainty: boolean;
  setUncertainty: (on: boolean) => void;
  confidence: Confidence;
  against: Against;
  setAgainst: (against: Against) => void;
  hasDraft: boolean;
  /** The version a reviewer saw last, or another person left; null where there is none. */
  previous: Revision | null;
  taps: Partial<Record<Action, () => void>>;
  holds: Partial<Record<Action, (held: boolean) => void>>;
}

/** What lies over the frame beside its mask, and the keys for it. */
export function useLayers({
  session,
  renderer,
  detail,
  frames,
}: {
  session: EditorSession;
  renderer: RefObject<Renderer | null>;
  detail: FrameDetail | null;
  frames: readonly Frame[];
}): Layers {
  const { frameId: open } = useEditorState(session);
  const [neighbours, setNeighbours] = useState(false);
  const [ghost, setGhost] = useState(false);
  const [uncertainty, showUncertainty] = useState(false);
  const confidence = useConfidence(detail);
  const { map: sure, want } = confidence;
  const setUncertainty = useCallback(
    (on: boolean) => {
      if (on) want();
      showUncertainty(on);
    },
    [want],
  );
  const [against, setAgainst] = useState<Against>("nothing");
  const [flip, setFlip] = useState<Exclude<Against, "nothing"> | null>(null);
  const id = detail && open === String(detail.id) ? detail.id : 0;
  const hasDraft = detail?.draft != null;

  const draft = useMap(
    [...keys.frame(id), "draft-map", detail?.draft?.id],
    id > 0 && hasDraft && (ghost || against === "draft" || flip === "draft"),
    (signal) => fetchDraft(String(id), signal),
  );
  const revisions = useQuery({
    queryKey: keys.revisions(id),
    queryFn: ({ signal }) => api.get<Revision[]>(`/api/frames/${id}/revisions`, { signal }),
    enabled: id > 0 && detail?.annotation != null,
  });
  const previous = useMemo(() => previousVersion(revisions.data ?? []), [revisions.data]);
  const previousMap = useMap(
    [...keys.revisions(id), "map", previous?.id],
    previous !== null && (against === "previous" || flip === "previous"),
    async (signal) => decodeMask(await api.bytes(`/api/revisions/${previous?.id}/mask`, { signal })),
  );
  const around = useMemo(() => selectedAround(frames, id), [frames, id]);
  const before = useMap(neighbourKey(around.before), neighbours && around.before !== null, (signal) =>
    neighbourMask(around.before, signal),
  );
  const after = useMap(neighbourKey(around.after), neighbours && around.after !== null, (signal) =>
    neighbourMask(around.after, signal),
  );

  useEffect(() => {
    const drawn = renderer.current;
    const frame = session.editor.openFrame;
    // Layers go with the frame they belong to; what comes late must not lie over another one.
    if (!drawn || !id || frame?.id !== String(id)) return;
    const fits = (map: Labelmap | null) =>
      map && map.width === session.editor.width && map.height === session.editor.height ? map : null;
    drawn.setOnion(neighbours ? { previous: fits(before), next: fits(after) } : null);
    drawn.setGhost(ghost ? fits(draft) : null);
    const from = fits(against === "draft" ? draft : against === "previous" ? previousMap : null);
    drawn.setDifference(from, from && frame.document.labelmap);
    drawn.setInstead(fits(flip === "draft" ? draft : flip === "previous" ? previousMap : null));
  }, [renderer, session, id, neighbours, before, after, ghost, draft, against, previousMap, flip]);

  useEffect(() => {
    const drawn = renderer.current;
    if (!drawn || !id || session.frameId !== String(id)) return;
    drawn.setHeat(uncertainty && sure ? doubt(sure) : null);
  }, [renderer, session, id, uncertainty, sure]);

  // The same until something of it changes: the panels need not be rendered anew with every stroke.
  return useMemo(
    () => ({
      uncertainty,
      setUncertainty,
      confidence,
      neighbours,
      setNeighbours,
      ghost,
      setGhost,
      against,
      setAgainst,
      hasDraft,
      previous,
      taps: {
        neighbours: () => setNeighbours((on) => !on),
        uncertainty: () => setUncertainty(!uncertainty),
        "draft.ghost": () => setGhost((on) => !on),
        difference: () => setAgainst((now) => nextAgainst(now, hasDraft, previous !== null)),
      },
      holds: {
        "draft.flip": (held) => setFlip(held ? "draft" : null),
        "previous.flip": (held) => setFlip(held ? "previous" : null),
      },
    }),
    [uncertainty, setUncertainty, confidence, neighbours, ghost, against, hasDraft, previous],
  );
}

/** Off, against the draft, against the previous version, off: what there is of them. */
export function nextAgainst(now: Against, hasDraft: boolean, hasPrevious: boolean): Against {
  const all: Against[] = [
    "nothing",
    ...(hasDraft ? ["draft" as const] : []),
    ...(hasPrevious ? ["previous" as const] : []),
  ];
  return all[(all.indexOf(now) + 1) % all.length];
}

/** The selected frames next to a frame, on both sides. */
export function selectedAround(
  frames: readonly Frame[],
  id: number,
): { before: Frame | null; after: Frame | null } {
  const at = frames.findIndex((frame) => frame.id === id);
  if (at < 0) return { before: null, after: null };
  return {
    before: frames.slice(0, at).findLast((frame) => frame.selected) ?? null,
    after: frames.slice(at + 1).find((frame) => frame.selected) ?? null,
  };
}

const neighbourKey = (frame: Frame | null) => [...keys.revisions(frame?.id ?? 0), "shown"];

/** What a neighbour shows: its newest revision, else its draft; null where it has neither. */
async function neighbourMask(frame: Frame | null, signal: AbortSignal): Promise<Labelmap | null> {
  if (!frame) return null;
  const saved = await fetchMask(String(frame.id), signal);
  return saved.number > 0 ? saved.map : fetchDraft(String(frame.id), signal);
}

function useMap(
  queryKey: readonly unknown[],
  enabled: boolean,
  load: (signal: AbortSignal) => Promise<Labelmap | null>,
): Labelmap | null {
  const { data } = useQuery({
    queryKey,
    queryFn: ({ signal }) => load(signal),
    enabled,
    staleTime: 30_000,
    gcTime: 60_000,
  });
  return enabled ? (data ?? null) : null;
}
