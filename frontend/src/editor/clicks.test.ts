import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AssistAnswer, AssistPort, AssistRequest } from "./assist";
import { doubt, withoutUnsure } from "./confidence";
import { Labelmap } from "./labelmap";
import { Bench, drawn, LABELS, text } from "./testing/support";
import { NO_MODIFIERS } from "./tools";

const WIDTH = 12;
const HEIGHT = 8;
const ALT = { ...NO_MODIFIERS, alt: true };
const SHIFT = { ...NO_MODIFIERS, shift: true };

/** A model that answers when it is told to. */
class FakeModel implements AssistPort {
  readonly asked: {
    request: AssistRequest;
    prior: Labelmap;
    signal: AbortSignal;
    answer: (answer: AssistAnswer) => Promise<void>;
  }[] = [];
  readonly taken: string[] = [];

  ask(request: AssistRequest, signal: AbortSignal): Promise<AssistAnswer> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const answer = async (value: AssistAnswer) => {
        resolve(value);
        await vi.advanceTimersByTimeAsync(0);
      };
      this.asked.push({ request, prior: request.prior.clone(), signal, answer });
    });
  }

  accepted(frameId: string): void {
    this.taken.push(frameId);
  }

  get last() {
    return this.asked[this.asked.length - 1];
  }
}

function proposed(map: Labelmap, box = map.box): AssistAnswer {
  return { kind: "proposed", map, box, score: 0.9 };
}

function bench(map = new Labelmap(WIDTH, HEIGHT)) {
  const made = new Bench(map);
  const model = new FakeModel();
  made.editor.setAssist(model);
  made.editor.setTool("clicks");
  const shown: (Labelmap | null)[] = [];
  made.editor.on("proposal", (proposal) => shown.push(proposal));
  return { bench: made, editor: made.editor, model, shown };
}

/** Until the model is asked. */
const pause = () => vi.advanceTimersByTimeAsync(200);

const ONES = () => new Labelmap(WIDTH, HEIGHT, new Uint8Array(WIDTH * HEIGHT).fill(1));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what is asked", () => {
  test("every hint so far, oldest first, with the map before the first of them", async () => {
    const { bench: hand, editor, model } = bench(drawn("2...........", "............"));
    hand.press(3.5, 1.5);
    hand.modifiers = ALT;
    hand.press(8.5, 0.5);
    await pause();
    expect(model.asked).toHaveLength(1);
    const { request, prior } = model.last;
    expect(request).toMatchObject({ frameId: "frame", label: 1, over: [2, 7] });
    expect(request.hints).toEqual([
      { kind: "click", at: expect.objectContaining({ x: 3.5, y: 1.5 }), positive: true },
      { kind: "click", at: expect.objectContaining({ x: 8.5, y: 0.5 }), positive: false },
    ]);
    expect(text(prior)).toEqual(["2...........", "............"]);
    expect(editor.getState().assist).toMatchObject({ phase: "asking", hints: 2 });
  });

  test("a drag is a box, with Shift a scribble, with Alt a scribble of what it is not", async () => {
    const { bench: hand, model } = bench();
    hand.drag([2, 1], [9, 6]);
    hand.modifiers = SHIFT;
    hand.drag([1, 1], [4, 1], [8, 1]);
    hand.modifiers = ALT;
    hand.drag([1, 6], [8, 6]);
    await pause();
    const kinds = model.last.request.hints.map((hint) => [
      hint.kind,
      "positive" in hint ? hint.positive : null,
    ]);
    expect(kinds).toEqual([
      ["box", null],
      ["scribble", true],
      ["scribble", false],
    ]);
  });

  test("without keys the same is said by what pointing is set to say", async () => {
    const { bench: hand, editor, model } = bench();
    editor.setOptions({ pointing: "line" });
    hand.press(2.5, 2.5);
    hand.drag([1, 1], [4, 1], [8, 1]);
    editor.setOptions({ pointing: "not" });
    hand.press(5.5, 5.5);
    hand.drag([1, 6], [8, 6]);
    await pause();
    expect(model.last.request.hints.map((hint) => [hint.kind, "positive" in hint && hint.positive])).toEqual([
      ["click", true],
      ["scribble", true],
      ["click", false],
      ["scribble", false],
    ]);
  });

  test("places stay inside the picture, and a press beside it is none", async () => {
    const { bench: hand, model, editor } = bench();
    hand.press(-3, 2);
    expect(editor.getState().assist.hints).toBe(0);
    hand.drag([2, 1], [400, 300]);
    await pause();
    const [box] = model.last.request.hints;
    expect(box).toMatchObject({ kind: "box", to: { x: WIDTH - 0.01, y: HEIGHT - 0.01 } });
  });

  test("labels that are locked or hidden are not painted over, and paint-over rules are told", async () => {
    const { bench: hand, editor, model } = bench();
    editor.setLocked(2, true);
    hand.press(3, 3);
    await pause();
    expect(model.last.request.over).toEqual([7]);
    editor.setPaintOver("background");
    await model.last.answer(proposed(ONES()));
    await pause();
    expect(model.last.request.over).toEqual([]);
  });

  test("nothing for background, a locked label, or where no model takes clicks", async () => {
    const { bench: hand, editor, model } = bench();
    editor.setLabel(0);
    hand.press(3, 3);
    expect(editor.getState().assist.message).toMatch(/label first/);
    editor.setLabel(1);
    editor.setLocked(1, true);
    hand.press(3, 3);
    expect(editor.getState().assist.message).toMatch(/locked/);
    editor.setLocked(1, false);
    editor.setAssist(null);
    hand.press(3, 3);
    await pause();
    expect(model.asked).toHaveLength(0);
    expect(editor.finish()).toBe(false);
  });
});

