// Two people, and two tabs of one of them, on one frame: what does not overlap is joined, what does is chosen.

import { accessible } from "./axe.mjs";
import { clipsReady, go, openNext, read, upload } from "./acts.mjs";
import { ask, signIn, tell, until } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];

/** One stroke across the picture with the label of this number in the list. */
async function draw(page, label, at) {
  const box = await page.getByTestId("editor-canvas").boundingBox();
  await page.keyboard.press("b");
  await page.keyboard.press(`${label}`);
  await page.mouse.move(box.x + box.width * 0.45, box.y + box.height * at);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.55, box.y + box.height * at, { steps: 8 });
  await page.mouse.up();
}

const saved = (page, number) =>
  until(`revision ${number}`, async () => (await read(page, "revision")) === `${number}`);

await tell(
  "two-people",
  async (page, step) => {
    await signIn(page);
    const { id: project } = await ask(page, "POST", "/api/projects", {
      name: `Two people ${Date.now()}`,
      preset: "lumbar_transverse",
    });
    const username = `ada${Date.now()}`;
    const { password } = await ask(page, "POST", `/api/projects/${project}/members`, { username, role: "annotator" });
    await go(page, `/p/${project}/clips`);
    await upload(page, [CLIP]);
    await clipsReady(page, project, 1);
    await openNext(page, project);
    const frame = await read(page, "frame-id");
    const other = await (await page.context().browser().newContext({ viewport: { width: 1360, height: 850 } })).newPage();
    await signIn(other, { username, password });
    await go(other, `/p/${project}/frames/${frame}`);
    await until("the frame", async () => (await read(other, "frame-id")) === frame);
    const revisions = () => ask(page, "GET", `/api/frames/${frame}/revisions`);

    await step("strokes side by side are joined", async () => {
      await draw(other, 1, 0.4);
      await saved(other, 1);
      await draw(page, 2, 0.6);
      await page.getByText(`${username} saved this frame too`).waitFor();
      await saved(page, 2);
      const [both, theirs] = await revisions();
      const [labels, before] = [Object.keys(both.label_pixels).length, Object.keys(theirs.label_pixels).length];
      if (labels !== 2 || before !== 1 || both.parent !== 1) throw new Error(`${labels} labels on r${both.parent}`);
      await other.getByRole("button", { name: /load r2/ }).click();
      await saved(other, 2);
    });

    await step("strokes over one another are shown, and wait for a choice", async () => {
      await page.context().setOffline(true);
      await draw(page, 3, 0.5);
      await draw(other, 1, 0.5);
      await saved(other, 3);
      await page.context().setOffline(false);
      await page.getByTestId("conflict").getByRole("img").nth(2).waitFor();
      await accessible(page, "the choice between two people's work");
      await page.keyboard.press("Enter");
      if ((await revisions())[0].number !== 3) throw new Error("Enter chose");
    });

    await step("the choice is one step on top of theirs", async () => {
      const together = page.getByRole("button", { name: "Save both together" });
      if (await together.isEnabled()) throw new Error("both together without a choice");
      await page.getByRole("button", { name: "All mine" }).click();
      await together.click();
      await saved(page, 4);
      if ((await revisions())[0].parent !== 3) throw new Error("the parent is not theirs");
      await page.getByTestId("conflict").waitFor({ state: "detached" });
    });

    await step("work of a tab that lives is not offered as lost in another", async () => {
      await page.context().setOffline(true);
      await draw(page, 1, 0.3);
      await page.getByTestId("offline").waitFor();
      await page.context().setOffline(false);
      const tab = await page.context().newPage();
      await tab.goto(page.url());
      await until("the frame", async () => (await read(tab, "frame-id")) === frame);
      await tab.getByTestId("save-state").waitFor();
      if (await tab.getByTestId("recovered").isVisible()) throw new Error("offered");
      await tab.close();
      await saved(page, 5);
    });
  },
  { colorScheme: "dark" },
);
