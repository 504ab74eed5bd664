// Mouse, fingers, pen and keys on a tablet's screen, and what a screen reader would stumble over (axe) on the main screens.

import { accessible } from "./axe.mjs";
import { clipsReady, go, openNext, read, shownAsPainted, stroke, upload } from "./acts.mjs";
import { ask, signIn, tell, until, URL_ } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];

const painted = async (page) => (await shownAsPainted(page)).painted.length;

await tell(
  "hands",
  async (page, step) => {
    const pointer = await page.context().newCDPSession(page);
    const schemes = async (where) => {
      for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        await page.waitForTimeout(200);
        await accessible(page, `${where}, ${colorScheme}`);
      }
    };
    await page.goto(URL_);
    await page.getByLabel("Name").waitFor();
    await step("the first screen reads well", () => schemes("sign-in"));
    await signIn(page);
    const { id: project } = await ask(page, "POST", "/api/projects", { name: `Hands ${Date.now()}`, preset: "lumbar_transverse" });
    await go(page, `/p/${project}/clips`);
    await upload(page, [CLIP]);
    await clipsReady(page, project, 1);
    await openNext(page, project);
    const address = page.url();
    const box = await page.getByTestId("editor-canvas").boundingBox();
    const at = (x, y) => ({ x: box.x + box.width * x, y: box.y + box.height * y });

    const touch = (type, ...points) =>
      pointer.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ ...at(x, y), id })) });

    await step("a mouse draws, and so does a finger before any pen was used", async () => {
      await page.keyboard.press("b");
      await page.keyboard.press("1");
      await page.mouse.move(at(0.3, 0.3).x, at(0.3, 0.3).y);
      await page.mouse.down();
      await page.mouse.move(at(0.4, 0.3).x, at(0.4, 0.3).y, { steps: 6 });
      await page.mouse.up();
      const drawn = await until("the mouse's stroke", () => painted(page));
      await touch("touchStart", [0.3, 0.7]);
      for (let x = 0.31; x <= 0.4; x += 0.01) await touch("touchMove", [x, 0.7]);
      await touch("touchEnd");
      await until("the finger's stroke", async () => (await painted(page)) > 1.5 * drawn);
      await page.keyboard.press("Control+z");
      await until("the step taken back", async () => (await painted(page)) === drawn);
    });

    await step("a pen draws, thin where it is held lightly, and its other end erases", async () => {
      const pen = async (type, x, y, buttons, force = 0.7) =>
        pointer.send("Input.dispatchMouseEvent", {
          type, ...at(x, y), pointerType: "pen", force, button: "left", buttons, clickCount: 1,
        });
      const penStroke = async (y, force) => {
        const before = await painted(page);
        await pen("mousePressed", 0.45, y, 1, force);
        for (let x = 0.46; x <= 0.55; x += 0.01) await pen("mouseMoved", x, y, 1, force);
        await pen("mouseReleased", 0.55, y, 0, force);
        return until("the pen's stroke", async () => (await painted(page)) - before);
      };
      const [light, firm] = [await penStroke(0.6, 0.2), await penStroke(0.5, 0.9)];
      if (light * 2 > firm) throw new Error(`a light stroke painted ${light} pixels, a firm one ${firm}`);
      const drawn = await painted(page);
      await page.getByTestId("editor-canvas").evaluate(
        (host, [x, y]) => {
          host.setPointerCapture = () => undefined; // there is no such pen: the events are made here
          for (const [name, buttons] of [["pointerdown", 32], ["pointerup", 0]])
            host.dispatchEvent(
              new PointerEvent(name, { pointerType: "pen", pointerId: 99, button: 5, buttons, clientX: x, clientY: y, bubbles: true }),
            );
          Reflect.deleteProperty(host, "setPointerCapture");
        },
        [at(0.5, 0.5).x, at(0.5, 0.5).y],
      );
      await until("the eraser", async () => (await painted(page)) < drawn);
      if ((await read(page, "tool")) !== "brush") throw new Error("the eraser stayed in hand");
    });

    await step("a finger pans once a pen was used, two zoom, none draws", async () => {
      await page.waitForTimeout(600); // the pen is gone: fingers are no palm
      const before = await painted(page);
      const place = () => page.getByTestId("editor-canvas").locator("canvas").first().evaluate((canvas) => canvas.style.transform);
      const first = await place();
      await touch("touchStart", [0.3, 0.3]);
      await touch("touchMove", [0.34, 0.34]);
      await touch("touchEnd");
      await until("a pan", async () => (await place()) !== first);
      const panned = await place();
      await touch("touchStart", [0.4, 0.4]);
      await touch("touchStart", [0.4, 0.4], [0.6, 0.6]);
      await touch("touchMove", [0.3, 0.3], [0.7, 0.7]);
      await touch("touchEnd");
      await until("a zoom", async () => (await place()) !== panned);
      if ((await painted(page)) !== before) throw new Error("fingers painted");
    });

    await step("while the clip plays nothing changes a frame that is not seen", async () => {
      const frame = await read(page, "frame-id");
      await until("the save", async () => (await read(page, "save-state")) === "saved");
      const saved = () => ask(page, "GET", `/api/frames/${frame}`).then(({ state, annotation }) => `${state} ${annotation?.number}`);
      const before = await saved();
      const playing = async () => (await page.locator("[data-testid=editor][data-playing]").count()) === 1;
      const shown = () => page.locator("[data-testid=time-strip] + span").innerText().then(Number.parseInt);
      const acts = [
        () => page.mouse.click(at(0.6, 0.4).x, at(0.6, 0.4).y),
        ...["y", "Enter", "Control+z", "Escape", "Shift+F", "."].map((key) => () => page.keyboard.press(key)),
      ];
      for (const act of acts) {
        await page.goto(`${URL_}/p/${project}/frames/${frame}`);
        await until("the frame", async () => (await read(page, "frame-id")) === frame);
        await page.keyboard.press(" ");
        const table = await page.getByTestId("time-strip").getAttribute("aria-valuenow");
        await until("another frame shown", async () => Math.abs((await shown()) - table) > 2);
        await act();
        await until("the clip to stop", async () => !(await playing()));
        await until("the frame shown on the table", async () => (await read(page, "frame-id")) !== frame);
      }
      if ((await saved()) !== before) throw new Error(`the frame was ${before}, is ${await saved()}`);
      await page.goto(`${URL_}/p/${project}/frames/${frame}`);
      await until("the frame", async () => (await read(page, "frame-id")) === frame);
    });

    await step("Tab hides the panels from the picture, and walks elsewhere", async () => {
      const panels = () => page.getByRole("complementary", { name: "Labels and view" });
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("Tab");
      await panels().waitFor({ state: "detached" });
      await page.keyboard.press("Tab");
      await panels().waitFor();
      await page.keyboard.press("Shift+Tab");
      const onButton = () => page.evaluate(() => document.activeElement?.tagName);
      if ((await onButton()) === "DIV") throw new Error("Shift Tab did not leave the picture");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Shift+Tab");
      await panels().waitFor();
    });

    await step("a key is found, moved, and still there after loading again", async () => {
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("?");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Search keys").fill("polygon");
      await dialog.getByRole("button", { name: /^Polygon: P/ }).click();
      await page.keyboard.press("b");
      await dialog.getByText(/B is “Brush” now/).waitFor();
      await dialog.getByRole("button", { name: "Another key" }).click();
      await page.keyboard.press("Control+Alt+p");
      await dialog.getByText("Polygon is on Ctrl Alt P now.").waitFor();
      await accessible(page, "keys");
      await page.keyboard.press("Escape");
      await page.reload();
      await until("the frame", async () => (await read(page, "frame-id")) !== "");
      await page.keyboard.press("Control+Alt+p");
      await until("the polygon", async () => (await read(page, "tool")) === "polygon");
    });

    await step("digits, swap, size, outlines and holding keys do what their names say", async () => {
      const held = async (key, shown) => {
        await page.keyboard.down(key);
        await until(`${key} held`, async () => (await shown()) === true);
        await page.keyboard.up(key);
        await until(`${key} let go`, async () => (await shown()) === false);
      };
      const masksHidden = () =>
        page.getByTestId("editor-canvas").locator('canvas[data-layer="masks"]').evaluate((canvas) => canvas.style.display === "none" || canvas.style.visibility === "hidden" || canvas.hidden);
      const label = (wanted) => until(`label ${wanted}`, async () => (await read(page, "label")) === wanted);
      await page.keyboard.press("b");
      await page.keyboard.press("2");
      await label("2");
      await page.keyboard.press("x");
      await label("0");
      await page.keyboard.press("x");
      await label("2");
      await page.keyboard.press("z");
      await label("3");
      await page.keyboard.press("Shift+Z");
      await label("2");
      const row = page.getByRole("listitem").filter({ has: page.locator('button[aria-pressed="true"]') }).first();
      await page.keyboard.press("Alt+l");
      await row.getByRole("button", { name: /^Unlock/ }).waitFor();
      await page.keyboard.press("Alt+l");
      await page.keyboard.press("Shift+H");
      await row.getByRole("button", { name: /^Show/ }).waitFor();
      await page.keyboard.press("Shift+H");
      await row.getByRole("button", { name: /^Hide/ }).waitFor();
      const rule = (wanted) => until(`over ${wanted}`, async () => (await page.getByLabel("Paint over").inputValue()) === wanted);
      await page.keyboard.press("Shift+O");
      await rule("background");
      await page.keyboard.press("Shift+O");
      await rule("all");
      const picture = () => page.getByTestId("editor-canvas").locator('canvas[data-layer="masks"]').boundingBox();
      const was = await picture();
      await page.keyboard.press("-");
      await until("zoomed out", async () => (await picture()).width < was.width - 1);
      await page.keyboard.press("=");
      await until("zoomed in again", async () => Math.abs((await picture()).width - was.width) < 1);
      await page.keyboard.press("Shift+ArrowLeft");
      await until("panned", async () => (await picture()).x > was.x + 1);
      await page.keyboard.press("Shift+ArrowRight");
      const size = () => page.getByRole("toolbar", { name: "Options of the tool" }).locator("output").first().innerText();
      const before = Number.parseInt(await size(), 10);
      await page.keyboard.press("]");
      const larger = await until("a larger brush", async () => Number.parseInt(await size(), 10) > before && size());
      await page.keyboard.press("[");
      await until("a smaller one", async () => Number.parseInt(await size(), 10) < Number.parseInt(larger, 10));
      await held("h", masksHidden);
      const whole = await painted(page);
      await page.keyboard.press("o");
      await until("outlines only", async () => (await painted(page)) < whole);
      await page.keyboard.press("o");
      await until("fills again", async () => (await painted(page)) === whole);
      const frame = await read(page, "frame-id");
      await page.keyboard.press("w");
      await until("the next that needs a person", async () => (await read(page, "frame-id")) !== frame);
    });

    await step("menus read well", async () => {
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("Shift+L");
      await page.getByRole("menu").waitFor();
      await accessible(page, "the operations on a label");
      await page.getByRole("menuitem", { name: /^Copy from frame…/ }).click();
      await page.getByLabel("From frame").fill("999");
      await accessible(page, "copying a label");
      await page.keyboard.press("Enter");
      await page.getByText("This clip has no frame 999.").waitFor();
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("k");
      await page.getByRole("dialog").waitFor();
      await accessible(page, "carrying over");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    });

    await step("the left-handed map", async () => {
      await page.keyboard.press("?");
      await page.getByRole("dialog").getByText("Left-handed").click();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByTestId("editor-canvas").focus();
      await page.keyboard.press("n");
      await until("the brush", async () => (await read(page, "tool")) === "brush");
    });

    await step("the editor reads well", () => schemes("editor"));
    await go(page, `/p/${project}/clips`);
    await page.getByText("S 01").first().waitFor();
    await step("the clips read well", () => schemes("clips"));
    await page.goto(address);
    await until("the frame", async () => (await read(page, "frame-id")) !== "");
    await stroke(page, 0.05);
    await until("its save", async () => (await read(page, "save-state")) === "saved");
    await page.keyboard.press("Enter");
    await until("the submit", async () => (await ask(page, "GET", `/api/projects/${project}/stats`)).submitted > 0);
    await go(page, `/p/${project}/review`);
    await page.locator('[data-testid="review-card"][data-loaded]').first().waitFor();
    await step("the review wall reads well", () => schemes("review"));
    await page.keyboard.press("Enter");
    await until("the frame to judge", async () => (await read(page, "frame-state")) === "submitted" && Number(await read(page, "revision")) > 0);
    await page.getByTestId("editor-canvas").focus();
    await page.keyboard.press("Shift+N");
    await page.getByLabel(/What is wrong/).first().waitFor();
    await page.mouse.click(at(0.4, 0.4).x, at(0.4, 0.4).y);
    await step("returning with a pin reads well", () => accessible(page, "return"));
  },
  { colorScheme: "dark", viewport: { width: 1024, height: 768 }, hasTouch: true },
);
