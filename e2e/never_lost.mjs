// The line is gone for a minute over two frames, the session ends in mid-stroke, the browser is killed in mid-stroke: the work is there.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible } from "./axe.mjs";
import { clipsReady, go, openNext, paint, read, shownAsPainted, stroke, upload } from "./acts.mjs";
import { ask, PASSWORD, signIn, startBrowser, tell, until } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];

const MINUTE = 60_000;

/** Remove a folder; false while processes of a killed browser, which die one by one, still write into it. */
function isGone(folder) {
  try {
    rmSync(folder, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

/** How many frames this device keeps unsaved work of. */
const keptHere = (page) =>
  page.evaluate(async () => {
    const databases = (await indexedDB.databases()).filter(({ name }) => name.startsWith("sonoloop-work-"));
    const counts = databases.map(
      ({ name }) =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open(name);
          opening.onerror = reject;
          opening.onsuccess = () => {
            const counting = opening.result.transaction("work").objectStore("work").count();
            counting.onsuccess = () => resolve(counting.result);
            opening.result.close();
          };
        }),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  });

/** Put the pointer down and draw, without letting go. */
async function beginStroke(page, at) {
  const box = await page.getByTestId("editor-canvas").boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * at);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * at, { steps: 8 });
}

await tell("never-lost", async (page, step) => {
  const context = page.context();
  await signIn(page);
  const { id: project } = await ask(page, "POST", "/api/projects", { name: `Never lost ${Date.now()}`, preset: "one_lesion" });
  await go(page, `/p/${project}/clips`);
  await upload(page, [CLIP]);
  await clipsReady(page, project, 1);
  await openNext(page, project);
  const first = await read(page, "frame-id");
  const revisions = (frame) => ask(page, "GET", `/api/frames/${frame}/revisions`);

  await step("draw on two frames for a minute without network, and have both saved when it is back", async () => {
    await paint(page, 0);
    // Somebody with a line of their own, who sees what the server has.
    const elsewhere = await context.browser().newContext();
    const witness = await elsewhere.newPage();
    await signIn(witness);
    const known = async (frame) => (await ask(witness, "GET", `/api/frames/${frame}/revisions`)).length;
    await context.setOffline(true);
    const cutAt = Date.now();
    await stroke(page, 0.05);
    await page.locator('[data-testid="offline"][data-waiting="1"]').waitFor();
    await page.getByTestId("save-state").getByText("Kept on this device (offline)").waitFor();
    await accessible(page, "without network");
    const drawn = { [first]: await shownAsPainted(page) };
    await page.keyboard.press(".");
    await until("the frame that was loaded ahead", async () => (await read(page, "frame-id")) !== first);
    const second = await read(page, "frame-id");
    for (let at = 0; Date.now() - cutAt < MINUTE; at += 0.01) {
      await stroke(page, at);
      await page.locator('[data-testid="offline"][data-waiting="2"]').getByText("Work on 2 frames").waitFor();
      if ((await known(first)) !== 1 || (await known(second)) !== 0) throw new Error("something was saved without a line");
      await page.waitForTimeout(Math.min(8000, Math.max(0, MINUTE - (Date.now() - cutAt))));
    }
    drawn[second] = await shownAsPainted(page);
    const asked = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    const question = await asked;
    if (question.type() !== "beforeunload") throw new Error(`closing asked ${question.type()}`);
    await question.dismiss();
    await context.setOffline(false);
    const seconds = (Date.now() - cutAt) / 1000;
    if (seconds < 60) throw new Error(`the line was down for ${seconds} s only`);
    await page.getByTestId("offline").waitFor({ state: "detached" });
    await until("both", async () => (await known(first)) === 2 && (await known(second)) >= 1);
    await until("nothing kept any more", async () => (await keptHere(page)) === 0);
    await elsewhere.close();
    for (const [frame, painted] of Object.entries(drawn)) {
      await go(page, page.url().replace(/frames\/\d+/, `frames/${frame}`));
      await until("the frame", async () => (await read(page, "frame-id")) === frame && (await read(page, "save-state")) === "saved");
      const found = await until("its mask", async () => {
        const now = await shownAsPainted(page);
        return now.painted.length > 0 ? now : null;
      });
      if (JSON.stringify(found) !== JSON.stringify(painted)) throw new Error(`frame ${frame} is not what was drawn on it`);
    }
  });

  await step("lose the session in mid-stroke and sign in over the picture", async () => {
    await until("a calm frame", async () => (await read(page, "save-state")) === "saved");
    const frame = await read(page, "frame-id");
    const before = (await revisions(frame)).length;
    await context.clearCookies({ name: "sonoloop_session" });
    await stroke(page, -0.1); // its save finds the session gone
    await beginStroke(page, 0.7);
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Your session ended").waitFor();
    await accessible(page, "signing in again");
    await page.mouse.move(700, 640, { steps: 4 });
    await page.mouse.up();
    const drawn = await shownAsPainted(page);
    await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await until("the save of both strokes", async () => {
      return (await read(page, "save-state")) === "saved" && (await revisions(frame)).length > before;
    });
    await page.reload();
    await until("the frame again", async () => (await read(page, "save-state")) === "saved" && Number(await read(page, "revision")) > before);
    const again = await until("the mask", async () => {
      const now = await shownAsPainted(page);
      return now.painted.length > 0 ? now : null;
    });
    if (JSON.stringify(again) !== JSON.stringify(drawn)) throw new Error("the stroke under way was not saved as it was drawn");
  });

  await step("sign out and leave nothing on the device", async () => {
    await go(page, `/p/${project}`);
    await page.getByRole("button", { name: /your account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("Password", { exact: true }).waitFor();
    const left = await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
    if (left.some((name) => name.startsWith("sonoloop-work-"))) throw new Error(`left on the device: ${left}`);
    await signIn(page);
    await go(page, `/p/${project}/frames/${first}`);
    await until("the frame", async () => (await read(page, "frame-id")) === first);
  });

  await step("kill the browser in mid-stroke and find all but the open stroke", async () => {
    const profile = mkdtempSync(join(tmpdir(), "sonoloop-profile-"));
    const address = page.url();
    try {
      const killed = await startBrowser(profile);
      await signIn(killed.page);
      await killed.page.goto(address);
      await until("the frame", async () => (await read(killed.page, "frame-id")) !== "");
      const frame = await read(killed.page, "frame-id");
      const before = (await revisions(frame)).length;
      await killed.page.context().setOffline(true);
      await stroke(killed.page, 0.12);
      const kept = await shownAsPainted(killed.page);
      await beginStroke(killed.page, 0.3);
      await killed.kill();

      const next = await startBrowser(profile);
      // The cookie of the session went with the browser; the work did not.
      await signIn(next.page);
      await next.page.goto(address);
      await next.page.getByTestId("recovered").waitFor();
      await next.page.getByRole("button", { name: "Put it back" }).click();
      await until("its save", async () => (await revisions(frame)).length === before + 1);
      const found = await shownAsPainted(next.page);
      const newest = (await revisions(frame))[0];
      await next.kill();
      if (JSON.stringify(found) !== JSON.stringify(kept)) throw new Error("what came back is not what was painted");
      if (newest.strokes !== 2 || newest.clicks !== 2 || !(newest.active_seconds > 0))
        throw new Error(`its effort: ${newest.strokes} strokes, ${newest.clicks} clicks, ${newest.active_seconds} s`);
    } finally {
      await until("the profile to be gone", () => isGone(profile), 20);
    }
  });
});
