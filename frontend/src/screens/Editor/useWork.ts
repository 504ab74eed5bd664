import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FrameDetail, PageOf, Project, QueueItem, ReviewPoint, Verdict } from "../../api/types";
import { describe } from "../../editor";
import { errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { START, type WallState, wallReducer } from "../Review/wall";
import { isStillAt, judgeSeen, type Newer, newerOf, submitSeen, takeDraft } from "./handIn";
import { fetchDraft } from "./ports";
import type { Desk } from "./useSession";

export interface Work {
  mayAnnotate: boolean;
  /** This person may change the frame's mask. */
  mayDraw: boolean;
  /** The frame waits for a verdict this person may give. */
  mayReview: boolean;
  /** The frame was submitted, and this person corrected it while reviewing: a verdict submits the correction. */
  corrects: boolean;
  /** Somebody saved since this was loaded, and a submit or verdict was therefore refused. */
  newer: Newer | null;
  busy: boolean;
  /** Comments pinned to places for the verdict in the making. */
  points: ReviewPoint[];
  addPoint: (x: number, y: number) => void;
  setPoint: (at: number, text: string) => void;
  removePoint: (at: number) => void;
  /** Save the draft as it is. */
  acceptDraft: () => Promise<void>;
  /** Save, submit, and go to the next frame that waits. */
  submit: () => Promise<void>;
  accept: () => Promise<void>;
  giveBack: (comment: string) => Promise<void>;
  /** The next frame that waits for a person. */
  next: () => Promise<void>;
}

/** What a person does with a frame as a whole: accept its draft, submit it, judge it, go to the next. */
export function useWork({
  desk,
  project,
  detail,
  role,
  open,
}: {
  desk: Desk;
  project: Project;
  detail: FrameDetail | null;
  role: "annotate" | "review";
  open: (frameId: number) => void;
}): Work {
  const { session, ports, me } = desk;
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const acting = useRef<{ title: string; end: Promise<void> } | null>(null);
  const [newer, setNewer] = useState<Newer | null>(null);
  const [points, setPoints] = useState<ReviewPoint[]>([]);
  /** The frame an empty mask was warned about: a second Enter means it. */
  const warned = useRef<number | null>(null);
  const done = useRef(0);
  const frameId = detail?.id ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another frame, other pins
  useEffect(() => setPoints([]), [frameId]);
  // What is on the screen was loaded anew: it is the newest again.
  useEffect(() => session.on("opened", () => setNewer(null)), [session]);

  /** Frames this person saved here since the last verdict. */
  const saved = useRef(new Set<number>());
  useEffect(
    () => session.autosave.on("saved", (event) => saved.current.add(Number(event.frameId))),
    [session],
  );
  const isReviewer = project.may.includes("review");
  const handedIn = detail?.state === "submitted" || detail?.state === "accepted" ? detail.state : null;
  useEffect(() => {
    // A reviewer's change to what waits for them is named on the button that accepts it.
    if (handedIn === null || (isReviewer && handedIn === "submitted")) return;
    return session.autosave.on("saved", (event) => {
      if (event.frameId !== String(frameId)) return;
      notifications.show(
        handedIn === "submitted"
          ? {
              title: "This frame is in work again",
              message: "Your change took it out of review: submit it once more when it is right.",
            }
          : {
              title: "This gold frame is in work again",
              message: "What was accepted stays gold until your change is submitted and accepted.",
            },
      );
    });
  }, [session, frameId, handedIn, isReviewer]);
  /** Frames that were found submitted. */
  const [found, setFound] = useState<ReadonlySet<number>>(new Set());
  const isSubmitted = detail?.state === "submitted";
  useEffect(() => {
    if (isSubmitted) setFound((known) => (known.has(frameId) ? known : new Set(known).add(frameId)));
  }, [isSubmitted, frameId]);

  const mayAnnotate = project.may.includes("annotate");
  // A stroke opens a submitted frame again. Who made it while reviewing may still judge, their own stroke with it.
  const corrects =
    mayAnnotate &&
    found.has(frameId) &&
    detail?.state === "open" &&
    detail.annotation?.author === me.username &&
    !project.forbid_own_review;
  const mayReview = isReviewer && (isSubmitted || corrects);

  /** One thing at a time; what goes wrong is said, and the frame stays. */
  const doing = useCallback(
    async (title: string, act: () => Promise<void>) => {
      if (acting.current) return;
      const attempt = async () => {
        try {
          await act();
        } catch (error) {
          const since = newerOf(error);
          if (since) {
            setNewer(since);
            void client.invalidateQueries({ queryKey: ["frame", frameId] });
          } else notifications.show({ color: "red", title, message: errorText(error) });
        }
      };
      setBusy(true);
      acting.current = { title, end: attempt() };
      await acting.current.end;
      acting.current = null;
      setBusy(false);
    },
    [client, frameId],
  );

  /** What is to be done to the frame on the table: not while another is shown, and after what was begun before. */
  const toFrame = useCallback(
    async (title: string, act: () => Promise<void>) => {
      if (!session.editor.mayChange()) return;
      // A key pressed twice means once.
      if (acting.current?.title === title) return;
      await acting.current?.end;
      session.editor.leave(); // a stroke under way is part of what is handed in
      await doing(title, act);
    },
    [session, doing],
  );

  const refresh = useCallback(
    (id: number) => {
      for (const queryKey of [["frame", id], ["frames"], ["queue"], ["stats"], ["clips"], ["subjects"]])
        void client.invalidateQueries({ queryKey });
    },
    [client],
  );

  /** To the next frame that waits, unless the person went elsewhere from `here`, or draws, before the queue answered. */
  const goOn = useCallback(
    async (here: string | null) => {
      const queue = await api.get<PageOf<QueueItem>>(`/api/projects/${project.id}/queue`, {
        query: { role, limit: 2 },
      });
      if (!isStillAt(session, here)) return;
      const waiting = queue.results.find(({ frame }) => frame.id !== frameId);
      if (waiting) return open(waiting.frame.id);
      const today = done.current > 0 ? ` You finished ${plural(done.current, "frame")} in this sitting.` : "";
      notifications.show({
        title: role === "review" ? "Nothing waits for review" : "Nothing waits for you",
        message: `Every other frame is done.${today}`,
      });
    },
    [session, project.id, role, frameId, open],
  );

  /** Everything drawn is on the server, or an error says why not. */
  const save = useCallback(async () => {
    const state = await session.autosave.saveNow(String(frameId));
    if (state.kind !== "saved") throw new Error(describe(state));
    return state.number;
  }, [session, frameId]);

  const judge = useCallback(
    async (verdict: Verdict, comment: string, points: readonly ReviewPoint[]) => {
      if (!mayReview || session.frameId !== String(frameId)) return;
      const isCorrected = () => saved.current.has(frameId);
      const given = await judgeSeen(api.post, frameId, { verdict, comment, points }, { save, isCorrected });
      // The wall's undo key takes it back like one given there.
      client.setQueryData<WallState>(keys.wall(project.id, me.id), (now = START) =>
        wallReducer(now, { do: "given", judged: { verdict, reviews: [given.id] } }),
      );
      saved.current.delete(frameId);
      setFound((known) => new Set([...known].filter((id) => id !== frameId)));
      done.current++;
      setPoints([]);
      refresh(frameId);
      await goOn(String(frameId));
    },
    [client, project.id, me.id, mayReview, session, save, frameId, refresh, goOn],
  );

  return {
    mayAnnotate,
    // The server refuses an annotator's change of a gold mask.
    mayDraw: mayAnnotate && (detail?.state !== "accepted" || isReviewer),
    mayReview,
    corrects,
    newer,
    busy,
    points,
    addPoint: (x, y) => setPoints((known) => [...known, { x, y, text: "" }]),
    setPoint: (at, text) =>
      setPoints((known) => known.map((point, i) => (i === at ? { ...point, text } : point))),
    removePoint: (at) => setPoints((known) => known.filter((_, i) => i !== at)),

    acceptDraft: () =>
      toFrame("The draft was not saved", async () => {
        const open = session.editor.openFrame;
        if (!mayAnnotate || !detail || open?.id !== String(frameId)) return;
        if (!detail.draft) {
          notifications.show({ message: "This frame has no draft to accept." });
          return;
        }
        // What somebody handed in is not thrown away by one key that on the wall means "accept the frame".
        if (detail.state === "submitted" || detail.state === "accepted") {
          notifications.show({
            id: "draft-not-taken",
            message: `This frame is ${detail.state === "submitted" ? "waiting for review" : "gold"}: its draft is not put over it.`,
          });
          return;
        }
        const { id: draftId } = detail.draft;
        const isDrawn = savedNumber(session, frameId) !== 0;
        const became = await takeDraft(session, String(frameId), fetchDraft, () =>
          ports.draftAccepted(String(frameId), draftId),
        );
        if (became === "moved")
          notifications.show({ message: "The draft was not taken: you drew, or went on, before it came." });
        if (became === "replaced" && isDrawn)
          notifications.show({
            id: "draft-taken",
            message: "The draft replaced what was drawn here. Undo brings that back.",
          });
        if (became !== "moved") await save();
      }),

    submit: () =>
      toFrame("Not submitted", async () => {
        const open = session.editor.openFrame;
        if (!mayAnnotate || !detail || open?.id !== String(frameId)) return;
        const isSaved = session.autosave.state(String(frameId)).kind === "saved";
        if (isSubmitted && isSaved && !saved.current.has(frameId)) {
          if (!mayReview) return goOn(String(frameId));
          notifications.show({
            id: "waits-for-verdict",
            message: "This frame waits for your verdict: accept it or return it.",
          });
          return;
        }
        const map = open.document.labelmap;
        if (isSaved && savedNumber(session, frameId) === 0) {
          if (!detail.selected) {
            notifications.show({
              id: "not-selected",
              message: "This frame is not selected for annotation: draw on it first.",
            });
            return;
          }
          if (map.data.every((label) => label === 0) && warned.current !== frameId) {
            warned.current = frameId;
            notifications.show({
              title: "Nothing is drawn on this frame",
              message: "If there is nothing to see, press Enter once more to submit it empty.",
            });
            return;
          }
          // What is on the table was looked at and agreed with: it becomes the first revision.
          session.autosave.edited(String(frameId), map);
        }
        await submitSeen(api.post, frameId, await save());
        saved.current.delete(frameId);
        done.current++;
        refresh(frameId);
        await goOn(String(frameId));
      }),

    accept: () => toFrame("Not accepted", () => judge("accepted", "", [])),
    giveBack: (comment) => toFrame("Not returned", () => judge("returned", comment, points)),
    next: () => doing("The queue did not open", () => goOn(session.wantedFrame)),
  };
}

function savedNumber(session: Desk["session"], frameId: number): number {
  const state = session.autosave.state(String(frameId));
  return state.kind === "saved" ? state.number : -1;
}
