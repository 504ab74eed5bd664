import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { Frame, FrameDetail, Job, PropagationJob } from "../../../api/types";
import { describe, interpolate, type Labelmap, type Renderer } from "../../../editor";
import { errorText } from "../../../ui/ErrorState";
import { plural } from "../../../ui/format";
import { fetchMask } from "../ports";
import { type Desk, useEditorState } from "../useSession";
import { following, stretches } from "./plan";
import {
  type Accepted,
  accept as acceptAll,
  fetchOffers,
  fromServer,
  type Outcome,
  type Proposal,
  takeBack,
  type Way,
} from "./proposals";
import { keepTaken, takenGroups } from "./taken";

export type Direction = "backward" | "both" | "forward";

export interface Carry {
  /** In order of time; of selected frames only. */
  proposals: readonly Proposal[];
  /** For the open frame; null where there is none. */
  here: Proposal | null;
  /** What the server works on; null while nothing runs. */
  job: Job | null;
  busy: boolean;
  /** What was accepted together last, until it is taken back or put away. */
  accepted: Outcome | null;
  /** Which frames were refused then, and why; empty where none was. */
  refusals: string;
  /** The undo key, before anything else: take back what was accepted together, where nothing was drawn since. */
  undoFirst: (isHeld: boolean) => boolean;
  /** The undo key, where nothing else is left: show what was accepted together last and not taken back. */
  offerBack: () => void;
  takeBack: () => Promise<void>;
  putAway: () => void;
  start: (way: Way, direction: Direction, count: number) => Promise<void>;
  cancel: () => void;
  accept: (which: readonly Proposal[]) => Promise<void>;
  dismiss: (which: readonly Proposal[]) => Promise<void>;
}

const NONE: readonly Proposal[] = [];

