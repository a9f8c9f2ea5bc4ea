// Makes the page, one file: `node web/build.mjs OUT`. The same sources and lock file give the same bytes.
//
// Not minified: whoever wants to know what it does can read it.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const read = (...path) => readFileSync(join(here, ...path), "utf8");
const LIBRARIES = ["@noble/curves", "@noble/hashes"];

const { outputFiles, metafile } = await build({
  entryPoints: [join(here, "src", "page.js")], bundle: true, format: "iife", target: ["es2022"], write: false,
  legalComments: "none", charset: "utf8", metafile: true, absWorkingDir: dirname(here), preserveSymlinks: true,
});
const used = new Set(Object.keys(metafile.inputs).flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
for (const name of used) if (!LIBRARIES.includes(name)) throw new Error(`${name} is bundled, and its licence is not told`);

const script = `\n${outputFiles[0].text.replaceAll("</script", "<\\/script")}`;
const style = `\n${read("page.css")}`;
const licences = LIBRARIES.map((name) => {
  const { version } = JSON.parse(read("..", "node_modules", name, "package.json"));
  return `${name} ${version}\n\n${read("..", "node_modules", name, "LICENSE").trim()}`;
}).join("\n\n\n");
const hashed = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = `default-src 'none'; script-src ${hashed(script)}; style-src ${hashed(style)}; base-uri 'none'; form-action 'none'`;
const filled = { policy, style, script, licences: licences.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`) };
writeFileSync(process.argv[2], read("page.html").replace(/{{(\w+)}}/g, (_, name) => filled[name]));
