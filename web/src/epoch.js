// What an auditor brings of an epoch (`tailproof.epochs.Claim`): a manifest, whose root is recomputed from the parts that
// it names; or its arrays too, from which the tree is made again.

import { facts } from "./statements.js";
import { fieldDigest, hash, keccak, TAG, treeRoot } from "./hashes.js";
import { BadInput, LARGEST_EXACT, parse, repr } from "./json.js";
import { arraysRoot, readColumns } from "./arrays.js";
import { formatTime, hex, parseMoney, parseTime, R, utf8 } from "./numbers.js";

export const FULL = "tailproof.epoch/3";
export const GRID = "tailproof.grid-epoch/3";
/** What an epoch was made from, by its name in manifests: files of its folder. */
export const SOURCES = { model: "sources/model.toml", book: "sources/book.json", history: "sources/history.csv" };
const ID_BITS = 248n;
const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,47}$/;
const FACTOR = 2n ** 80n - 1n;
const MOST_ASSETS = 63;
const ASSET_DEPTH = 2;
const LARGEST_PRICE = 10n ** 18n;
const GATES = Array.from({ length: 16 }, (_, i) => `G${i + 1}`);
const REASON = /^(?=[^]*[^ \t\n\r\f\v])[^\x00-\x1f]{1,500}$/u;
const FOUND = /^[^\x00-\x1f]{1,2000}$/u;

/** The claim in the manifest of an epoch of either kind: the root as its own fields give it. */
export function readClaim(node) {
  const schema = node.value instanceof Map ? node.value.get("schema") : null;
  return schema === GRID ? readGrid(node) : claimOf(readManifest(node));
}

/**
 * The claim of an epoch's files: its root recomputed from every leaf.
 *
 * manifest : of the arrays, a node.  grid : the manifest of a grid's epoch, or null.  files : .npy by column.
 * sources : by name; none where the folder's were not brought.
 */
export async function recomputedClaim({ manifest, grid, files, sources = {} }, progress) {
  const found = readManifest(manifest);
  requireSources(found, sources, manifest.source);
  const columns = readColumns(files, found.ids.length, Number(found.shape.scenarios));
  same("tree_root", found.tree, await arraysRoot(found, columns, manifest.source, progress), manifest.source);
  const { valuation, trial, quote, ...claim } = claimOf(found);
  if (grid === null) return { ...claim, valuation, trial, quote, recomputed: true };
  const { tree, layout, underlyings, ...onGrid } = readGrid(grid);
  for (const [name, wanted] of Object.entries(layout))
    if (found.shape[name] !== wanted) throw new BadInput(`shape.${name} of the arrays`, found.shape[name], wanted, grid.source);
  if (BigInt(found.header.json.underlyings.length) > underlyings)
    throw new BadInput("number of underlyings", found.header.json.underlyings.length, `at most ${underlyings}`, grid.source);
  same("tree_root", tree, found.tree, grid.source);
  return { ...onGrid, valuation, trial, quote, recomputed: true };
}

/** Refuse a folder whose sources are others than its manifest names: whoever rebuilds it would rebuild another epoch. */
function requireSources({ sources, header }, given, source) {
  if (!Object.keys(given).length) return;
  for (const [name, said] of Object.entries(sources)) {
    if (given[name] === undefined) throw new BadInput(`sources.${name}`, null, `given: ${SOURCES[name]}`, source);
    const found = `0x${hex(keccak(given[name].bytes))}`;
    if (found !== said) throw new BadInput(`sources.${name}`, said, `${found}, which the file gives`, source);
  }
  for (const name of Object.keys(given))
    if (sources[name] === undefined) throw new BadInput(`sources.${name}`, null, "named, since the file is there", source);
  if (sources.model !== header.json.model.digest)
    throw new BadInput("model.digest", header.json.model.digest, "that of sources.model", source);
}

function same(name, said, found, source) {
  if (said !== found) throw new BadInput(name, said, `${found}, which its other fields give`, source);
}

function claimOf({ root, shape, shapeDigest, header }) {
  const { trial, timestamp: valuation, json: { quote } } = header;
  return { root, shape, shapeDigest, quote, trial, valuation, recomputed: false };
}

