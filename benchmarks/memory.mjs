// Memory of the editor over many frames visited, in a browser of its own.
//
// Not with playwright: it turns on the inspector's network log, which keeps the body of every answer in the page's
// process, up to 200 MB of them, and would be told as the editor's. Here the browser is spoken to directly.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const GIVE_UP_MS = 60_000;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Chromium and the way to send it commands (the DevTools protocol over a pipe: JSON, each ended by a zero). */
function start(executablePath, profile) {
  const child = spawn(
    executablePath,
    [
      "--headless=new", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--window-size=1440,900",
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const waiting = new Map();
  let last = 0;
  let said = "";
  child.stdio[4].setEncoding("utf8").on("data", (part) => {
    said += part;
    for (let end = said.indexOf("\0"); end >= 0; end = said.indexOf("\0")) {
      const { id, result, error } = JSON.parse(said.slice(0, end));
      said = said.slice(end + 1);
      const asked = waiting.get(id);
      waiting.delete(id);
      if (error) asked?.failed(new Error(error.message));
      else asked?.done(result);
    }
  });
  const send = (method, params = {}, sessionId = undefined) =>
    new Promise((done, failed) => {
      last += 1;
      waiting.set(last, { done, failed });
      child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });
  /** By its own door: the processes of a killed browser die one by one, and write into its folder meanwhile. */
  const stop = () =>
    new Promise((gone) => {
      if (child.exitCode !== null) gone();
      child.once("exit", gone);
      send("Browser.close").catch(() => undefined);
    });
  return { send, stop };
}

/** Go through frames, back and forth, and tell the page's memory in MB at a quarter of the way and at its end. */
export async function visiting({ executablePath, url, user, password, clip, visits }) {
  const profile = mkdtempSync(join(tmpdir(), "sonoloop-bench-"));
  const { send, stop } = start(executablePath, profile);
  try {
    const { targetInfos } = await send("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }) => type === "page");
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    const own = (method, params) => send(method, params, sessionId);
    const evaluate = async (expression) => {
      const { result, exceptionDetails } = await own("Runtime.evaluate", { expression, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    const until = async (condition) => {
      // A page on its way to another has nothing to be asked: asked again.
      for (const end = Date.now() + GIVE_UP_MS; Date.now() < end; await pause(10))
        if (await evaluate(condition).catch(() => false)) return;
      throw new Error(`this never became true: ${condition}`);
    };
    const shown = `document.querySelector("[data-testid=editor]")?.dataset.frameId`;

    await own("Page.navigate", { url });
    await until(`document.querySelector("input[type=password]") !== null`);
    for (const [field, text] of [["input:not([type=password])", user], ["input[type=password]", password]]) {
      await evaluate(`document.querySelector("${field}").focus()`);
      await own("Input.insertText", { text });
    }
    await evaluate(`document.querySelector("button[type=submit]").click()`);
    await until(`[...document.querySelectorAll("h1, h2")].some((head) => head.textContent === "Projects")`);
    await own("Page.navigate", { url: `${url}/p/${clip.project}/frames/${clip.frame}` });
    await until(`${shown} === "${clip.frame}"`);
    await pause(3000);

    /** What the system counts, after the garbage was collected. */
    const memory = async () => {
      await own("HeapProfiler.collectGarbage");
      await pause(300);
      const { processInfo } = await send("SystemInfo.getProcessInfo");
      const kilobytes = processInfo
        .filter(({ type }) => type === "renderer")
        .map(({ id }) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0));
      return Math.max(...kilobytes) / 1024;
    };

    const quarter = Math.floor(visits / 4);
    let early = 0;
    for (let visit = 1; visit <= visits; visit += 1) {
      const isBack = Math.floor((visit - 1) / (clip.frames - 2)) % 2 === 1;
      const [key, code] = isBack ? [",", "Comma"] : [".", "Period"];
      const before = await evaluate(shown);
      await own("Input.dispatchKeyEvent", { type: "keyDown", key, code, text: key });
      await own("Input.dispatchKeyEvent", { type: "keyUp", key, code });
      await until(`${shown} !== "${before}"`);
      if (visit === quarter) early = await memory();
    }
    return { visits, early, late: await memory() };
  } finally {
    await stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
