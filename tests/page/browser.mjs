// A real browser for tests: requests on stdin, one JSON object a line, answers on stdout, {"error"} where one failed.
//
// Chromium is the one that the npm package @sparticuz/chromium holds, compressed. It is unpacked once, into
// node_modules/.cache, whole or not at all; with the libraries that come along where the machine lacks them.

import { spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { chromium } from "playwright-core";
import { extract } from "tar-fs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The folder with the browser, `chromium`, and what it comes with. */
async function unpacked() {
  const from = join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "..", "..", "bin");
  const { version } = JSON.parse(readFileSync(join(from, "..", "package.json"), "utf8"));
  const cache = join(ROOT, "node_modules", ".cache");
  const folder = join(cache, `tailproof-chromium-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "unpacking-"));
  const opened = (name) => [createReadStream(join(from, name)), createBrotliDecompress()];
  await Promise.all([
    pipeline(...opened("chromium.br"), createWriteStream(join(fresh, "chromium"), { mode: 0o755 })),
    pipeline(...opened("fonts.tar.br"), extract(join(fresh, "fonts"))),
    pipeline(...opened("al2023.tar.br"), extract(join(fresh, "libraries"))),
  ]);
  try {
    renameSync(fresh, folder);
  } catch (error) {                                // another test process was faster
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The environment in which all of its libraries are found, and fonts. */
function environment(folder) {
  const { stdout } = spawnSync("ldd", [join(folder, "chromium")], { encoding: "utf8" });
  const lacks = stdout === null || stdout.includes("not found");
  return {
    ...process.env, ...(lacks ? { LD_LIBRARY_PATH: join(folder, "libraries", "lib") } : {}),
    ...(existsSync("/etc/fonts/fonts.conf") ? {} : { FONTCONFIG_PATH: join(folder, "fonts") }),
  };
}

const folder = await unpacked();
const browser = await chromium.launch({
  executablePath: join(folder, "chromium"), env: environment(folder), chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"],
});
let page = null;
let seen = null;

const CALLS = {
  /** A fresh window with a file in it; every request but for that file is noted, and refused. */
  async open(path, { width = 1000, height = 900, dark = false } = {}) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
    const address = pathToFileURL(path).href;
    seen = { requests: [], errors: [] };
    await context.route("**", (route) => {
      if (route.request().url() === address) return route.continue();
      seen.requests.push(route.request().url());
      return route.abort();
    });
    page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    await page.goto(address);
    return browser.version();
  },
  folder: (path) => page.setInputFiles("#folder", path),
  choose: (paths) => page.setInputFiles("#files", paths),
  /** Files dropped on the page, as from a file manager. */
  async drop(paths) {
    const files = paths.map((path) => [basename(path), readFileSync(path).toString("base64")]);
    const transfer = await page.evaluateHandle((given) => {
      const made = new DataTransfer();
      for (const [name, text] of given)
        made.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
      return made;
    }, files);
    await page.dispatchEvent("#zone", "drop", { dataTransfer: transfer });
  },
  async verdict(wanted) {
    await page.waitForFunction((name) => document.body.dataset.verdict === name, wanted, { timeout: 20000 });
    return page.innerText("main");
  },
  async fill(id, text) {
    await page.evaluate(() => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
    await page.fill(`#${id}`, text);
    await page.dispatchEvent(`#${id}`, "change");
  },
  click: (selector) => page.click(selector),
  press: (key) => page.keyboard.press(key),
  evaluate: (source, given) => page.evaluate(`(${source})(${JSON.stringify(given)})`),
  screenshot: (path) => page.screenshot({ path, fullPage: true }).then(() => null),
  shot: (selector, path) => page.locator(selector).screenshot({ path }).then(() => null),
  seen: () => seen,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ answer: (await CALLS[name](...given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
