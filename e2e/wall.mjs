// A reviewer's twenty minutes: one frame returned with a note on the spot, the twenty others picked and accepted at once.

import { join } from "node:path";
import { accessible } from "./axe.mjs";
import { clipsReady, go, openNext, paint, read, upload } from "./acts.mjs";
import { ask, signIn, tell, until, URL_ } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];
const FRAMES = 21;
const NOTE = "The border lies deeper here";

/** Save this frame's mask for another frame, and hand it in. */
const handIn = (page, from, frame) =>
  page.evaluate(
    async ([from, frame]) => {
      const mask = await (await fetch(`/api/frames/${from}/mask`)).blob();
      const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
      const headers = { "X-CSRFToken": token };
      for (const [method, path, more, body] of [
        ["PUT", "mask", { "If-Match": '"r0"', "Content-Type": "image/png" }, mask],
        ["POST", "submit", {}, undefined],
      ]) {
        const answer = await fetch(`/api/frames/${frame}/${path}`, { method, headers: { ...headers, ...more }, body });
        if (!answer.ok) throw new Error(await answer.text());
      }
    },
    [from, frame],
  );

const bar = (page) => page.getByRole("toolbar", { name: "Verdict" });

/** Two cards picked on a tablet in light, in a second page of the same session. */
async function byTouch(page, project) {
  const context = await page.context().browser().newContext({
    storageState: await page.context().storageState(),
    locale: "en-US",
    viewport: { width: 820, height: 1180 },
    hasTouch: true,
    isMobile: true,
  });
  const tablet = await context.newPage();
  await tablet.goto(`${URL_}/p/${project}/review`);
  const corners = tablet.getByRole("button", { name: /^Pick clip 1, frame/ });
  await tablet.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
  const { width, height } = await corners.first().boundingBox();
  if (Math.min(width, height) < 44) throw new Error(`a corner for fingers is ${width}×${height}`);
  for (const card of [0, 2]) {
    const opacity = await corners.nth(card).evaluate((corner) => getComputedStyle(corner).opacity);
    if (opacity !== "1") throw new Error("the corner does not show");
    await corners.nth(card).tap();
  }
  await bar(tablet).getByText("2 frames picked").waitFor();
  await accessible(tablet, "the wall on a tablet");
  await tablet.screenshot({ path: join(process.env.SONOLOOP_PICTURES, "wall-tablet.png") });
  await context.close();
}