/** The manifest of arrays: what their leaves are made of besides. */
function readManifest(node) {
  const parts = node.document(FULL, [
    "venue", "quote", "timestamp", "underlyings", "model", "purpose", "seed", "previous", "gates", "shape",
    "shape_digest", "tree_root", "root", "regime", "leaves", "sources", "calibration", "scenarios", "settlements",
  ], ["basis", "marks", "addons"]);
  parts.regime.integer(0n, 0n);
  const header = readHeader(parts);
  const [ids, listed] = [[], []];
  parts.leaves.array(1).forEach((leaf, row) => {
    const found = leaf.object(["id"], ["symbol", "terms"]);
    ids.push(found.id.decimal(0n, 2n ** ID_BITS - 1n));
    if (Object.keys(found).length === 1) return;
    if (row === 0 || !found.symbol || !found.terms)
      throw leaf.refuse("an id alone on the null leaf, and elsewhere alone or with symbol and terms");
    const terms = fieldDigest(plain(found.terms));
    if (terms !== ids[row]) throw found.id.refuse(`${terms}, the digest of the terms`);
    listed.push([String(ids[row]), symbol(found.symbol)]);
  });
  if (listed.length !== 0 && listed.length !== ids.length - 1)
    throw new BadInput("number of instruments", listed.length, `${ids.length - 1}: a leaf each, after the null leaf`,
      node.source);
  const sources = parts.sources.object([], Object.keys(SOURCES));
  const shape = readShape(parts.shape);
  const [shapeDigest, tree, root] = ["shape_digest", "tree_root", "root"].map((name) => parts[name].decimal(0n, R - 1n));
  const found = fieldDigest(shape);
  same("shape_digest", shapeDigest, found, node.source);
  same("root", root, hash(TAG.EPOCH, [tree, found, 0n]), node.source);
  return {
    header, ids, listed, shape, shapeDigest, tree, root,
    sources: Object.fromEntries(Object.entries(sources).map(([name, each]) => [name, digest(each)])),
    settlements: parts.settlements.array().map((each) => moneyOf(each, ["value"])),
    marks: "marks" in parts ? parts.marks.array(1).map((each) => moneyOf(each, ["long", "short", "price", "spot"])) : [],
  };
}

/** An id, and amounts beside it. */
function moneyOf(node, names) {
  const parts = node.object(["id", ...names]);
  return [parts.id.decimal(1n, 2n ** ID_BITS - 1n), ...names.map((name) => parseMoney(parts[name], LARGEST_PRICE))];
}

/** What an epoch says of itself besides its numbers; `json` is what its leaf binds. */
function readHeader(parts) {
  const model = parts.model.object(["name", "digest"]);
  const gates = parts.gates.object(["accepted", "flags"]);
  const basis = "basis" in parts ? parts.basis.choice(["change", "level"]) : "change";
  const timestamp = parseTime(parts.timestamp);
  const purpose = parts.purpose.choice(["production", "trial"]);
  const previous = parts.previous.decimal(0n, R - 1n);
  const json = {
    venue: symbol(parts.venue), quote: symbol(parts.quote), timestamp: formatTime(timestamp),
    underlyings: parts.underlyings.array(1).map(symbol), model: { name: symbol(model.name), digest: digest(model.digest) },
    purpose, seed: parts.seed.integer(0n, LARGEST_EXACT), previous: String(previous),
    gates: {
      accepted: gates.accepted.array(0, GATES.length).map((entry) => {
        const one = entry.object(["gate", "reason", "found"]);
        return {
          gate: one.gate.choice(GATES), reason: one.reason.text(REASON, "a reason"),
          found: one.found.array(1).map((line) => line.text(FOUND, "a line")),
        };
      }),
      flags: gates.flags.array().map((line) => line.text(FOUND, "a line")),
    },
    ...(basis === "level" ? { basis } : {}),
  };
  return { json, timestamp, previous, trial: purpose === "trial", levels: basis === "level" };
}

/** A value of strings, objects and arrays, as `canonical` takes it. */
function plain(node) {
  if (node.value instanceof Map)
    return Object.fromEntries(Object.entries(node.object([...node.value.keys()])).map(([key, each]) => [key, plain(each)]));
  return Array.isArray(node.value) ? node.array().map(plain) : node.text();
}

function symbol(node) {
  return node.text(SYMBOL, "1 to 48 letters, digits and . _ / -");
}

