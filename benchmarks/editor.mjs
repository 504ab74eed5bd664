// Run by `python -m benchmarks.editor`: drives the editor in a real Chromium and hands back raw times in milliseconds.
//
// The page is watched, not changed: its canvases' drawing calls are noted as they happen. "On the screen" is the
// moment the browser has painted the refresh in which the pixels were drawn: a task posted in that refresh's animation
// frame runs after it, and of highest priority before what the editor put off until then (panels, the copy on the
// device). What the compositor does afterwards is not in it.
//
// Moves of the pointer come with the refresh they are drawn in: their time is counted from the beginning of that
// refresh, or from the event where it came earlier. A press of the pointer or of a key comes when it will, and its
// pixels wait for the screen's next refresh, up to 17 ms at 60 a second: that wait is in its time. So that presses come
// at any moment of a refresh, as a hand's do, and not always just after one, a stroke waits a part of a refresh first.
// A modifier pressed before a key is not the key.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, writeFileSync } from "node:fs";
import { visiting } from "./memory.mjs";

const require = createRequire(new URL("../frontend/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const { SONOLOOP_URL: url, SONOLOOP_USER: user, SONOLOOP_PASSWORD: password, SONOLOOP_OUT: out } = process.env;
const clips = JSON.parse(process.env.SONOLOOP_CLIPS);
const parts = new Set(JSON.parse(process.env.SONOLOOP_PARTS));
const SIZES = [5, 50, 200];
const MANY = Number(process.env.SONOLOOP_STROKES ?? 2000);
const VISITS = Number(process.env.SONOLOOP_VISITS ?? 1000);
/** Others may use the machine too: each series is taken this often, and the round least disturbed is told. */
const ROUNDS = Number(process.env.SONOLOOP_ROUNDS ?? 3);
const MEASURED_STROKES = 12;
const MOVES = 16;
const REFRESH_MS = 1000 / 60;
const UNDONE = 40;
const PLAY_S = 8;

/** Runs in the page, before any of its scripts. */
function watch() {
  const bench = { since: null, whole: false, times: [], presses: [], longTasks: [], draws: [] };
  window.bench = bench;
  const start = (event) => {
    // A pointer that hovers paints nothing: its time would be told of the press that comes later.
    if (event.type.startsWith("pointer") && event.buttons !== 1) return;
    if (["Control", "Shift", "Alt", "Meta"].includes(event.key) || bench.since !== null) return;
    const since = performance.now();
    Object.assign(bench, { since, isPress: event.type === "pointerdown" });
    if (event.type !== "pointermove") return;
    // Asked for before the editor asks, so called before it.
    requestAnimationFrame((began) => {
      if (bench.since !== null) bench.since = Math.min(since, began);
    });
  };
  // Of several moves before one refresh the first counts: the latest would flatter.
  bench.on = (types, whole) => {
    Object.assign(bench, { since: null, whole, times: [], presses: [] });
    bench.off = () => types.forEach((type) => window.removeEventListener(type, start, true));
    for (const type of types) window.addEventListener(type, start, true);
  };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) bench.longTasks.push({ at: task.startTime, ms: task.duration });
  }).observe({ type: "longtask" });

  const inEditor = (context) => context.canvas.isConnected && context.canvas.closest("[data-testid=editor-canvas]");
  const { putImageData, drawImage } = CanvasRenderingContext2D.prototype;
  const isPicture = (context) => context.canvas.parentElement?.firstElementChild === context.canvas;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    putImageData.apply(this, given);
    // A frame whose greys are looked up is put, not copied; its last band is at the bottom.
    if (inEditor(this) && isPicture(this)) {
      if (given[2] + given[6] === this.canvas.height) bench.draws.push(performance.now());
      return;
    }
    if (bench.since === null || !inEditor(this)) return;
    // Opening a frame draws all of it; anything smaller is not what is waited for.
    if (bench.whole && given[5] !== this.canvas.width) return;
    const { since, isPress } = bench;
    bench.since = null;
    const painted = () => {
      const ms = performance.now() - since;
      bench.times.push(ms);
      if (isPress) bench.presses.push(ms);
    };
    scheduler.postTask(painted, { priority: "user-blocking" });
  };
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    drawImage.apply(this, given);
    if (inEditor(this)) bench.draws.push(performance.now());
  };
}