describe("answers", () => {
  test("only the newest counts; one question is under way at a time", async () => {
    const { bench: hand, editor, model, shown } = bench();
    hand.press(2, 2);
    await pause();
    hand.press(4, 4);
    await pause();
    expect(model.asked).toHaveLength(1);
    await model.last.answer(proposed(ONES()));
    expect(shown).toEqual([]);
    await pause();
    expect(model.asked).toHaveLength(2);
    expect(model.last.request.hints).toHaveLength(2);
    await model.last.answer(proposed(ONES()));
    expect(shown).toHaveLength(1);
    expect(editor.getState().assist).toMatchObject({ phase: "proposed", pixels: WIDTH * HEIGHT });
  });

  test("Enter takes it as one step, told to the next save; before the answer it takes nothing", async () => {
    const { bench: hand, editor, model, shown } = bench();
    const steps: string[] = [];
    editor.on("edited", () => steps.push(model.taken.join()));
    hand.press(2, 2);
    await pause();
    expect(editor.finish()).toBe(true);
    expect(editor.getState().canUndo).toBe(false);
    await model.last.answer(proposed(drawn("1111........", ...Array(7).fill("............"))));
    expect(editor.finish()).toBe(true);
    expect(text(hand.map)[0]).toBe("1111........");
    expect(steps).toEqual(["frame"]);
    expect(shown.at(-1)).toBeNull();
    editor.undo();
    expect(hand.map.data.every((label) => label === 0)).toBe(true);
    editor.redo();
    expect(text(hand.map)[0]).toBe("1111........");
    expect(editor.finish()).toBe(false);
  });

  test("busy: said, hints kept, asked again by hand or by the next click", async () => {
    const { bench: hand, editor, model, shown } = bench();
    hand.press(2, 2);
    await pause();
    await model.last.answer({ kind: "busy", message: "No answer." });
    expect(editor.getState().assist).toMatchObject({
      phase: "failed",
      hints: 1,
      message: "No answer.",
      mayRetry: true,
    });
    expect(shown.at(-1)).toBeNull();
    editor.retryAssist();
    await pause();
    expect(model.asked).toHaveLength(2);
    await model.last.answer({ kind: "refused", message: "Too many." });
    expect(editor.getState().assist).toMatchObject({ phase: "failed", mayRetry: false });
    editor.finish();
    expect(editor.getState().canUndo).toBe(false);
  });

  test("Backspace and undo take the last click back; with the last one gone nothing is left", async () => {
    const { bench: hand, editor, model } = bench();
    hand.press(2, 2).press(4, 4);
    await pause();
    await model.last.answer(proposed(ONES()));
    editor.undo();
    await pause();
    expect(model.last.request.hints).toHaveLength(1);
    expect(editor.stepBack()).toBe(true);
    expect(model.last.signal.aborted).toBe(true);
    expect(editor.getState().assist).toMatchObject({ phase: "idle", hints: 0 });
    expect(editor.stepBack()).toBe(false);
  });

  test("another label asks the same again for it", async () => {
    const { bench: hand, editor, model } = bench();
    hand.press(2, 2);
    await pause();
    await model.last.answer(proposed(ONES()));
    editor.setLabel(2);
    await pause();
    expect(model.last.request).toMatchObject({ label: 2, over: [1, 7] });
  });

  test("a second finger takes back only what was being drawn", async () => {
    const { bench: hand, editor } = bench();
    hand.press(2, 2);
    hand.down(4, 4).move([9, 7]);
    editor.pointerLost();
    hand.up(9, 7);
    expect(editor.getState().assist.hints).toBe(1);
  });
});

/** Whatever the model says: some map of the size, some box. */
const anyMap = fc.uint8Array({ minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT }).map(
  (data) =>
    new Labelmap(
      WIDTH,
      HEIGHT,
      Uint8Array.from(data, (value) => [0, 1, 2, 7, 255][value % 5]),
    ),
);

