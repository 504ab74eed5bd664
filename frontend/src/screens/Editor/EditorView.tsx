import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useLocation, useNavigate, useSearchParams } from "react-router";
import { api } from "../../api/client";
import { useFrame, useMe } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { FrameOfClip, PageOf, Project } from "../../api/types";
import { useFrameId } from "../../app/params";
import {
  afterPaint,
  attachPointer,
  attachWindowLevel,
  colorTables,
  type Keyboard,
  personalKeys,
  Renderer,
  type SaveState,
} from "../../editor";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { ConflictDialog } from "./ConflictDialog";
import { CarryMenu } from "./carry/CarryMenu";
import { CarryStrip } from "./carry/CarryStrip";
import { nextOf, type Wanted } from "./carry/plan";
import { useCarry } from "./carry/useCarry";
import styles from "./Editor.module.css";
import { Header } from "./Header";
import { changesOf, useHands } from "./hands";
import { JumpMenu } from "./JumpMenu";
import { KeysHelp } from "./KeysHelp";
import { nameKeys, useKeyCaps } from "./keyNames";
import { keyMapFor } from "./keys";
import { LineBar } from "./LineBar";
import { NewerBar } from "./NewerBar";
import { Offers } from "./Offers";
import { Pins } from "./Pins";
import { RefusedBar } from "./RefusedBar";
import { ReturnForm } from "./ReturnForm";
import { SidePanel } from "./SidePanel";
import { useStructureActs } from "./structures";
import { TimeStrip } from "./TimeStrip";
import { ToolRail } from "./ToolRail";
import { ToolStrip } from "./ToolStrip";
import { useClicks } from "./useClicks";
import { useEditorKeys } from "./useEditorKeys";
import { useLayers } from "./useLayers";
import { usePlayer } from "./usePlayer";
import { useRememberedView } from "./useRememberedView";
import { type Desk, useEditorState, useNeedsChoice, useSaveState } from "./useSession";
import { useWork } from "./useWork";

/** All frames of a clip, in order of index. */
function useClipFrames(clipId: number) {
  return useQuery({
    queryKey: keys.frames(clipId),
    enabled: clipId > 0,
    queryFn: async ({ signal }) => {
      const frames: FrameOfClip[] = [];
      let cursor: string | null = null;
      do {
        const page: PageOf<FrameOfClip> = await api.get(`/api/clips/${clipId}/frames`, {
          query: { limit: 5000, order: "index", cursor },
          signal,
        });
        frames.push(...page.results);
        cursor = page.next;
      } while (cursor);
      return frames;
    },
  });
}

const NO_FRAMES: FrameOfClip[] = [];

const revisionOf = (save: SaveState) => (save.kind === "saved" ? String(save.number) : "");

/** A click of a pointer on a button, a switch or a choice. */
function isByPointer({ target, detail }: React.MouseEvent): boolean {
  if (!(target instanceof Element)) return false;
  // Clicked through its label it has no count of clicks; the focus tells how it came.
  if (target.matches("[type=checkbox], [type=radio]")) return !target.matches(":focus-visible");
  return detail > 0 && target.closest("button") !== null;
}