await tell(
  "wall",
  async (page, step) => {
    await signIn(page);
    const { id: project } = await ask(page, "POST", "/api/projects", { name: `Wall ${Date.now()}`, preset: "one_lesion" });
    await go(page, `/p/${project}/clips`);
    await upload(page, [CLIP]);
    const [{ id: clip }] = await clipsReady(page, project, 1);
    await ask(page, "POST", `/api/clips/${clip}/select`, { count: FRAMES });
    await step("the wall is empty and says what comes", async () => {
      await go(page, `/p/${project}/review`);
      await page.getByRole("heading", { name: "Nothing waits for review" }).waitFor();
      await accessible(page, "the empty wall");
    });
    await openNext(page, project);
    const first = Number(await read(page, "frame-id"));
    await paint(page, 0);
    await page.keyboard.press("Enter");
    await until("the next frame", async () => Number(await read(page, "frame-id")) !== first);
    const frames = (await ask(page, "GET", `/api/clips/${clip}/frames?selected=true&limit=500`)).results;
    for (const { id } of frames.filter(({ id }) => id !== first)) await handIn(page, first, id);
    const stats = () => ask(page, "GET", `/api/projects/${project}/stats`);

    await step("the wall's keys stand on ?, and one is moved", async () => {
      await go(page, `/p/${project}/review`);
      await page.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
      await page.keyboard.press("?");
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: /^Pick or unpick: X/ }).click();
      await page.keyboard.press("a");
      await dialog.getByText(/leads to another page/).waitFor();
      await page.keyboard.press("q");
      await dialog.getByText("Pick or unpick is on Q now.").waitFor();
      await accessible(page, "the wall's keys");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      const picked = page.locator('[data-testid="review-card"][aria-selected="true"]');
      await page.keyboard.press("q");
      await picked.waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await picked.waitFor({ state: "detached" });
      // A button pressed with the mouse must not take the wall's Enter.
      await page.keyboard.press("Enter");
      await page.getByTestId("editor-canvas").waitFor();
    });

    await step("cards are picked by a press on their corner, without a key", async () => {
      await go(page, `/p/${project}/review`);
      await page.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
      const corner = (card) => page.getByTestId("review-card").nth(card).getByRole("button", { name: /^Pick clip 1, frame/ });
      const { width, height } = await corner(1).boundingBox();
      if (Math.min(width, height) < 24) throw new Error(`the corner is ${width}×${height}`);
      await page.getByTestId("review-card").nth(1).hover();
      await corner(1).click();
      await corner(3).click({ modifiers: ["Shift"] });
      await bar(page).getByText("3 frames picked").waitFor();
      await corner(2).click();
      await bar(page).getByText("2 frames picked").waitFor();
      await accessible(page, "a wall with picks");
      await page.screenshot({ path: join(process.env.SONOLOOP_PICTURES, "wall-picks.png") });
      await bar(page).getByRole("button", { name: "Pick all" }).click();
      await bar(page).getByText(`${FRAMES} frames picked`).waitFor();
      // The wall has the keys again after the press.
      await page.keyboard.press("Escape");
      await bar(page).getByText("1 frame", { exact: true }).waitFor();
    });

    await step("fingers find the corners without hovering", () => byTouch(page, project));

    await step("who comes back from the editor finds the wall as it was left", async () => {
      const cards = page.getByTestId("review-card");
      const order = page.getByRole("radio", { name: "Most changed" });
      await page.getByText("Most changed").click();
      await page.getByText(/those most changed first/).waitFor();
      await page.locator('[role="grid"]:focus').waitFor(); // from then on keys are heard
      await cards.and(page.locator("[aria-current][data-loaded]")).waitFor();
      for (const key of ["j", "j", "q", "j"]) await page.keyboard.press(key);
      const third = await cards.nth(3).getAttribute("data-frame-id");
      const asLeft = async () => {
        await page.locator(`[data-testid="review-card"][aria-current][data-frame-id="${third}"]`).waitFor();
        await bar(page).getByText("1 frame picked").waitFor();
        if (!(await order.isChecked())) throw new Error("the order is another");
      };
      await asLeft();
      for (const back of [() => page.goBack(), () => page.getByRole("link", { name: "Back to the wall" }).click()]) {
        await page.keyboard.press("Enter");
        await until("the frame", async () => page.url().includes("/frames/") && (await read(page, "frame-id")) === third);
        await back();
        await asLeft();
      }
      await page.keyboard.press("Escape");
      await page.getByText("Least certain").click();
    });

    let returned = 0;
    await step("the wall is full; one frame is opened and returned with a pin", async () => {
      await go(page, `/p/${project}/review`);
      await page.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await until("the frame", async () => (await read(page, "frame-state")) === "submitted" && (await read(page, "revision")) === "1");
      returned = Number(await read(page, "frame-id"));
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("Shift+N");
      await page.getByLabel("What is wrong?").waitFor();
      const box = await page.getByTestId("editor-canvas").boundingBox();
      await page.mouse.click(box.x + box.width * 0.45, box.y + box.height * 0.5);
      await page.keyboard.type(NOTE);
      await page.getByRole("button", { name: "Return frame" }).click();
      await until("the verdict", async () => (await stats()).returned === 1);
    });

    await step("wrong verdicts are taken back, by key and by button", async () => {
      await go(page, `/p/${project}/review`);
      const cards = page.getByTestId("review-card");
      const current = cards.and(page.locator("[aria-current][data-loaded]"));
      await current.waitFor();
      await page.keyboard.press("j");
      const wrong = await cards.nth(1).getAttribute("data-frame-id");
      await page.keyboard.press("y");
      await bar(page).getByText("1 frame accepted").waitFor();
      if ((await stats()).accepted !== 1) throw new Error("nothing was accepted");
      await page.keyboard.press("Control+z");
      await current.and(page.locator(`[data-frame-id="${wrong}"]`)).waitFor();
      const { accepted, submitted } = await stats();
      if (accepted !== 0 || submitted !== FRAMES - 1) throw new Error(`${accepted} accepted, ${submitted} submitted`);
      await page.keyboard.press("q");
      await cards.nth(2).getByRole("button", { name: /^Pick clip 1, frame/ }).click();
      await page.keyboard.press("y");
      await bar(page).getByText("2 frames accepted").waitFor();
      await accessible(page, "a wall with verdicts to take back");
      await page.emulateMedia({ colorScheme: "light" });
      await page.screenshot({ path: join(process.env.SONOLOOP_PICTURES, "wall-take-back.png") });
      await page.emulateMedia({ colorScheme: "dark" });
      await bar(page).getByRole("button", { name: "Take back" }).click();
      await bar(page).getByText("2 frames picked").waitFor();
      if ((await stats()).accepted !== 0) throw new Error("the verdicts stand");
      await page.keyboard.press("Escape");
    });

    await step("the others are accepted at once, as far as they were seen", async () => {
      await go(page, `/p/${project}/review`);
      await page.locator('[data-testid="review-card"][aria-current][data-loaded]').waitFor();
      const began = Date.now();
      await page.keyboard.press("*");
      await page.getByRole("toolbar", { name: "Verdict" }).getByText(`${FRAMES - 1} frames`).waitFor();
      // What was not on the screen yet stays picked, comes up, and is accepted by the same key.
      let pressed = 0;
      await until("all verdicts", async () => {
        const left = page.locator('[data-testid="review-card"]');
        if ((await left.count()) > 0 && (await left.and(page.locator(":not([data-loaded])")).count()) === 0) {
          pressed += 1;
          await page.keyboard.press("y");
        }
        return (await stats()).accepted === FRAMES - 1;
      });
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      console.log(`  ${FRAMES - 1} frames accepted with * and ${pressed} times Y, in ${seconds} s`);
      await page.getByRole("heading", { name: "Nothing waits for review" }).waitFor();
      await accessible(page, "the wall after the last verdict");
      await page.screenshot({ path: join(process.env.SONOLOOP_PICTURES, "wall-done.png") });
      await page.keyboard.press("Control+z");
      await page.getByTestId("review-card").first().waitFor();
    });

    await step("the annotator meets the returned frame first, and the note on its spot", async () => {
      await openNext(page, project);
      if (Number(await read(page, "frame-id")) !== returned) throw new Error("another frame came first");
      await page.getByTestId("review-notes").getByText(NOTE).waitFor();
      await page.getByTestId("editor-canvas").locator("..").getByText(NOTE).waitFor();
    });
  },
  { colorScheme: "dark" },
);
