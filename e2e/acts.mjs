// What a person does on the screens, each act once, for all stories.

import { join } from "node:path";
import { ask, until } from "./browser.mjs";

const OUT = process.env.SONOLOOP_OUT;

export const editorOf = (page) => page.getByTestId("editor");
export const read = (page, name) => editorOf(page).getAttribute(`data-${name}`);
export const go = (page, path) => page.goto(new URL(path, page.url()).href);

export async function upload(page, clips) {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: /^Upload clips/ }).first().click();
  await (await chooser).setFiles(clips.map((clip) => clip.file));
  const dialog = page.getByRole("dialog");
  if (clips.length === 1) await dialog.getByLabel("Subject").fill(clips[0].subject);
  for (const clip of clips.length > 1 ? clips : []) {
    const name = clip.file.split("/").at(-1);
    await dialog.getByLabel(`Subject of ${name}`).fill(clip.subject);
    await page.keyboard.press("Escape");
  }
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
}

export async function clipsReady(page, project, count) {
  return until(
    `${count} clips with frames`,
    async () => {
      const clips = (await ask(page, "GET", `/api/projects/${project}/clips`)).results;
      const failed = clips.find((clip) => clip.state === "failed");
      if (failed) throw new Error(failed.state_reason);
      return clips.length === count && clips.every((clip) => clip.state !== "processing") ? clips : null;
    },
    120,
  );
}

/** Two strokes with the mouse in the middle of the picture. */
export async function stroke(page, at) {
  const box = await page.getByTestId("editor-canvas").boundingBox();
  const x = (share) => box.x + box.width * share;
  const y = (share) => box.y + box.height * share;
  await page.keyboard.press("b");
  await page.keyboard.press("1");
  await page.mouse.move(x(0.42), y(0.4 + at));
  await page.mouse.down();
  await page.mouse.move(x(0.58), y(0.42 + at), { steps: 12 });
  await page.mouse.move(x(0.55), y(0.5 + at), { steps: 8 });
  await page.mouse.up();
  await page.mouse.move(x(0.45), y(0.52 + at));
  await page.mouse.down();
  await page.mouse.move(x(0.5), y(0.55 + at), { steps: 6 });
  await page.mouse.up();
}

/** Paint two strokes, wait until they are saved; answers what the screen then shows as painted. */
export async function paint(page, at) {
  await stroke(page, at);
  await until("the save of the strokes", async () => {
    const [state, revision] = [await read(page, "save-state"), Number(await read(page, "revision"))];
    return state === "saved" && revision > 0;
  });
  return shownAsPainted(page);
}

/** The pixels of the picture over which the screen shows a mask. */
export function shownAsPainted(page) {
  return page.getByTestId("editor-canvas").evaluate((host) => {
    const overlay = host.querySelector('canvas[data-layer="masks"]');
    const { width, height } = overlay;
    const pixels = overlay.getContext("2d").getImageData(0, 0, width, height).data;
    const painted = [];
    for (let at = 0; at < width * height; at += 1) if (pixels[4 * at + 3] > 0) painted.push(at);
    return { width, height, painted };
  });
}

/** The frame that needs a person most, opened with one key from the project's page. */
export async function openNext(page, project) {
  await go(page, `/p/${project}`);
  await page.getByRole("button", { name: /Annotate next/ }).or(page.getByRole("link", { name: /Annotate next/ })).first().waitFor();
  await page.keyboard.press("a");
  await editorOf(page).waitFor();
  await until("a frame in the editor", async () => (await read(page, "frame-id")) !== "");
}

/** Accept what waits on the review wall, frame by frame, with one key each. */
export async function acceptAll(page, project) {
  const before = await ask(page, "GET", `/api/projects/${project}/stats`);
  await go(page, `/p/${project}/review`);
  for (let number = 1; number <= before.submitted; number += 1) {
    await page.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
    await page.keyboard.press("y");
    await until("the verdict", async () => {
      const stats = await ask(page, "GET", `/api/projects/${project}/stats`);
      return stats.accepted === before.accepted + number;
    });
  }
}

export async function freeze(page, project) {
  await go(page, `/p/${project}/datasets`);
  await page.getByRole("button", { name: "Freeze version 1" }).click();
  await page.getByTestId("dataset-version").first().waitFor();
}

export async function exportMasks(page) {
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /^PNG masks/ }).click();
  const ready = page.locator('[data-testid="export"][data-format="png"][data-state="ready"]');
  await ready.waitFor({ timeout: 60_000 });
  const download = page.waitForEvent("download");
  await ready.getByRole("link", { name: /Download/ }).click();
  await (await download).saveAs(join(OUT, "export.zip"));
}

export async function train(page, project, epochs) {
  await go(page, `/p/${project}/training`);
  await page.getByRole("button", { name: "Train a model" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Epochs").fill(`${epochs}`);
  await dialog.getByRole("button", { name: "Start training" }).click();
  await page.locator('[data-testid="run-panel"][data-state="finished"]').waitFor({ timeout: 400_000 });
}

export async function promote(page, project) {
  await go(page, `/p/${project}/models`);
  await page.getByRole("button", { name: /^Promote/ }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /^Promote model/ }).waitFor();
  // A model trained for minutes may well not pass the gate: then a person has to say why.
  const why = dialog.getByLabel("Why promote it all the same");
  if (await why.count()) await why.fill("The loop is tried out");
  await dialog.getByRole("button", { name: /^Promote model/ }).click();
  await page.locator('[data-testid="model-panel"][data-stage="champion"]').first().waitFor();
}
