// The whole loop, once round, as a person clicks it: upload → frames → correct with the mouse → submit → accept →
// freeze → export → train → promote → redraft. SONOLOOP_CLIPS: JSON [{file, subject}], SONOLOOP_LATE_CLIP: {file, subject}.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { acceptAll, clipsReady, editorOf, exportMasks, freeze, go, openNext, paint, promote, read, train, upload } from "./acts.mjs";
import { ask, signIn, tell, until } from "./browser.mjs";

const CLIPS = JSON.parse(process.env.SONOLOOP_CLIPS);
const LATE = JSON.parse(process.env.SONOLOOP_LATE_CLIP);
const FRAMES_PER_CLIP = 2;

await tell("loop", async (page, step) => {
  await step("sign in", () => signIn(page));

  const project = await step("create a project", async () => {
    await page.getByRole("button", { name: /Create|New project/ }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("The loop, once round");
    await dialog.getByRole("radio", { name: new RegExp(process.env.SONOLOOP_PRESET) }).click();
    await dialog.getByRole("button", { name: "Create project" }).click();
    await page.waitForURL(/\/p\/\d+$/);
    const id = Number(page.url().match(/\/p\/(\d+)/)[1]);
    await ask(page, "PATCH", `/api/projects/${id}`, { frames_per_clip: FRAMES_PER_CLIP });
    return id;
  });

  await step("upload clips and see their frames read", async () => {
    await go(page, `/p/${project}/clips`);
    await upload(page, CLIPS);
    await clipsReady(page, project, CLIPS.length);
    await page.reload();
    await page.getByText(CLIPS[0].subject).first().waitFor();
  });

  await step("upload the same clip again and be told it is here", async () => {
    await upload(page, CLIPS.slice(0, 1));
    await page.getByLabel("Uploads").getByText(/already here/i).first().waitFor();
  });

  const painted = {};
  const waiting = CLIPS.length * FRAMES_PER_CLIP;
  await step("open the frame that needs a person most", () => openNext(page, project));
  for (let number = 0; number < waiting; number += 1) {
    await step(`paint and submit frame ${number + 1}`, async () => {
      const frame = await read(page, "frame-id");
      if (painted[frame]) throw new Error(`frame ${frame} came twice`);
      painted[frame] = await paint(page, 0.01 * number);
      if (painted[frame].painted.length < 50) throw new Error("the strokes painted next to nothing");
      await page.keyboard.press("Enter");
      await until("the next frame", async () => {
        const now = editorOf(page);
        return number === waiting - 1 ? !(await now.isVisible()) || (await read(page, "frame-state")) === "submitted"
          : (await read(page, "frame-id")) !== frame;
      });
    });
  }

  await step("accept on the review wall", () => acceptAll(page, project));
  await step("freeze a dataset version", () => freeze(page, project));
  await step("export it as PNG masks", () => exportMasks(page));
  await step("train a model and see its curves", () => train(page, project, 2));
  await step("promote the candidate with redrafting", () => promote(page, project));

  await step("see it draft the next clip", async () => {
    await go(page, `/p/${project}/clips`);
    await upload(page, [LATE]);
    await until(
      "drafts of the late clip",
      async () => {
        const clips = (await ask(page, "GET", `/api/projects/${project}/clips`)).results;
        return clips.find((clip) => clip.subject.pseudonym === LATE.subject && clip.drafted === FRAMES_PER_CLIP);
      },
      120,
    );
    await openNext(page, project);
    const detail = await ask(page, "GET", `/api/frames/${await read(page, "frame-id")}`);
    if (!detail.draft) throw new Error("the frame in the editor has no draft");
  });

  writeFileSync(join(process.env.SONOLOOP_OUT, "painted.json"), JSON.stringify({ project, painted }));
});