/** In a process of its own: the one that drives the browser has work that gets in between. */
function undoSteps() {
  const script = new URL("history.mjs", import.meta.url).pathname;
  return JSON.parse(execFileSync(process.execPath, [script, ...SIZES.map(String)], { maxBuffer: 2 ** 28 }));
}

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!executablePath) throw new Error("there is no Chromium on this machine (Debian: apt-get install chromium)");
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
try {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1440, height: 900 } });
  await context.addInitScript(watch);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  const pause = (ms) => page.waitForTimeout(ms);
  const editor = page.getByTestId("editor");
  const take = () => page.evaluate(() => {
    window.bench.off();
    return { ms: window.bench.times, presses: window.bench.presses };
  });

  async function openFrame(project, frame) {
    await page.goto(`${url}/p/${project}/frames/${frame}`);
    await page.locator(`[data-testid=editor][data-frame-id="${frame}"]`).waitFor();
    await page.waitForFunction(() => Number(document.querySelector("[data-testid=time-strip]")?.ariaValueMax) > 1);
    await pause(1500);
  }

  async function forgetTasks() {
    await page.evaluate(() => (window.bench.longTasks = []));
  }
  const longTasks = () => page.evaluate(() => window.bench.longTasks.map((task) => task.ms));

  /** Click on the time strip, at frames that were not loaded ahead. */
  async function opening(frames, round) {
    await openFrame(clips.paint.project, frames[0]);
    await forgetTasks();
    const strip = await page.getByTestId("time-strip").boundingBox();
    await page.evaluate(() => window.bench.on(["pointerdown"], true));
    for (let at = 5 + (round % 3); at < frames.length - 2; at += 4) {
      const before = await editor.getAttribute("data-frame-id");
      await page.mouse.click(strip.x + (strip.width * (at + 0.5)) / frames.length, strip.y + strip.height / 2);
      await pause(600); // asking meanwhile whether it is open would keep the page from opening it
      if ((await editor.getAttribute("data-frame-id")) === before) throw new Error(`frame ${at} did not open`);
    }
    return { ...(await take()), tasks: await longTasks() };
  }

  async function stepping(project, frame, steps, rest) {
    await openFrame(project, frame);
    await forgetTasks();
    await page.evaluate(() => window.bench.on(["keydown"], true));
    for (let step = 0; step < steps; step += 1) {
      await page.keyboard.press(".");
      await pause(rest);
    }
    return { ...(await take()), tasks: await longTasks() };
  }

  async function setBrush(size) {
    const now = async () => Number.parseInt(await page.getByTitle("Brush size in pixels of the picture").innerText(), 10);
    // The panel says it a refresh later, or more where the machine is busy: each key waits for it.
    const press = async (key) => {
      const before = await now();
      await page.keyboard.press(key);
      for (let tries = 0; tries < 50 && (await now()) === before; tries += 1) await pause(20);
    };
    if ((await now()) > size) while ((await now()) > 1) await press("[");
    while ((await now()) < size) await press("]");
    if ((await now()) > size * 1.15) throw new Error(`the brush is ${await now()} px, not ${size}`);
  }

  // The same places in every run.
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  async function stroke(box, moves) {
    await page.keyboard.press(String(1 + Math.floor(random() * 9)));
    const place = () => [box.x + box.width * (0.25 + 0.5 * random()), box.y + box.height * (0.25 + 0.5 * random())];
    let [x, y] = place();
    await page.mouse.move(x, y);
    if (moves > 1) await pause(REFRESH_MS * random());
    await page.mouse.down();
    const [toX, toY] = place();
    for (let i = 1; i <= moves; i += 1) await page.mouse.move(x + ((toX - x) * i) / moves, y + ((toY - y) * i) / moves);
    await page.mouse.up();
  }

  const saved = () => page.locator("[data-testid=editor][data-save-state=saved]").waitFor();

  async function brushes(box, after) {
    const series = [];
    for (const size of SIZES) {
      await setBrush(size);
      for (let round = 0; round < ROUNDS; round += 1) {
        await saved();
        await page.evaluate(() => window.bench.on(["pointerdown", "pointermove"], false));
        for (let i = 0; i < MEASURED_STROKES; i += 1) await stroke(box, MOVES);
        await pause(200);
        series.push({ size, after, ...(await take()) });
      }
    }
    return series;
  }

  async function painting() {
    const box = await page.getByTestId("editor-canvas").boundingBox();
    await page.keyboard.press("b");
    await setBrush(20);
    await stroke(box, 1);
    const series = await brushes(box, 1);
    await setBrush(20);
    for (let strokes = 1; strokes < MANY; strokes += 1) await stroke(box, 1);
    series.push(...(await brushes(box, MANY)));
    return series;
  }

  async function undoing() {
    const series = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await saved();
      await forgetTasks();
      await page.evaluate(() => window.bench.on(["keydown"], false));
      for (let i = 0; i < UNDONE; i += 1) {
        await page.keyboard.press("Control+z");
        await pause(80);
      }
      series.push({ ...(await take()), tasks: await longTasks() });
    }
    return series;
  }

  async function paintingLarge() {
    const { project, frame, frames: many } = clips.large;
    const next = await rounds(() => stepping(project, frame, many - 1, 2500));
    await openFrame(project, frame);
    const box = await page.getByTestId("editor-canvas").boundingBox();
    await page.keyboard.press("b");
    await stroke(box, 1);
    await forgetTasks();
    const brush = await brushes(box, 1);
    return { brush, tasks: await longTasks(), next };
  }

  async function playing(frame, display) {
    await openFrame(clips.play.project, frame);
    if (display) {
      // Window and level by hand, as people set them.
      const box = await page.getByTestId("editor-canvas").boundingBox();
      await page.mouse.move(box.x + 300, box.y + 200);
      await page.mouse.down({ button: "right" });
      await page.mouse.move(box.x + 220, box.y + 180, { steps: 4 });
      await page.mouse.up({ button: "right" });
      await pause(500);
    }
    await page.evaluate(() => (window.bench.draws = []));
    await page.keyboard.press("Space");
    await page.waitForFunction(() => window.bench.draws.length > 0);
    await pause(PLAY_S * 1000 + 300);
    const draws = await page.evaluate(() => window.bench.draws);
    await page.keyboard.press("Space");
    await pause(500);
    if (display) await page.getByRole("button", { name: "Reset" }).click();
    const within = draws.filter((at) => at <= draws[0] + PLAY_S * 1000);
    const due = Math.floor(((within.at(-1) - within[0]) * 30) / 1000 + 0.5) + 1;
    const waits = within.filter((at, i) => i > 0 && at - within[i - 1] > 250).length;
    return { due, shown: within.length, dropped: Math.max(0, due - within.length), waits };
  }

  async function rounds(act) {
    const taken = [];
    for (let round = 0; round < ROUNDS; round += 1) taken.push(await act(round));
    return taken;
  }

  await page.goto(url);
  await page.getByLabel("Name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Projects" }).waitFor();

  const { frames } = clips.paint;
  const found = {};
  if (parts.has("frames")) {
    const open = await rounds((round) => opening(frames, round));
    const next = await rounds(() => stepping(clips.paint.project, frames[0], 30, 500));
    const scripts = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname).filter((path) => path.endsWith(".js")),
    );
    found.frames = { open, next, scripts: [...new Set(scripts)] };
  }
  if (parts.has("paint")) {
    await openFrame(clips.paint.project, frames[0]);
    await forgetTasks();
    const brush = await painting();
    const tasks = await longTasks();
    found.paint = { brush, tasks, undo: await undoing() };
  }
  if (parts.has("large")) found.large = await paintingLarge();
  if (parts.has("steps")) found.steps = undoSteps();
  if (parts.has("play"))
    found.play = {
      plain: await rounds(() => playing(clips.play.frame, false)),
      displayed: await rounds(() => playing(clips.play.frame, true)),
    };
  if (parts.has("memory"))
    found.memory = await visiting({ executablePath, url, user, password, clip: clips.play, visits: VISITS });
  if (faults.length > 0) throw new Error(`the page threw: ${faults.join("; ")}`);
  const few = (series, least) => (series ?? []).some(({ ms }) => ms.length < least);
  if (
    few(found.frames?.open, 10) || few(found.frames?.next, 20) ||
    few([...(found.paint?.brush ?? []), ...(found.large?.brush ?? [])], 50) || few(found.paint?.undo, UNDONE / 2)
  )
    throw new Error("too little was drawn to judge by");
  writeFileSync(out, JSON.stringify(found));
} finally {
  await browser.close();
}
