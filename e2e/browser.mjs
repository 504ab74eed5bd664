// A real Chromium, driven by playwright-core, with what every browser test here needs.

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

/** Run `story(page, step)` in a fresh browser; a picture of every step, and of the page where it failed. */
export async function tell(name, story, { colorScheme = "light" } = {}) {
  mkdirSync(PICTURES, { recursive: true });
  const browser = await chromium.launch({
    executablePath: need("SONOLOOP_CHROMIUM"),
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
  const context = await browser.newContext({
    locale: "en-US",
    colorScheme,
    viewport: { width: 1360, height: 850 },
    acceptDownloads: true,
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

export async function signIn(page) {
  await page.goto(URL_);
  await page.getByLabel("Name").fill(USER);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Projects" }).waitFor();
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
