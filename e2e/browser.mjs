// A real Chromium, driven by playwright-core, with what every browser test here needs.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(new URL("../frontend/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this through pytest (make test)`);
  return value;
};

export const URL_ = need("SONOLOOP_URL");
export const USER = need("SONOLOOP_USER");
export const PASSWORD = need("SONOLOOP_PASSWORD");
const PICTURES = need("SONOLOOP_PICTURES");

const CHROMIUM = need("SONOLOOP_CHROMIUM");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** A browser that keeps its profile in a folder and can be killed like any process. */
export async function startBrowser(profile) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: FLAGS,
    locale: "en-US",
    viewport: { width: 1360, height: 850 },
  });
  const [page = await context.newPage()] = context.pages();
  page.setDefaultTimeout(30_000);
  const kill = () =>
    new Promise((gone) => {
      context.once("close", gone);
      process.kill(processOf(profile), "SIGKILL");
    });
  return { page, kill };
}

/** The browser itself, not the processes it started. */
function processOf(profile) {
  const running = execFileSync("ps", ["-Ao", "pid=,args="], { encoding: "utf8", maxBuffer: 2 ** 26 }).split("\n");
  const own = running.filter((line) => line.includes(`--user-data-dir=${profile} `) && !line.includes("--type="));
  if (own.length !== 1) throw new Error(`${own.length} browsers with the profile ${profile}`);
  return Number.parseInt(own[0], 10);
}

/** Run `story(page, step)` in a fresh browser; a picture of every step, and of the page where it failed. */
export async function tell(name, story, { colorScheme = "light", ...more } = {}) {
  mkdirSync(PICTURES, { recursive: true });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const context = await browser.newContext({
    locale: "en-US",
    colorScheme,
    viewport: { width: 1360, height: 850 },
    acceptDownloads: true,
    ...more,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  let number = 0;
  const picture = async (what) => {
    number += 1;
    const file = `${name}-${String(number).padStart(2, "0")}-${what.replace(/[^a-z0-9]+/gi, "-")}.png`;
    await page.screenshot({ path: join(PICTURES, file) });
  };
  const step = async (what, act) => {
    const began = Date.now();
    try {
      const result = await act();
      console.log(`  ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      await picture(what);
      return result;
    } catch (error) {
      console.log(`  FAILED: ${what}`);
      await picture(`failed-${what}`);
      throw error;
    }
  };
  try {
    await story(page, step);
    if (faults.length > 0) throw new Error(`the page threw: ${faults.join("; ")}`);
  } finally {
    await browser.close();
  }
}

export async function signIn(page, { username = USER, password = PASSWORD } = {}) {
  await page.goto(URL_);
  const heading = page.getByRole("heading", { name: "Projects" });
  await page.getByLabel("Name").or(heading).first().waitFor();
  if (await heading.isVisible()) return; // a session of before
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading.waitFor();
}

/** What the page's own session may ask the API. */
export async function ask(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const token = document.cookie.match(/csrftoken=([^;]+)/)?.[1] ?? "";
      const answer = await fetch(path, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    },
    [method, path, body],
  );
}

export async function until(what, look, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for: ${what}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