function digest(node) {
  return node.text(/^0x[0-9a-f]{64}$/, '"0x" and 64 hex digits');
}

/** Sizes of a full-revaluation epoch, in the canonical form that its digest is taken of. */
function readShape(node) {
  const names = ["scenarios", "depth", "lanes", "width", "value_bits"];
  const parts = node.object(["mode", "tail", ...names], ["masses"]);
  parts.mode.choice(["full"]);
  const sizes = Object.fromEntries(names.map((name) => [name, parts[name].integer(1n, 2n ** 20n)]));
  if (!/^[0-9]{1,10}(?:\/[0-9]{1,10})?$/.test(parts.tail.text()))
    throw parts.tail.refuse('a string "K/D" of two positive integers, such as "32/5"');
  const [numerator, denominator = 1n] = parts.tail.value.split("/").map(BigInt);
  const masses = "masses" in parts ? { masses: parts.masses.text() } : {};
  return { mode: "full", ...sizes, tail: `${numerator}/${denominator}`, ...masses };
}

function readGrid(node) {
  const claims = ["shape_digest", "tree_root", "assets_root", "root"];
  const parts = node.document(GRID, ["regime", "standard", "shape", ...claims, "assets", "collateral"], ["quality"]);
  const assets = parts.assets.array(0, MOST_ASSETS).map((entry) => {
    const asset = entry.object(["id", "value", "debt"]);
    return [asset.id.decimal(0n, 2n ** ID_BITS - 1n), asset.value.decimal(0n, FACTOR), asset.debt.decimal(0n, FACTOR)];
  });
  parts.collateral.boolean();
  const [shapeDigest, tree, assetsRoot, root] = claims.map((name) => parts[name].decimal(0n, R - 1n));
  const shape = gridShape(parts.standard, parts.shape);
  const regime = parts.regime.integer(0n, BigInt(parts.standard.value.get("correlations")?.length ?? 1) - 1n);
  const leaves = [[0n, 0n, 0n], ...assets].map((asset) => hash(TAG.ASSET, asset));
  same("assets_root", assetsRoot, treeRoot(leaves, ASSET_DEPTH), node.source);
  if (shape.digest !== undefined) same("shape_digest", shapeDigest, BigInt(shape.digest), node.source);
  same("root", root, hash(TAG.EPOCH, [tree, shapeDigest, regime, assetsRoot]), node.source);
  const said = sizesOf(parts.shape, parts.standard);
  return {
    root, shape: shape.json, shapeDigest: shape.digest === undefined ? null : shapeDigest, quote: null,
    recomputed: false, trial: null, valuation: null, tree, layout: said, underlyings: parts.standard.value.get("underlyings"),
  };
}

/** The grid shape of a statement that a manifest describes. Of another, whose weights would have to be computed anew,
 * only that it is none of these. */
function gridShape(standard, sizes) {
  standard.object(["spot_nodes", "volatility_nodes", "weight_bits", "scenarios", "underlyings", "correlations", "seed",
    "horizon", "alpha", "beta", "degrees"], ["tail", "masses", "population"]);
  sizes.object(["tail", "depth", "lanes", "width", "value_bits"], ["masses"]);
  const said = repr(sorted(new Map([["standard", standard.value], ["shape", sizes.value]])));
  const known = Object.values(facts.shapes).find(
    ({ manifest }) => manifest !== null && repr(sorted(parse(utf8(manifest)))) === said);
  if (known) return known;
  const rest = { scenarios: standard.value.get("scenarios"), underlyings: standard.value.get("underlyings") };
  return { json: { mode: "grid", ...Object.fromEntries(sizes.value), ...rest } };
}

/** How the leaves of a grid's arrays are laid out: as in an epoch with a scenario for each node. */
function sizesOf(sizes, standard) {
  const [spot, volatility] = ["spot_nodes", "volatility_nodes"].map((name) => standard.value.get(name).length);
  const rest = ["depth", "lanes", "width", "value_bits"].map((name) => [name, sizes.value.get(name)]);
  return { scenarios: BigInt(spot * volatility), tail: "1/1", ...Object.fromEntries(rest) };
}

/** The same with the keys of all objects in order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!(value instanceof Map)) return value;
  return new Map([...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