/** Masks carried from frames somebody drew on to frames nobody has touched: offered, accepted, taken back. */
export function useCarry({
  desk,
  renderer,
  detail,
  frames,
}: {
  desk: Desk;
  renderer: RefObject<Renderer | null>;
  detail: FrameDetail | null;
  frames: readonly Frame[];
}): Carry {
  const { session, me, ports } = desk;
  const client = useQueryClient();
  const { frameId: open } = useEditorState(session);
  const clipId = detail?.clip.id ?? 0;
  const [made, setMade] = useState<readonly Proposal[]>(NONE);
  const [jobId, setJobId] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [accepted, setAccepted] = useState<Outcome | null>(null);
  /** When it was shown, and when the undo key was pressed last: milliseconds of `performance.now()`. */
  const shownAt = useRef(0);
  const pressedAt = useRef(0);
  const sinceLastPress = useRef(0);
  /** Something was drawn since: undo means that first. */
  const drawn = useRef(false);
  useEffect(
    () =>
      session.editor.on("edited", () => {
        drawn.current = true;
      }),
    [session],
  );
  const show = useCallback((outcome: Outcome | null) => {
    drawn.current = false;
    shownAt.current = performance.now();
    setAccepted(outcome);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was made belongs to the clip it was made for
  useEffect(() => {
    setMade(NONE);
    setJobId(null);
    show(null);
  }, [clipId]);

  const { data: job } = useQuery({
    queryKey: keys.job(jobId ?? 0),
    queryFn: () => api.get<Job>(`/api/jobs/${jobId}`),
    enabled: jobId !== null,
    refetchInterval: (query) => (isRunning(query.state.data) ? 700 : false),
  });
  const jobState = job?.state;
  const rows = useQuery({
    queryKey: ["proposals", clipId],
    queryFn: ({ signal }) => fetchOffers(clipId, signal),
    enabled: clipId > 0,
    staleTime: 60_000,
  });
  useEffect(() => {
    if (!jobState || isRunning(job)) return;
    setJobId(null);
    if (jobState === "failed" || jobState === "quarantined")
      notifications.show({ color: "red", title: "Nothing was carried over", message: job?.error ?? "" });
    void rows.refetch().then(({ data }) => {
      const [newest] = data?.propagations ?? [];
      const isEmpty = newest && !data?.proposals.some(({ propagation }) => propagation === newest.id);
      if (jobState === "done" && isEmpty)
        notifications.show({
          title: "Nothing was carried over",
          message: newest.stops.map(({ message }) => message).join(" ") || NO_COPY,
        });
    });
  }, [jobState, job, rows.refetch]);

  const proposals = useMemo(() => {
    const byId = new Map(frames.map((frame) => [frame.id, frame]));
    const carried = (rows.data?.proposals ?? []).flatMap((row) => {
      const frame = byId.get(row.frame);
      // What was saved, submitted or begun by another since is not offered any more.
      const map = rows.data?.maps.get(row.id);
      return frame?.selected && map ? [fromServer(row, map, frame)] : [];
    });
    const local = made.filter(({ frame }) => byId.get(frame.id)?.state === "untouched");
    const own = new Set(local.map(({ frame }) => frame.id));
    return [...local, ...carried.filter(({ frame }) => !own.has(frame.id))].sort(
      (a, b) => a.frame.index - b.frame.index,
    );
  }, [rows.data, made, frames]);
  const here = proposals.find(({ frame }) => String(frame.id) === open) ?? null;

  useEffect(() => {
    const fits = here && here.map.width === session.editor.width && here.map.height === session.editor.height;
    if (session.frameId === open) renderer.current?.setProposal(fits ? here.map : null);
  }, [renderer, session, here, open]);

  const doing = useCallback(async (title: string, act: () => Promise<void>) => {
    setBusy(true);
    try {
      await act();
    } catch (error) {
      notifications.show({ color: "red", title, message: errorText(error) });
    } finally {
      setBusy(false);
    }
  }, []);

  const refresh = useCallback(
    async (changed: readonly number[]) => {
      await Promise.all(changed.map((id) => session.forget(String(id))));
      setMade((known) => known.filter(({ frame }) => !changed.includes(frame.id)));
      for (const queryKey of [["frames"], ["queue"], ["stats"], ["clips"], ["proposals", clipId]])
        void client.invalidateQueries({ queryKey });
      for (const id of changed) void client.invalidateQueries({ queryKey: keys.frame(id) });
    },
    [client, session, clipId],
  );

  /** What was drawn a moment ago on one of these frames is work on it: the server must know before it decides. */
  const saveUnsaved = useCallback(
    async (ids: readonly number[]) => {
      const unsaved = ids.map(String).filter((id) => session.autosave.unsavedMap(id));
      await Promise.all(unsaved.map((id) => session.autosave.saveNow(id)));
    },
    [session],
  );

  const undo = useCallback(
    (saved: readonly Accepted[]) =>
      doing("Not everything was taken back", async () => {
        show(null);
        await saveUnsaved(saved.map(({ frame }) => frame));
        const refused = await takeBack(clipId, saved);
        const of = JSON.stringify(saved);
        keepTaken(
          me.id,
          clipId,
          takenGroups(me.id, clipId).filter((group) => JSON.stringify(group) !== of),
        );
        const kept = new Set(refused.map(({ frame }) => frame));
        await refresh(saved.map(({ frame }) => frame).filter((frame) => !kept.has(frame)));
        notifications.show({ message: takenBack(saved, refused, frames) });
      }),
    [doing, refresh, me.id, clipId, show, frames, saveUnsaved],
  );

  /**
   * Show what could be taken back; asked again once that was seen, take it back. A key held down, or pressed once too
   * often while strokes are undone, is no such answer.
   */
  const askBack = (group: Outcome) => {
    const isSeen = accepted !== null && performance.now() - shownAt.current > SEEN_MS;
    if (isSeen && sinceLastPress.current > SEEN_MS) void undo(group.saved);
    else show(group);
  };

  return {
    proposals,
    here,
    job: jobId !== null && job && isRunning(job) ? job : null,
    busy,
    accepted,
    refusals: accepted ? reasons(accepted.refused, frames) : "",
    undoFirst: (isHeld) => {
      const now = performance.now();
      sinceLastPress.current = isHeld ? 0 : now - pressedAt.current;
      pressedAt.current = now;
      if (busy) return true; // what is taken back now is not undone twice
      if (!accepted?.saved.length || drawn.current || !session.editor.mayChange()) return false;
      askBack(accepted);
      return true;
    },
    offerBack: () => {
      const newest = takenGroups(me.id, clipId).at(-1);
      if (newest) askBack({ saved: newest, refused: [] });
    },
    takeBack: () => (accepted ? undo(accepted.saved) : Promise.resolve()),
    putAway: () => show(null),
    cancel: () => {
      if (jobId !== null) void api.post(`/api/jobs/${jobId}/cancel`).catch(() => undefined);
    },
    start: (way, direction, count) =>
      doing("Nothing was carried over", async () => {
        const frame = session.editor.openFrame;
        if (!session.editor.mayChange() || !detail || frame?.id !== String(detail.id)) return;
        const state = await session.autosave.saveNow(frame.id);
        if (state.kind !== "saved") throw new Error(describe(state));
        show(null);
        if (way === "follow") {
          if (!copies(frames, detail.id, frame.document.labelmap, direction, count).length)
            throw new Error(NO_COPY);
          if (state.number === 0)
            throw new Error("Draw on this frame first: its saved mask is what is carried.");
          const answer = await api.post<PropagationJob>(`/api/clips/${clipId}/propagate`, {
            frame: detail.id,
            direction,
            count,
          });
          setJobId(answer.job.id);
          return;
        }
        const found =
          way === "copy"
            ? copies(frames, detail.id, frame.document.labelmap, direction, count)
            : await between(frames, detail.id, frame.document.labelmap, state.number > 0);
        if (!found.length) throw new Error(way === "copy" ? NO_COPY : NO_BETWEEN);
        setMade(found);
      }),
    accept: (which) =>
      doing("Not accepted", async () => {
        if (!session.editor.mayChange()) return;
        const [opened] = which.filter(({ frame }) => String(frame.id) === session.frameId);
        if (which.length === 1 && opened) {
          // On the table it is one step like any other: undo takes it back.
          const id = String(opened.frame.id);
          ports.proposalAccepted(id, opened.id);
          if (opened.map.equals(mapOf(session))) session.autosave.edited(id, opened.map);
          else session.editor.applyMap(opened.map);
          const state = await session.autosave.saveNow(id);
          if (state.kind !== "saved") throw new Error(describe(state));
          setMade((known) => known.filter(({ frame }) => frame.id !== opened.frame.id));
          void client.invalidateQueries({ queryKey: ["proposals", clipId] });
          return;
        }
        await saveUnsaved(which.map(({ frame }) => frame.id));
        const outcome = await acceptAll(clipId, which, me.id);
        await refresh(outcome.saved.map(({ frame }) => frame));
        if (outcome.saved.length) keepTaken(me.id, clipId, [...takenGroups(me.id, clipId), outcome.saved]);
        show(outcome);
      }),
    dismiss: (which) =>
      doing("Not dismissed", async () => {
        const gone = new Set(which.map(({ frame }) => frame.id));
        setMade((known) => known.filter(({ frame }) => !gone.has(frame.id)));
        const ids = which.filter(({ id }) => id !== null).map(({ frame }) => frame.id);
        if (!ids.length) return;
        await api.delete(`/api/clips/${clipId}/proposals`, { query: { frames: ids.join(",") } });
        await client.invalidateQueries({ queryKey: ["proposals", clipId] });
      }),
  };
}

/** So long, in milliseconds, an offer is on the screen before the undo key takes it. */
const SEEN_MS = 600;
const NO_COPY = "No selected frame that way waits for a person.";
const NO_BETWEEN =
  "There are no untouched selected frames between two frames somebody drew on. Draw on one farther along first.";

const isRunning = (job: Job | undefined) => job?.state === "queued" || job?.state === "running";
/** Frames by the numbers people count them by, with why each was refused. */
export function reasons(refused: Outcome["refused"], frames: readonly Pick<Frame, "id" | "index">[]): string {
  const numbers = new Map(frames.map(({ id, index }) => [id, index + 1]));
  return [...new Set(refused.map(({ message }) => message))]
    .map((message) => {
      const those = refused.filter((each) => each.message === message);
      const named = those.map(({ frame }) => numbers.get(frame) ?? "?").join(", ");
      return ` Frame${those.length > 1 ? "s" : ""} ${named}: ${message}`;
    })
    .join("");
}

/** How many frames were taken back, and which were not. Each of those was changed since it was accepted. */
export function takenBack(
  saved: readonly Accepted[],
  refused: Outcome["refused"],
  frames: readonly Pick<Frame, "id" | "index">[],
): string {
  const done = `${plural(saved.length - refused.length, "frame")} taken back.`;
  if (!refused.length) return done;
  const kept = new Set(refused.map(({ frame }) => frame));
  const numbers = frames.filter(({ id }) => kept.has(id)).map(({ index }) => index + 1);
  return `${done} Worked on since, and left as it is: ${numbers.length > 1 ? "frames" : "frame"} ${numbers.join(", ")}.`;
}

function mapOf(session: Desk["session"]): Labelmap {
  const frame = session.editor.openFrame;
  if (!frame) throw new Error("No frame is open.");
  return frame.document.labelmap;
}

const local =
  (way: Way) =>
  (frame: Frame, map: Labelmap): Proposal => ({
    frame,
    map,
    way,
    id: null,
    isDoubtful: false,
    score: null,
  });

function copies(
  frames: readonly Frame[],
  id: number,
  map: Labelmap,
  direction: Direction,
  count: number,
): Proposal[] {
  const at = frames.findIndex((frame) => frame.id === id);
  const ways = direction === "both" ? (["backward", "forward"] as const) : ([direction] as const);
  return ways
    .flatMap((one) => following(frames, at, one, count))
    .map((frame) => local("copy")(frame, map.clone()));
}

async function between(
  frames: readonly Frame[],
  id: number,
  openMap: Labelmap,
  drawn: boolean,
): Promise<Proposal[]> {
  const at = frames.findIndex((frame) => frame.id === id);
  const mask = async (frame: Frame) => (frame.id === id ? openMap : (await fetchMask(String(frame.id))).map);
  const made: Proposal[] = [];
  for (const { first, second, targets } of stretches(frames, at, drawn)) {
    const maps = await interpolate(
      await mask(first),
      await mask(second),
      targets.map(({ share }) => share),
    );
    made.push(...targets.map(({ frame }, i) => local("between")(frame, maps[i])));
  }
  return made;
}
