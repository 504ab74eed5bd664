// The line goes while somebody paints, then the tab crashes: the work is on the device, is offered back, and is saved.

import { clipsReady, go, openNext, read, shownAsPainted, stroke, upload } from "./acts.mjs";
import { ask, signIn, tell, until } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];

await tell("lost-tab", async (page, step) => {
  const context = page.context();
  await signIn(page);
  const { id: project } = await ask(page, "POST", "/api/projects", { name: "A lost tab", preset: "one_lesion" });
  await go(page, `/p/${project}/clips`);
  await upload(page, [CLIP]);
  await clipsReady(page, project, 1);

  const lost = await step("paint while the line is down", async () => {
    await openNext(page, project);
    await page.getByTestId("start-offer").waitFor();
    await context.setOffline(true);
    await stroke(page, 0);
    await page.getByTestId("save-state").getByText(/kept on this device/i).waitFor();
    return { address: page.url(), frame: await read(page, "frame-id"), painted: await shownAsPainted(page) };
  });
  await page.goto("chrome://crash").catch(() => {});
  await page.close(); // the remains: playwright sets no network on a context with a crashed page

  const again = await context.newPage();
  await context.setOffline(false);
  await again.goto(lost.address);
  await again.getByTestId("recovered").waitFor();
  await again.getByRole("button", { name: "Put it back" }).click();
  await until("the save of what was lost", async () => (await read(again, "revision")) === "1");
  const found = await shownAsPainted(again);
  if (lost.painted.painted.length < 50) throw new Error("the strokes painted next to nothing");
  if (JSON.stringify(found) !== JSON.stringify(lost.painted)) throw new Error("what came back is not what was painted");
  const revisions = await ask(again, "GET", `/api/frames/${lost.frame}/revisions`);
  if (revisions.length !== 1) throw new Error(`${revisions.length} revisions`);
});
