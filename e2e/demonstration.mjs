// The demonstration of the first start: what it holds, a draft corrected, a model retrained from the champion, roll back.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "./axe.mjs";
import { acceptAll, exportMasks, freeze, go, openNext, paint, promote, read, train } from "./acts.mjs";
import { ask, signIn, tell, until } from "./browser.mjs";

await tell("demonstration", async (page, step) => {
  await step("sign in", () => signIn(page));

  const project = await step("find the demonstration with its drafts", async () => {
    const { id } = (await ask(page, "GET", "/api/projects")).results.find((each) => each.is_demonstration);
    const stats = await until(
      "the demonstration and its drafts",
      async () => {
        const jobs = (await ask(page, "GET", `/api/jobs?project=${id}`)).results;
        const failed = jobs.find((job) => ["failed", "quarantined"].includes(job.state));
        if (failed) throw new Error(`${failed.title}: ${failed.error}`);
        const now = await ask(page, "GET", `/api/projects/${id}/stats`);
        return now.champion && now.drafted === now.untouched && now.accepted > 0 && now.untouched > 0 ? now : null;
      },
      240,
    );
    if (stats.subjects < 5) throw new Error(`${stats.subjects} subjects`);
    await go(page, `/p/${id}`);
    await page.getByText("gold").first().waitFor();
    return id;
  });

  await step("look at a clip with its masks", async () => {
    const clips = (await ask(page, "GET", `/api/projects/${project}/clips`)).results;
    await go(page, `/p/${project}/clips/${clips.at(-1).id}`);
    await page.locator("canvas").first().waitFor();
  });

  const painted = {};
  await step("correct the draft that is least certain", async () => {
    await openNext(page, project);
    const frame = await read(page, "frame-id");
    painted[frame] = await paint(page, 0);
    await page.keyboard.press("Enter");
    await until("the next frame", async () => (await read(page, "frame-id")) !== frame);
    const revisions = await ask(page, "GET", `/api/frames/${frame}/revisions`);
    if (revisions.at(-1).origin !== "draft") throw new Error(`the work began from ${revisions.at(-1).origin}`);
  });

  await step("accept it", () => acceptAll(page, project));
  await step("freeze a dataset version", () => freeze(page, project));
  await step("export it", () => exportMasks(page));
  await step("retrain the champion", () => train(page, project, 1));
  await step("compare and promote", () => promote(page, project));
  await step("roll back", async () => {
    await page.getByRole("button", { name: /^Roll back/ }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await until("the first champion", async () => (await ask(page, "GET", `/api/projects/${project}`)).champion.number === 1);
  });

  const clip = await step("carry a mask over by following the motion", async () => {
    const clips = (await ask(page, "GET", `/api/projects/${project}/clips`)).results;
    const [{ id }] = clips.filter(({ untouched, accepted, selected, open }) => (untouched ?? selected - accepted - open) > 0);
    await ask(page, "POST", `/api/clips/${id}/select`, { count: 24 });
    const frames = (await ask(page, "GET", `/api/clips/${id}/frames?selected=true&limit=500`)).results;
    const key = frames.find(({ state, uncertainty }) => state === "untouched" && uncertainty !== null);
    await go(page, `/p/${project}/frames/${key.id}`);
    await until("the frame", async () => (await read(page, "frame-id")) === String(key.id));
    await page.keyboard.press("y");
    await until("the draft saved", async () => (await read(page, "revision")) === "1");
    await page.keyboard.press("k");
    await page.getByRole("button", { name: "Carry over", exact: true }).click();
    await page.getByTestId("carry-strip").waitFor({ timeout: 120_000 });
    await accessible(page, "masks offered");
    return id;
  });

  await step("accept all that was carried, and take it back", async () => {
    const drawn = async () =>
      (await ask(page, "GET", `/api/clips/${clip}/frames?selected=true&state=open&limit=500`)).results.length;
    const before = await drawn();
    await page.getByTestId("carry-strip").getByRole("button", { name: /^Accept all/ }).click();
    await until("the masks", async () => (await drawn()) > before);
    const [{ id }] = (await ask(page, "GET", `/api/clips/${clip}/frames?selected=true&state=open&limit=500`)).results.slice(-1);
    const [carried] = await ask(page, "GET", `/api/frames/${id}/revisions`);
    if (carried.origin !== "propagated") throw new Error(`the mask came from ${carried.origin}`);
    // Also once it was put away and the page was loaded again: the undo key offers it where the frame has no step left.
    await page.getByTestId("carry-accepted").getByRole("button", { name: "Keep" }).click();
    await page.reload();
    await until("the frame again", async () => (await read(page, "save-state")) === "saved");
    await page.keyboard.press("Control+z");
    await page.getByTestId("carry-accepted").getByRole("button", { name: "Take back" }).waitFor();
    await page.waitForTimeout(800); // an offer that was seen: the undo key pressed again takes it
    await page.keyboard.press("Control+z");
    await until("what was before", async () => (await drawn()) === before);
    const after = await ask(page, "GET", `/api/frames/${id}`);
    if (after.state !== "untouched" || after.annotation) throw new Error(`the frame is ${after.state}`);
  });

  await step("fix a structure by clicks", async () => {
    const frame = await read(page, "frame-id");
    await page.keyboard.press("1");
    await page.keyboard.press("c");
    const box = await page.getByTestId("editor-canvas").boundingBox();
    const propose = async () => {
      // Twice where no first label is: below the skin, so that something must change.
      for (const at of [0.5, 0.56]) await page.mouse.click(box.x + box.width * at, box.y + box.height * 0.45);
      await until(
        "the proposal",
        async () => (await page.locator('[data-testid=clicks][data-phase=proposed][data-hints="2"]').count()) === 1,
        60,
      );
    };
    await propose();
    const [away, back] = (await read(page, "frame-index")) === "0" ? [".", ","] : [",", "."];
    await page.keyboard.press(away);
    await page.getByText("The proposal was not taken").waitFor();
    await until("the other frame", async () => (await read(page, "frame-id")) !== frame);
    await page.keyboard.press(back);
    await until("the frame again", async () => (await read(page, "frame-id")) === frame);
    // Panels are told a refresh later: what they say of the proposal before must not be taken for the next.
    await page.locator('[data-testid=clicks][data-phase=idle][data-hints="0"]').waitFor();
    await propose();
    await page.keyboard.press("Enter");
    await until("the save", async () => {
      const [newest] = await ask(page, "GET", `/api/frames/${frame}/revisions`);
      return newest.origin === "assisted";
    });
  });

  writeFileSync(join(process.env.SONOLOOP_OUT, "painted.json"), JSON.stringify({ project, painted }));
}, { viewport: { width: 1280, height: 720 } });
