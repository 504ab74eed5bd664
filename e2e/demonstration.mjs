// The demonstration of the first start: what it holds, a draft corrected, a model retrained from the champion, roll back.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
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

  writeFileSync(join(process.env.SONOLOOP_OUT, "painted.json"), JSON.stringify({ project, painted }));
});