describe("whatever the model answers", () => {
  test("only the label in hand comes and goes, inside the box; locked labels never change; undo, redo is identity", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyMap,
        anyMap,
        fc.constantFrom(...LABELS.map(({ index }) => index)),
        fc.constantFrom(...LABELS.map(({ index }) => index)),
        fc.constantFrom<"all" | "background" | 2>("all", "background", 2),
        async (before, answer, label, locked, rule) => {
          const { bench: hand, editor, model } = bench(before.clone());
          editor.setLabel(label);
          editor.setLocked(locked, true);
          editor.setPaintOver(rule);
          hand.press(5, 5);
          await pause();
          const box = { x: 2, y: 1, width: 7, height: 5 };
          if (model.asked.length > 0) await model.last.answer(proposed(answer, box));
          editor.finish();
          const after = hand.map;
          for (let i = 0; i < after.data.length; i++) {
            const [was, is] = [before.data[i], after.data[i]];
            if (was === is) continue;
            const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
            expect(x >= 2 && x < 9 && y >= 1 && y < 6).toBe(true);
            expect([was, is]).not.toContain(locked);
            expect(is === label || (was === label && is === 0)).toBe(true);
            if (rule === "background" && is === label) expect(was).toBe(0);
            if (rule === 2) expect(was).toBe(2);
          }
          const changed = after.clone();
          editor.undo();
          expect(hand.map.equals(before)).toBe(true);
          editor.redo();
          expect(hand.map.equals(changed)).toBe(true);
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });

  test("Escape, another tool, another step leave no trace, answer or not", async () => {
    const leaves: ((editor: ReturnType<typeof bench>["editor"]) => void)[] = [
      (editor) => editor.cancel(),
      (editor) => editor.setTool("brush"),
      (editor) => editor.setReadOnly(true),
      (editor) => editor.close(),
    ];
    for (const leave of leaves)
      for (const isAnswered of [true, false]) {
        const { bench: hand, editor, model, shown } = bench();
        let edited = 0;
        editor.on("edited", () => edited++);
        hand.press(2, 2).drag([3, 3], [8, 6]);
        await pause();
        if (isAnswered) await model.last.answer(proposed(ONES()));
        leave(editor);
        if (!isAnswered) await model.last.answer(proposed(ONES()));
        await pause();
        expect(hand.map.data.every((label) => label === 0)).toBe(true);
        expect([edited, model.taken.length, editor.getState().canUndo]).toEqual([0, 0, false]);
        expect(shown.at(-1) ?? null).toBeNull();
        expect(editor.getState().assist.phase).toBe("idle");
        expect(model.asked).toHaveLength(1);
      }
  });
});

describe("what the draft was not sure of", () => {
  const sure = new Labelmap(2, 1, Uint8Array.from([100, 200]));
  const erase = new Uint8Array(256).fill(1);

  test("goes below the threshold, of one label or of all, and never of a label that may not go", () => {
    const draft = drawn("1212", "1122");
    expect(text(withoutUnsure(draft, sure, 0.5, null, erase).map)).toEqual(["..12", "..22"]);
    expect(text(withoutUnsure(draft, sure, 0.5, 1, erase).map)).toEqual([".212", "..22"]);
    expect(withoutUnsure(draft, sure, 0.5, 1, erase).pixels).toBe(3);
    expect(text(withoutUnsure(draft, sure, 0.9, null, erase).map)).toEqual(["....", "...."]);
    expect(withoutUnsure(draft, sure, 0.3, null, erase).pixels).toBe(0);
    const kept = erase.slice();
    kept[2] = 0;
    expect(text(withoutUnsure(draft, sure, 0.9, null, kept).map)).toEqual([".2.2", "..22"]);
    expect(text(draft)).toEqual(["1212", "1122"]);
  });

  test("a higher threshold never leaves more", () => {
    const grey = fc
      .uint8Array({ minLength: 12, maxLength: 12 })
      .map((data) => new Labelmap(4, 3, new Uint8Array(data)));
    fc.assert(
      fc.property(anyMap, grey, fc.double({ min: 0, max: 1, noNaN: true }), (draft, confidence, low) => {
        const few = withoutUnsure(draft, confidence, low, null, erase);
        const many = withoutUnsure(draft, confidence, Math.min(1, low + 0.2), null, erase);
        expect(many.pixels).toBeGreaterThanOrEqual(few.pixels);
        expect(few.map.data.every((label, i) => label === 0 || label === draft.data[i])).toBe(true);
        expect(few.map.data.every((label, i) => (draft.data[i] === 255 ? label === 255 : true))).toBe(true);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test("is drawn as heat: nothing where it is certain, full where another answer is as likely", () => {
    const heat = doubt(new Labelmap(3, 1, Uint8Array.from([255, 191, 100])));
    expect([...heat.data]).toEqual([0, 128, 255]);
  });
});
