// What an auditor brings of an epoch (`tailproof.epochs.Claim`): a manifest, whose root is recomputed from the parts that
// it names. Leaves are not: that takes the epoch's arrays, and `tailproof verify` with the directory.

import { facts } from "./statements.js";
import { fieldDigest, hash, TAG, treeRoot } from "./hashes.js";
import { BadInput, LARGEST_EXACT, parse, repr } from "./json.js";
import { parseTime, R, utf8 } from "./numbers.js";

export const FULL = "tailproof.epoch/3";
export const GRID = "tailproof.grid-epoch/3";
const ID_BITS = 248n;
const SYMBOL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,47}$/;
const FACTOR = 2n ** 80n - 1n;
const MOST_ASSETS = 63;
const ASSET_DEPTH = 2;

/** The claim in the manifest of an epoch of either kind. */
export function readClaim(node) {
  const schema = node.value instanceof Map ? node.value.get("schema") : null;
  return schema === GRID ? readGrid(node) : readFull(node);
}

function same(name, said, found, source) {
  if (said !== found) throw new BadInput(name, said, `${found}, which its other fields give`, source);
}

function readFull(node) {
  const parts = node.document(FULL, [
    "venue", "quote", "timestamp", "underlyings", "model", "purpose", "seed", "previous", "gates", "shape",
    "shape_digest", "tree_root", "root", "regime", "leaves", "sources", "calibration", "scenarios", "settlements",
  ], ["basis", "marks"]);
  parts.regime.integer(0n, 0n);
  const model = parts.model.object(["name", "digest"]);
  for (const name of [parts.venue, parts.quote, model.name, ...parts.underlyings.array(1)]) symbol(name);
  digest(model.digest);
  parts.seed.integer(0n, LARGEST_EXACT);
  parts.previous.decimal(0n, R - 1n);
  if ("basis" in parts) parts.basis.choice(["change", "level"]);
  for (const leaf of parts.leaves.array(1)) leaf.object(["id"], ["symbol", "terms"]).id.decimal(0n, 2n ** ID_BITS - 1n);
  const shape = readShape(parts.shape);
  const [shapeDigest, tree, root] = ["shape_digest", "tree_root", "root"].map((name) => parts[name].decimal(0n, R - 1n));
  const found = fieldDigest(shape);
  same("shape_digest", shapeDigest, found, node.source);
  same("root", root, hash(TAG.EPOCH, [tree, found, 0n]), node.source);
  return {
    root, shape, shapeDigest, quote: parts.quote.value, recomputed: false,
    trial: parts.purpose.choice(["production", "trial"]) === "trial", valuation: parseTime(parts.timestamp),
  };
}

function symbol(node) {
  node.text(SYMBOL, "1 to 48 letters, digits and . _ / -");
}

function digest(node) {
  node.text(/^0x[0-9a-f]{64}$/, '"0x" and 64 hex digits');
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
  return {
    root, shape: shape.json, shapeDigest: shape.digest === undefined ? null : shapeDigest, quote: null,
    recomputed: false, trial: null, valuation: null,
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

/** The same with the keys of all objects in order. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!(value instanceof Map)) return value;
  return new Map([...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
