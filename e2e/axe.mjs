// What somebody who cannot see the screen, or not well, would stumble over.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../frontend/package.json", import.meta.url));
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** In the page: nothing fades or moves any more. What is half there has half the contrast. */
function settled() {
  const isWhole = (element) =>
    element === null || (Number(getComputedStyle(element).opacity) === 1 && isWhole(element.parentElement));
  const moves = ({ playState, effect }) =>
    playState === "running" && effect.getComputedTiming().iterations !== Number.POSITIVE_INFINITY;
  return (
    [...document.querySelectorAll('[role="dialog"], [role="menu"]')].every(isWhole) &&
    !document.getAnimations().some(moves)
  );
}

/** Nothing serious on the page as it is now. */
export async function accessible(page, where) {
  await page.waitForFunction(settled);
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  if (serious.length > 0) {
    const told = serious.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.slice(0, 5).map(({ html, failureSummary }) => `    ${html.slice(0, 160)}\n    ${failureSummary.replaceAll("\n", " ").slice(0, 240)}`).join("\n")}`,
    );
    throw new Error(`${where}:\n${told.join("\n")}`);
  }
}
