import { describe, expect, test } from "vitest";
import { FrameCache } from "./frameCache";
import { chordOf, Keyboard, type KeyEvent } from "./keyboard";
import { type ClipFrame, Player } from "./player";
import { picture } from "./testing/support";

/** A screen that refreshes when told to. */
class Screen {
  now = 0;
  private callbacks: ((now: number) => void)[] = [];

  readonly schedule = (callback: (now: number) => void) => {
    this.callbacks.push(callback);
    return () => {
      this.callbacks = this.callbacks.filter((other) => other !== callback);
    };
  };

  async run(milliseconds: number, hertz = 60): Promise<void> {
    const end = this.now + milliseconds;
    while (this.now + 1000 / hertz <= end + 1e-6) {
      this.now += 1000 / hertz;
      for (const callback of this.callbacks.splice(0)) callback(this.now);
      await flush();
    }
  }
}

async function flush(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

function clip(
  count: number,
  rate: number,
  options: { loop?: boolean; maxBytes?: number; slow?: boolean } = {},
) {
  const screen = new Screen();
  const drawn: { index: number; at: number }[] = [];
  const chunks: [number, number][] = [];
  const pictures: ReturnType<typeof picture>[] = [];
  const waiting: (() => void)[] = [];
  const player = new Player({
    times: Array.from({ length: count }, (_, i) => i / rate),
    source: {
      async chunk(from, size) {
        chunks.push([from, size]);
        if (options.slow) await new Promise<void>((resolve) => waiting.push(resolve));
        return Array.from({ length: size }, (_, i) => {
          const made = picture(64, 48);
          pictures.push(made);
          return { index: from + i, picture: made, map: null };
        });
      },
    },
    draw: (frame: ClipFrame) => drawn.push({ index: frame.index, at: screen.now }),
    schedule: screen.schedule,
    loop: options.loop,
    maxBytes: options.maxBytes,
  });
  return { player, screen, drawn, chunks, pictures, waiting };
}

describe("player", () => {
  test("draws every frame once, in order, at its time", async () => {
    const { player, screen, drawn } = clip(90, 30);
    player.play();
    await flush();
    await screen.run(4000);
    expect(drawn.map((frame) => frame.index)).toEqual(Array.from({ length: 90 }, (_, i) => i));
    for (const { index, at } of drawn)
      expect(Math.abs(at - drawn[0].at - (index * 1000) / 30)).toBeLessThan(17);
    expect(player.dropped).toBe(0);
    expect(player.isPlaying).toBe(false);
  });

  test("times that are not even are kept", async () => {
    const screen = new Screen();
    const at: number[] = [];
    const player = new Player({
      times: [0, 0.1, 0.5, 0.55],
      source: {
        chunk: async (from, count) =>
          Array.from({ length: count }, (_, i) => ({ index: from + i, picture: picture(2, 2), map: null })),
      },
      draw: () => at.push(screen.now),
      schedule: screen.schedule,
    });
    player.play();
    await flush();
    await screen.run(1000);
    const since = at.map((time) => time - at[0]);
    for (const [i, expected] of [0, 100, 500, 550].entries())
      expect(Math.abs(since[i] - expected)).toBeLessThan(17);
  });

  test("starts when a second is ready; when frames do not come it waits and leaves none out", async () => {
    const { player, screen, drawn, waiting } = clip(120, 30, { slow: true });
    const phases: string[] = [];
    player.on("phase", (phase) => phases.push(phase));
    player.play();
    await flush();
    waiting.shift()?.();
    await flush();
    await screen.run(500);
    expect(drawn).toHaveLength(0); // 16 frames are half a second
    waiting.shift()?.();
    await flush();
    await screen.run(3000);
    expect(drawn.at(-1)?.index).toBe(31); // the third chunk is held back
    expect(phases).toEqual(["buffering", "playing", "buffering"]);
    for (let i = 0; i < 12; i++) {
      waiting.shift()?.();
      await flush();
      await screen.run(500);
    }
    await screen.run(4000);
    const indices = [...new Set(drawn.map((frame) => frame.index))];
    expect(indices).toEqual(Array.from({ length: 120 }, (_, i) => i));
    expect(player.dropped).toBe(0);
  });

  test("a screen slower than the clip skips, and counts it", async () => {
    const { player, screen, drawn } = clip(60, 30);
    player.play();
    await flush();
    await screen.run(3000, 10);
    expect(player.dropped).toBe(60 - drawn.length);
    expect(player.dropped).toBeGreaterThan(30);
  });

  test("a page that was hidden goes on where it stopped", async () => {
    const { player, screen, drawn } = clip(90, 30);
    player.play();
    await flush();
    await screen.run(1000);
    screen.now += 60_000;
    await screen.run(4000);
    expect(drawn.map((frame) => frame.index)).toEqual(Array.from({ length: 90 }, (_, i) => i));
    expect(player.dropped).toBe(0);
  });

  test("a clip that fits is loaded once, however often it loops", async () => {
    const { player, screen, drawn, chunks } = clip(40, 30, { loop: true });
    player.play();
    await flush();
    await screen.run(5000);
    expect(drawn.length).toBeGreaterThan(120);
    expect(chunks.reduce((sum, [, size]) => sum + size, 0)).toBe(40);
    player.stop();
    const { length } = drawn;
    await screen.run(500);
    expect(drawn).toHaveLength(length);
  });

  test("a clip that does not fit plays within its memory, to the end, again and again", async () => {
    const frame = 64 * 48 * 4;
    const { player, screen, drawn, pictures } = clip(300, 30, { loop: true, maxBytes: 60 * frame });
    player.play();
    await flush();
    let most = 0;
    for (let i = 0; i < 25; i++) {
      await screen.run(1000);
      most = Math.max(most, pictures.filter((made) => !made.closed).length);
    }
    expect(most).toBeLessThanOrEqual(60 + 16);
    expect(player.dropped).toBe(0);
    const firstRound = [...new Set(drawn.slice(0, 310).map((shown) => shown.index))];
    expect(firstRound.length).toBe(300);
    expect(drawn.filter((shown) => shown.index === 299).length).toBeGreaterThanOrEqual(2);
    player.dispose();
    expect(pictures.every((made) => made.closed)).toBe(true);
  });

  test("a failing network stops it, in words", async () => {
    const screen = new Screen();
    const player = new Player({
      times: [0, 1],
      source: { chunk: () => Promise.reject(new Error("no network")) },
      draw: () => undefined,
      schedule: screen.schedule,
    });
    const failures: string[] = [];
    player.on("failed", (error) => failures.push(error.message));
    player.play();
    await flush();
    expect(failures).toEqual(["no network"]);
    expect(player.isPlaying).toBe(false);
  });
});

describe("frame cache", () => {
  function cacheOf(maxBytes: number) {
    const loads: string[] = [];
    const closed: string[] = [];
    const aborted: string[] = [];
    const open = new Map<string, () => void>();
    let isHeld = false;
    const cache = new FrameCache({
      maxBytes,
      load: async (frameId, signal) => {
        loads.push(frameId);
        signal.addEventListener("abort", () => aborted.push(frameId));
        if (isHeld)
          await new Promise<void>((resolve, reject) => {
            open.set(frameId, resolve);
            signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
          });
        return { bytes: 10, close: () => closed.push(frameId) };
      },
    });
    const hold = (on: boolean) => {
      isHeld = on;
    };
    return { cache, loads, closed, aborted, open, hold };
  }

  test("a frame asked for twice is loaded once", async () => {
    const { cache, loads } = cacheOf(100);
    const [one, other] = await Promise.all([cache.get("a"), cache.get("a")]);
    expect(one).toBe(other);
    expect(loads).toEqual(["a"]);
  });

  test("the least recently used go first and are closed; the neighbourhood stays", async () => {
    const { cache, closed } = cacheOf(40);
    for (const id of ["a", "b", "c"]) await cache.get(id);
    await cache.get("a");
    await cache.around("a", ["d"]);
    await cache.get("e");
    expect(closed).toEqual(["b"]);
    await cache.get("f");
    await cache.get("g");
    expect(closed).toEqual(["b", "c", "e"]);
    expect(cache.has("a") && cache.has("d")).toBe(true);
    expect(cache.bytes).toBe(40);
  });

  test("guesses ahead that are no longer wanted are aborted; what somebody waits for is not", async () => {
    const { cache, aborted, open, hold } = cacheOf(100);
    hold(true);
    const guess = cache.around("a", ["b"]);
    const waited = cache.get("c");
    const next = cache.around("x", ["y"]);
    await guess;
    expect(aborted).toEqual(["b"]);
    open.get("c")?.();
    open.get("y")?.();
    await Promise.all([waited, next]);
    expect(cache.has("c") && cache.has("y")).toBe(true);
    expect(cache.has("b")).toBe(false);
  });

  test("a load that failed is tried again when asked for again", async () => {
    let fails = true;
    const cache = new FrameCache({
      load: async () => {
        if (fails) throw new Error("no network");
        return { bytes: 1, close: () => undefined };
      },
    });
    await expect(cache.get("a")).rejects.toThrow("no network");
    fails = false;
    expect(await cache.get("a")).toMatchObject({ bytes: 1 });
  });
});

describe("keyboard", () => {
  const key = (name: string, code: string, more: Partial<KeyEvent> = {}): KeyEvent => ({
    key: name,
    code,
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
    altKey: false,
    repeat: false,
    timeStamp: 0,
    ...more,
  });

  function listen() {
    const done: string[] = [];
    return { done, keyboard: new Keyboard((action, phase) => done.push(`${action} ${phase}`)) };
  }

  test("the same chord on every layout", () => {
    expect(chordOf(key("B", "KeyB", { shiftKey: true }))).toBe("shift+b");
    expect(chordOf(key("и", "KeyB"))).toBe("b"); // Cyrillic
    expect(chordOf(key("&", "Digit1"))).toBe("1"); // French
    expect(chordOf(key(";", "Comma", { shiftKey: true }))).toBe("shift+,"); // German
    expect(chordOf(key("z", "KeyY", { ctrlKey: true }))).toBe("mod+z"); // German: z is where y was
    expect(chordOf(key("z", "KeyZ", { metaKey: true, shiftKey: true }))).toBe("mod+shift+z");
  });

  test("space tapped plays; held, or used to pan, it does not", () => {
    const { done, keyboard } = listen();
    keyboard.onKeyDown(key(" ", "Space"));
    keyboard.onKeyUp(key(" ", "Space", { timeStamp: 100 }));
    keyboard.onKeyDown(key(" ", "Space", { timeStamp: 1000 }));
    keyboard.onKeyUp(key(" ", "Space", { timeStamp: 1900 }));
    keyboard.onKeyDown(key(" ", "Space", { timeStamp: 3000 }));
    keyboard.pointerUsed();
    keyboard.onKeyUp(key(" ", "Space", { timeStamp: 3100 }));
    expect(done).toEqual([
      "pan start",
      "pan end",
      "play tap",
      "pan start",
      "pan end",
      "pan start",
      "pan end",
    ]);
  });

  test("0 tapped is a label, held it fits, never both", () => {
    const { done, keyboard } = listen();
    keyboard.onKeyDown(key("0", "Digit0"));
    keyboard.onKeyUp(key("0", "Digit0", { timeStamp: 80 }));
    keyboard.onKeyDown(key("0", "Digit0", { timeStamp: 1000 }));
    keyboard.onKeyDown(key("0", "Digit0", { timeStamp: 1500, repeat: true }));
    keyboard.onKeyDown(key("0", "Digit0", { timeStamp: 1550, repeat: true }));
    keyboard.onKeyUp(key("0", "Digit0", { timeStamp: 1600 }));
    expect(done).toEqual(["label.10 tap", "view.fit start", "view.fit end"]);
  });

  test("masks hidden while H is held come back when the window loses focus", () => {
    const { done, keyboard } = listen();
    keyboard.onKeyDown(key("h", "KeyH"));
    keyboard.releaseAll();
    expect(done).toEqual(["masks.hide start", "masks.hide end"]);
  });

  test("what comes of a key that is held down can be told from a press", () => {
    const held: boolean[] = [];
    const keyboard: Keyboard = new Keyboard(() => held.push(keyboard.isRepeating));
    for (const repeat of [false, true, true, false])
      keyboard.onKeyDown(key("z", "KeyZ", { ctrlKey: true, repeat }));
    expect(held).toEqual([false, true, true, false]);
    expect(keyboard.isRepeating).toBe(false);
  });

  test("stepping through frames repeats, tools do not; other keys are not ours", () => {
    const { done, keyboard } = listen();
    keyboard.onKeyDown(key(".", "Period"));
    keyboard.onKeyDown(key(".", "Period", { repeat: true }));
    keyboard.onKeyDown(key("b", "KeyB"));
    keyboard.onKeyDown(key("b", "KeyB", { repeat: true }));
    expect(done).toEqual(["frame.next tap", "frame.next tap", "tool.brush tap"]);
    expect(keyboard.onKeyDown(key("F5", "F5"))).toBe(false);
    expect(keyboard.onKeyDown(key("r", "KeyR", { ctrlKey: true }))).toBe(false);
  });
});