export function EditorView({ desk, project }: { desk: Desk; project: Project }) {
  const { session } = desk;
  const client = useQueryClient();
  const navigate = useNavigate();
  const location = useLocation();
  const [search] = useSearchParams();
  const frameId = useFrameId();
  const detail = useFrame(frameId).data ?? null;
  const frames = useClipFrames(detail?.clip.id ?? 0).data ?? NO_FRAMES;
  const state = useEditorState(session);
  const save = useSaveState(session, String(frameId));
  const needsChoice = useNeedsChoice(session, String(frameId));
  const [panels, setPanels] = useState(true);
  const [help, setHelp] = useState(false);
  const { hands, setHands, isKept } = useHands(desk.me.id);
  const finger = useRef(hands.finger);
  finger.current = hands.finger;
  const [returning, setReturning] = useState(false);
  /** The conflict that is not to be decided now. */
  const [later, setLater] = useState<SaveState | null>(null);
  /** A frame that could not be opened; the one before is still on the table, and in the address. */
  const [problem, setProblem] = useState<{ frameId: string; error: Error } | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const renderer = useRef<Renderer | null>(null);
  const keyboard = useRef<Keyboard | null>(null);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const drawn = new Renderer(element, session.editor);
    renderer.current = drawn;
    const stopPointer = attachPointer(element, session.editor, {
      fingerDraws: () => finger.current,
      onUse: () => {
        session.touched("pointer");
        keyboard.current?.pointerUsed();
        // Keys are for the picture again, not for the slider that was moved last.
        element.focus({ preventScroll: true });
      },
    });
    element.focus({ preventScroll: true });
    const stopWindowLevel = attachWindowLevel(element, session.editor);
    return () => {
      stopPointer();
      stopWindowLevel();
      drawn.dispose();
      renderer.current = null;
    };
  }, [session]);

  // Panels say it a refresh later; what waits for the page to be saved must not read what was.
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tell = (now: SaveState) => {
      if (!root.current) return;
      root.current.dataset.saveState = now.kind;
      root.current.dataset.revision = revisionOf(now);
    };
    tell(session.autosave.state(String(frameId)));
    return session.autosave.on("state", ({ frameId: id, state: now }) => {
      if (id === String(frameId)) tell(now);
    });
  }, [session, frameId]);

  useRememberedView(session, desk.me.id);

  useEffect(() => {
    session.setFrames(frames.map((frame) => ({ id: String(frame.id), selected: frame.selected })));
  }, [session, frames]);

  // The address follows the engine, so that stepping never waits for the router. Only an address that somebody
  // else set (a link, the back button) opens a frame.
  const ours = (location.state as { byEditor?: boolean } | null)?.byEditor === true;
  useEffect(() => {
    if (ours && session.frameId !== null) return;
    if (session.frameId !== String(frameId)) void session.open(String(frameId));
  }, [session, frameId, ours]);
  const query = search.toString();
  useEffect(() => {
    const follow = afterPaint(() => {
      const opened = session.frameId;
      if (opened === null) return;
      setProblem(null);
      const path = `/p/${project.id}/frames/${opened}${query ? `?${query}` : ""}`;
      if (Number(opened) !== frameId) void navigate(path, { replace: true, state: { byEditor: true } });
    });
    const stops = [
      session.on("opened", follow),
      session.on("failed", setProblem),
      session.on("merged", ({ author, pixels }) =>
        notifications.show({
          title: `${author} saved this frame too`,
          message: `Yours and theirs do not overlap and are together now: ${plural(pixels, "pixel")} came from ${author}. Undo shows yours alone.`,
        }),
      ),
      session.autosave.on("saved", ({ frameId: saved }) => {
        void client.invalidateQueries({ queryKey: keys.frame(Number(saved)) });
        void client.invalidateQueries({ queryKey: ["frames"] });
      }),
      session.autosave.on("notKept", ({ error }) =>
        notifications.show({
          id: "not-kept",
          color: "red",
          autoClose: false,
          title: "This device keeps no copy",
          message: `Unsaved work cannot be stored here (${error.message}). Stay online until it says “Saved”.`,
        }),
      ),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [session, client, navigate, project.id, frameId, query]);

  // A person who signed in again over this page, or a line that is back: what waits goes out at once.
  const { data: signedIn, dataUpdatedAt: signedInAt } = useMe();
  const isSame = signedIn?.id === desk.me.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the time is the signal
  useEffect(() => {
    if (isSame) session.autosave.signedIn();
  }, [session, isSame, signedInAt]);
  const failed = problem?.frameId;
  const tryNow = useCallback(() => {
    session.autosave.online();
    if (failed !== undefined) void session.open(failed);
  }, [session, failed]);
  useEffect(() => {
    window.addEventListener("online", tryNow);
    return () => window.removeEventListener("online", tryNow);
  }, [tryNow]);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      session.autosave.keepAll();
      // Everything but the open stroke is in the journal, but a save under way is worth the question.
      const isPainting = session.editor.openFrame?.document.isPainting;
      if (isPainting || session.autosave.unsavedFrames > 0) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [session]);

  const player = usePlayer({ session, renderer, clipId: detail?.clip.id ?? 0, frames });
  const open = useCallback(
    (id: string | number | null) => {
      if (id === null) return;
      player.stop();
      void session.open(String(id));
    },
    [session, player],
  );
  // Presses were spent on it: that another frame or tool is no way to finish it must be said.
  useEffect(
    () =>
      session.editor.on("dropped", (tool) =>
        notifications.show(
          tool === "clicks"
            ? {
                title: "The proposal was not taken",
                message: "Enter takes it, Escape drops it; another frame or tool drops it too.",
              }
            : { title: "The shape was not finished", message: "Another frame or tool drops it." },
        ),
      ),
    [session],
  );
  /** From a clip that plays to the frame it shows; from there on to its neighbours. */
  const step = (steps: 1 | -1, onlySelected = false) => {
    if (!player.pause()) open(session.neighbour(steps, onlySelected));
  };
  useEffect(
    () =>
      session.editor.on("locked", (index) => {
        const name = session.editor.getState().labels.find((label) => label.index === index)?.name;
        notifications.show({ id: "locked", message: `${name} is locked: nothing is drawn of it.` });
      }),
    [session],
  );
  const goTo = useCallback((to: number) => open(frames[to]?.id ?? null), [open, frames]);
  const move = useCallback(
    (by: number) => {
      if (player.pause()) return;
      // From the frame asked for last: keys may come faster than frames open.
      const from = frames.findIndex(({ id }) => String(id) === session.wantedFrame);
      goTo(Math.min(frames.length - 1, Math.max(0, from + by)));
    },
    [player, session, frames, goTo],
  );
  const role = search.get("queue") === "review" ? "review" : "annotate";
  const work = useWork({ desk, project, detail, role, open });
  const working = useRef(work);
  working.current = work;
  /** The same function always, for a panel that is not rendered anew with every stroke. */
  const acceptDraft = useCallback(() => working.current.acceptDraft(), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another frame, another form; its picture may come later
  useEffect(() => setReturning(false), [frameId]);
  // Judged, by this person or another: the form has nothing left to speak about.
  useEffect(() => {
    if (!work.mayReview) setReturning(false);
  }, [work.mayReview]);
  const { mayDraw } = work;
  useEffect(() => session.editor.setReadOnly(!mayDraw), [session, mayDraw]);
  const layers = useLayers({ session, renderer, detail, frames });
  const noClicks = useClicks(desk, frameId);
  const carry = useCarry({ desk, renderer, detail, frames });
  const [carrying, setCarrying] = useState(false);
  const coverBottom = useCallback((height: number) => session.editor.setCovered(height), [session]);
  const stripColors = useMemo(
    () => colorTables(state.labels, { opacity: 0.35, outlinesOnly: false, hidden: new Set() }),
    [state.labels],
  );
  const jump = (wanted: Wanted) => {
    const found = nextOf(
      frames,
      frames.findIndex((frame) => frame.id === frameId),
      wanted,
    );
    if (found) open(found.id);
    else
      notifications.show({
        message: `No other selected frame of this clip is ${wanted === "uncertain" ? "untouched and drafted" : wanted}.`,
      });
  };
  const labels = useMemo(() => [...project.labels].sort((a, b) => a.position - b.position), [project.labels]);
  const base = useMemo(() => keyMapFor(labels, hands.hand), [labels, hands.hand]);
  const changes = useMemo(() => changesOf(hands, "keys"), [hands]);
  const map = useMemo(() => personalKeys(base, changes), [base, changes]);
  const caps = useKeyCaps();
  useEffect(() => nameKeys(base, changes, caps), [base, changes, caps]);
  const structureActs = useStructureActs(session);
  const togglePanels = () => setPanels((shown) => !shown);
  keyboard.current = useEditorKeys({
    session,
    map,
    before: { undo: () => carry.undoFirst(keyboard.current?.isRepeating ?? false) },
    onAction: {
      "frame.previous": () => step(-1),
      "frame.next": () => step(1),
      "frame.previousSelected": () => step(-1, true),
      "frame.nextSelected": () => step(1, true),
      "frame.nextWaiting": () => void work.next(),
      "frame.nextUncertain": () => jump("uncertain"),
      "frame.nextUntouched": () => jump("untouched"),
      "frame.nextReturned": () => jump("returned"),
      "draft.accept": () => {
        if (carry.here) void carry.accept([carry.here]);
        // As on the wall: Y is for the frame, not for its draft.
        else if (role === "review" && work.mayReview) void work.accept();
        else void work.acceptDraft();
      },
      carry: () => {
        if (!work.mayAnnotate || !session.editor.mayChange()) return;
        setPanels(true); // its button is among them
        setCarrying(true);
      },
      finish: () => void work.submit(),
      undo: carry.offerBack,
      save: () => void session.autosave.saveNow(String(frameId)),
      play: player.toggle,
      panels: togglePanels,
      help: () => setHelp(true),
      "review.accept": () => void work.accept(),
      "review.return": () => work.mayReview && session.editor.mayChange() && setReturning(true),
      ...layers.taps,
      ...structureActs,
      "structure.menu": () => {
        flushSync(() => setPanels(true)); // its button is among them
        structureActs["structure.menu"]?.();
      },
    },
    onHold: layers.holds,
  });

  const at = frames.findIndex((frame) => frame.id === frameId);
  return (
    // Keys belong to the picture: a button that keeps the focus after a click would take Enter and Space.
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hands the focus on
    // biome-ignore lint/a11y/useKeyWithClickEvents: clicks by keyboard keep their focus
    <div
      ref={root}
      className={styles.editor}
      onClick={(event) => {
        if (isByPointer(event) && !document.querySelector('[role="dialog"]'))
          host.current?.focus({ preventScroll: true });
      }}
      data-panels={panels || undefined}
      data-testid="editor"
      data-frame-id={state.frameId ?? ""}
      data-frame-index={detail?.index ?? ""}
      data-frame-state={detail?.state ?? ""}
      data-revision={revisionOf(save)}
      data-save-state={save.kind}
      data-tool={state.tool}
      data-label={state.label}
      data-playing={player.phase !== "stopped" || undefined}
    >
      <Header
        project={project}
        detail={detail}
        save={save}
        work={work}
        isReviewing={role === "review"}
        masksHidden={state.masksHidden}
        onHideMasks={(hide) => session.editor.setMasksHidden(hide)}
        panels={panels}
        onPanels={togglePanels}
        onReturn={() => setReturning(true)}
        onHelp={() => setHelp(true)}
        onReload={() => void session.reload()}
        onChoose={() => setLater(null)}
      />
      {panels && (
        <ToolRail
          session={session}
          tool={state.tool}
          readOnly={state.readOnly}
          canUndo={state.canUndo}
          canRedo={state.canRedo}
        />
      )}
      {panels && <ToolStrip session={session} state={state} noClicks={noClicks} />}
      {panels && (
        <SidePanel
          session={session}
          state={state}
          labels={labels}
          detail={detail}
          layers={layers}
          onAcceptDraft={acceptDraft}
        />
      )}
      {panels && (
        <TimeStrip
          frames={frames}
          at={at}
          playedAt={player.at}
          phase={player.phase}
          onToggle={player.toggle}
          onGo={goTo}
          onMove={move}
        >
          <JumpMenu onJump={jump} />
          {work.mayAnnotate && <CarryMenu carry={carry} opened={carrying} onChange={setCarrying} />}
        </TimeStrip>
      )}
      <div className={styles.stage}>
        {/* Before the picture: Shift Tab leads from it to what is offered, then to the panels, last to the header. */}
        <div className={styles.floor}>
          {save.kind === "refused" ? (
            <RefusedBar
              message={save.message}
              project={project}
              retry={() => void session.autosave.saveNow(String(frameId))}
            />
          ) : work.newer ? (
            <NewerBar newer={work.newer} onLoad={() => void session.reload()} />
          ) : carry.here ? null : (
            <Offers desk={desk} detail={detail} project={project} save={save} />
          )}
          {(panels || carry.accepted) && (
            <CarryStrip carry={carry} colors={stripColors} onOpen={open} onHeight={coverBottom} />
          )}
        </div>
        {returning && detail && (
          <ReturnForm
            work={work}
            onClose={() => {
              setReturning(false);
              host.current?.focus({ preventScroll: true });
            }}
          />
        )}
        <div
          ref={host}
          className={styles.canvas}
          data-testid="editor-canvas"
          data-cursor={state.tool}
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the picture takes keys; Shift Tab leads out
          tabIndex={0}
          aria-keyshortcuts="Tab"
          aria-description="Tab shows and hides the panels, Shift Tab leads to the buttons, question mark shows all keys."
          aria-label={detail ? `Frame ${detail.index}, ${detail.state}` : "Frame"}
        />
        <Pins
          session={session}
          review={detail?.review ?? null}
          draftPoints={returning ? work.points : null}
          onPlace={returning ? work.addPoint : null}
          quiet={state.canUndo && !returning}
          hidden={player.phase !== "stopped" || state.masksHidden}
        />
        {problem && (
          <div className={styles.cover}>
            <ErrorState error={problem.error} retry={() => void session.open(problem.frameId)} />
          </div>
        )}
        {/* The last: a frame that cannot be opened must not cover what is kept. */}
        <LineBar desk={desk} onTry={tryNow} />
      </div>
      {save.kind === "conflict" && needsChoice && later !== save && (
        <ConflictDialog desk={desk} frameId={String(frameId)} save={save} onLater={() => setLater(save)} />
      )}
      <KeysHelp
        opened={help}
        base={base}
        labels={labels}
        hands={hands}
        setHands={setHands}
        isKept={isKept}
        onClose={() => setHelp(false)}
      />
    </div>
  );
}
