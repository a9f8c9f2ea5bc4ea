// The page: files in, words out. Nothing here decides anything; `verdict.js` does.

import { address, fromHex, formatTime, numberText, sameBytes } from "./numbers.js";
import { COLUMNS } from "./arrays.js";
import { SOURCES } from "./epoch.js";
import { byPart, CALLED, missing, recognised, sourceOf } from "./judging.js";
import { BadInput } from "./json.js";
import { verdict, warmUp } from "./verdict.js";

const $ = (id) => document.getElementById(id);
const VERDICTS = {
  held: ["✓", "Held", "Every check below holds."],
  false: ["✗", "False", "At least one check below fails: believe nothing of this proof."],
  "bad input": ["!", "Bad input", "Nothing was checked: a file is not what it should be."],
};
const REMARKS = { key: "from where you trust it, not from whoever made the proof",
  epoch: "manifest.json or grid.json, or its whole folder, from where you trust it", challenge: "the file that you kept, not a copy from the holder" };
const OPTIONAL = ["note", "content"];
const TRUSTED = ["key", "note", "epoch", "layout", "challenge"];
let files = [];
let displaced = new Map();
let starts = 0;
let turns = 0;

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function replaced(id, children) {
  $(id).replaceChildren(...children);
  $(id).hidden = children.length === 0;
}

// -- files ------------------------------------------------------------------------------------------------------------
/** What was dropped, folders opened: of a folder only what has a part to play. */
async function opened(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, inFolder: false }));
  return (await Promise.all(entries.map((entry) => walked(entry, false)))).flat();
}

async function walked(entry, inFolder) {
  if (entry.isFile) {
    if (inFolder && !ofUse(entry.fullPath)) return [];
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, inFolder, path: entry.fullPath }];
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map((each) => walked(each, true)))).flat();
}

/** Whether a file in a folder may have a part to play: a key for proving has none. */
function ofUse(path) {
  const folders = path.split("/");
  const name = folders.pop();
  if (folders.includes("sources")) return sourceOf(path) !== undefined;
  return name.endsWith(".json") || COLUMNS.some((each) => name === `${each}.npy`);
}

/**
 * Files of a drop that the reader has to trust, and that take the place of others: of others in the same drop, or, where a
 * proof comes with them, of earlier ones. Whoever made the proof may have put them beside it.
 */
function displacing(fresh) {
  const before = fresh.some((each) => each.part === "proof") ? files : [];
  return fresh.filter((each, i) => TRUSTED.includes(each.part) && [...before, ...fresh.slice(0, i)].some(
    (other) => other.part === each.part && !sameBytes(other.bytes, each.bytes)));
}

/** Files of a drop take the place of earlier ones: of the same part, and of an epoch all that was of another. */
function joined(fresh) {
  // What comes with a proof takes no word back: the same key, sent once more, is no more the reader's than it was.
  if (!fresh.some((each) => each.part === "proof")) for (const { part } of fresh) displaced.delete(part);
  for (const { part, name } of displacing(fresh)) displaced.set(part, name);
  const parts = new Set(fresh.map((each) => each.part));
  if (parts.has("epoch")) parts.add("layout");
  if (parts.has("layout")) [...COLUMNS, ...Object.keys(SOURCES)].forEach((name) => parts.add(name));
  parts.delete("content");
  return [...files.filter((each) => !parts.has(each.part)), ...fresh];
}

async function take(given) {
  busy();
  const start = starts;
  const [fresh, refused] = [[], []];
  for (const { file, inFolder, path = file.name } of given) {
    try {
      if (file.size > 64 << 20) throw new BadInput("file size", file.size, "at most 64 MiB", file.name);
      fresh.push(recognised(sourceOf(path) === undefined ? file.name : path, new Uint8Array(await file.arrayBuffer())));
    } catch (error) {
      if (!inFolder) refused.push(wordsOf(error, file.name));
    }
  }
  if (start !== starts) return; // whoever starts over while files are read has none
  files = joined(fresh);
  await show(refused);
}

/** Of whatever keeps a file from being read: of what is none of ours that it is, so that nobody waits for a verdict. */
function wordsOf(error, name) {
  return error instanceof BadInput ? error.message : `${name}: cannot be read here (${error.name}: ${error.message})`;
}

