// What is handed in and judged is what stands on the screen: never a revision that nobody here has seen.

import { clipsReady, go, openNext, paint, read, stroke, upload } from "./acts.mjs";
import { ask, signIn, tell, until } from "./browser.mjs";

const CLIP = JSON.parse(process.env.SONOLOOP_CLIPS)[0];

/** Somebody else saves the frame: the newest mask once more, on top of revision `number`. */
const saveElsewhere = (page, frame, number) =>
  page.evaluate(
    async ([frame, number]) => {
      const mask = await (await fetch(`/api/frames/${frame}/mask`, { cache: "no-store" })).blob();
      const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
      const headers = { "If-Match": `"r${number}"`, "Content-Type": "image/png", "X-CSRFToken": token };
      const answer = await fetch(`/api/frames/${frame}/mask`, { method: "PUT", headers, body: mask });
      if (!answer.ok) throw new Error(await answer.text());
    },
    [frame, number],
  );

await tell("seen", async (page, step) => {
  await signIn(page);
  const { id: project } = await ask(page, "POST", "/api/projects", { name: `Seen ${Date.now()}`, preset: "one_lesion" });
  await go(page, `/p/${project}/clips`);
  await upload(page, [CLIP]);
  await clipsReady(page, project, 1);
  await openNext(page, project);
  const frame = await read(page, "frame-id");
  const detail = () => ask(page, "GET", `/api/frames/${frame}`);

  await step("submit what is not the newest", async () => {
    await paint(page, 0);
    await saveElsewhere(page, frame, 1);
    await page.keyboard.press("Enter");
    await page.getByTestId("newer").waitFor();
    if ((await detail()).state !== "open") throw new Error("a revision nobody saw was submitted");
    await page.getByRole("button", { name: "Load r2", exact: true }).click();
    await until("revision 2", async () => (await read(page, "revision")) === "2");
    await page.getByTestId("newer").waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    await until("the submit", async () => (await detail()).state === "submitted");
  });

  await step("correct a submitted frame and accept it at once", async () => {
    await go(page, `/p/${project}/frames/${frame}?queue=review`);
    await until("revision 2", async () => (await read(page, "revision")) === "2");
    await stroke(page, 0.1);
    await page.keyboard.press("Shift+Y");
    const judged = await until("the verdict", async () => {
      const now = await detail();
      return now.state === "accepted" ? now : null;
    });
    if (judged.annotation.head !== 3 || judged.review.revision !== 3)
      throw new Error(`gold is r${judged.review.revision}, the correction r${judged.annotation.head}`);
  });

  await step("strokes on what somebody else saved meanwhile are joined with it", async () => {
    await go(page, `/p/${project}/frames/${frame}`);
    await until("revision 3", async () => (await read(page, "revision")) === "3");
    await saveElsewhere(page, frame, 3);
    await stroke(page, -0.1);
    await page.getByText(/do not overlap and are together now/).waitFor();
    await until("revision 5", async () => (await read(page, "revision")) === "5");
  });

  await step("an address of another project leads to the frame's own", async () => {
    const { id: other } = await ask(page, "POST", "/api/projects", { name: `Other ${Date.now()}`, preset: "one_lesion" });
    await go(page, `/p/${other}/frames/${frame}`);
    await page.waitForURL(`**/p/${project}/frames/${frame}`);
  });

  await step("a session that ended is taken up by the same person only", async () => {
    await page.getByTestId("editor-canvas").waitFor();
    await until("revision 5", async () => (await read(page, "revision")) === "5");
    await page.context().clearCookies({ name: "sonoloop_session" });
    await stroke(page, 0.2);
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Your session ended").waitFor();
    if (!(await dialog.getByLabel("Name").evaluate((input) => input.readOnly))) throw new Error("another name fits");
    await dialog.getByRole("button", { name: "Sign in as somebody else" }).waitFor();

    const elsewhere = await page.context().newPage();
    await signIn(elsewhere);
    await elsewhere.getByTestId("unsaved-work").click();
    await elsewhere.getByRole("menuitem", { name: "S 01, clip 1, frame 1" }).waitFor();
    await elsewhere.close();

    await dialog.getByLabel("Password", { exact: true }).fill(process.env.SONOLOOP_PASSWORD);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await until("revision 6", async () => (await read(page, "revision")) === "6");
  });
});