// -- what is shown ----------------------------------------------------------------------------------------------------
/** Say what is there and what is missing, and the verdict on it; what an earlier call was about counts no more. */
async function show(refused = []) {
  const turn = (turns += 1);
  busy();
  const parts = byPart(files);
  const needed = missing(parts);
  const here = Object.keys(CALLED).filter((part) => (part === "content" ? parts.content.length : parts[part]));
  replaced("parts", [...here, ...needed].map((part) => {
    const absent = needed.includes(part);
    const item = element("li", absent ? "○ needed: " : "● ");
    const names = part === "content" ? parts.content.map((each) => each.name).join(", ") : part === "arrays"
      ? COLUMNS.map((name) => `${name}.npy`).join(", ") : part === "sources"
        ? Object.values(parts.sources ?? {}).map((each) => each.name).join(", ") : parts[part]?.name;
    item.append(element("b", CALLED[part]), absent ? (REMARKS[part] ? `, ${REMARKS[part]}` : "") : `: ${names}`);
    item.className = absent ? "absent" : "here";
    return item;
  }));
  if (!OPTIONAL.every((part) => here.includes(part)) && here.includes("key") && !here.includes("note"))
    $("parts").append(element("li", "○ may be added: key.json of the key's directory, which says what the key is for"));
  $("clear").hidden = !here.length;
  let found = null;
  if (refused.length) found = { verdict: "bad input", error: refused.join("\n") };
  else if (!needed.length && here.length) {
    const say = (text) => turn === turns && said(text);
    await say("Checking …");
    const began = performance.now();
    try {
      found = await verdict(files, asked(), (done, all) => say(`Hashing the epoch again: ${done} of ${all} leaves`));
    } catch (error) {
      found = { verdict: "bad input", error: wordsOf(error, "these files") };
    }
    if (turn !== turns) return;
    found.marks = [...[...displaced].map(([part, name]) => `${name} took the place of another ${CALLED[part]}: make sure `
      + "that it is the one that you trust."), ...(found.marks ?? [])];
    found.took = performance.now() - began;
  }
  replaced("result", found === null ? [] : told(found));
  document.body.dataset.verdict = found === null ? (here.length ? "incomplete" : "") : found.verdict;
}

/** For whoever waits for a verdict: there is none yet. */
function busy() {
  document.body.dataset.verdict = "busy";
}

/** Say what is being done, and let it be painted. */
function said(text) {
  replaced("result", [element("p", text, { class: "checking" })]);
  return new Promise((done) => setTimeout(done));
}

/** What the fields say: a commitment, publishers' addresses, and the time of this computer. */
function asked() {
  const commitment = $("commitment").value.trim();
  const publishers = $("publishers").value.split(/[\s,]+/).filter(Boolean).map(
    (text) => (/^0x[0-9a-fA-F]{40}$/.test(text) ? address(fromHex(text.slice(2))) : text));
  return { commitment: commitment || null, publishers, at: BigInt(Math.floor(Date.now() / 1000)) };
}

function told(found) {
  const [sign, name, sentence] = VERDICTS[found.verdict];
  const heading = element("h2", "", { class: `verdict ${found.verdict.replace(" ", "-")}` });
  heading.append(element("span", sign, { "aria-hidden": "true" }), ` ${name}`);
  const shown = [heading, element("p", sentence)];
  if (found.verdict === "bad input") return [...shown, element("pre", found.error)];
  const holds = found.verdict === "held";
  shown.push(...found.marks.map((mark) => element("p", `⚠ ${mark}`, { class: "mark", role: "alert" })));
  shown.push(element("h3", holds ? "Shown" : "Not shown"),
    element("p", holds ? found.said : `This would have been claimed: ${found.said}`, { class: "said" }));
  if (holds) shown.push(element("h3", "Not shown"), list(found.notShown));
  shown.push(element("h3", "Taken on trust"), list(found.trust));
  shown.push(element("h3", "What it is about"), table(found.facts, ["what", "value"]));
  const rows = [...found.checks].sort((a, b) => a.holds - b.holds).map((check) => [
    check.name, check.holds ? "✓ ok" : "✗ FALSE",
    check.holds || check.expected === null ? check.found : `found ${check.found}, expected ${check.expected}`]);
  shown.push(element("h3", `Checks: ${found.checks.filter((check) => check.holds).length} of ${found.checks.length} hold`),
    table(rows, ["check", "", "found"]));
  shown.push(element("p", `Checked in ${Math.round(found.took)} ms, at ${formatTime(Math.floor(Date.now() / 1000))} of this `
    + "computer's clock.", { class: "small" }));
  return shown;
}

function list(items) {
  const made = element("ul");
  made.append(...items.map((item) => element("li", item)));
  return made;
}

function table(rows, names) {
  const made = element("table");
  const head = element("tr");
  head.append(...names.map((name) => element("th", name, { scope: "col" })));
  made.append(head);
  for (const [first, ...cells] of rows) {
    const row = element("tr");
    row.append(element("th", String(first), { scope: "row" }), ...cells.map((cell) => element("td", numberText(cell))));
    if (String(cells[0]).startsWith("✗")) row.className = "fails";
    made.append(row);
  }
  return made;
}

// -- events -----------------------------------------------------------------------------------------------------------
const zone = $("zone");
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) zone.classList.remove("over");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  busy();
  await take(await opened(event.dataTransfer));
});
$("files").addEventListener("change", async () => {
  await take([...$("files").files].map((file) => ({ file, inFolder: false })));
  $("files").value = "";
});
$("folder").addEventListener("change", async () => {
  const inside = [...$("folder").files].filter((file) => ofUse(file.webkitRelativePath));
  await take(inside.map((file) => ({ file, inFolder: true, path: file.webkitRelativePath })));
  $("folder").value = "";
});
for (const id of ["commitment", "publishers"]) $(id).addEventListener("change", () => show());
$("clear").addEventListener("click", async () => {
  starts += 1;
  files = [];
  displaced = new Map();
  for (const id of ["commitment", "publishers"]) $(id).value = "";
  await show();
  $("files").focus();
});
globalThis.tailproof = { verdict };
setTimeout(warmUp, 50);
