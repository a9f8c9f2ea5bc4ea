// An epoch's tree, made again from its arrays: as `risk/epochs/epoch.py` makes it, and refuses what breaks E1 to E12.

import { fieldDigest, hash, TAG, treeRoot } from "./hashes.js";
import { BadInput } from "./json.js";

export const COLUMNS = ["underlying", "long", "short", "amax", "changes"];
const ID_BITS = 248n;
const CASH_UNITS = 1000n;
const UNIT = 10n ** 6n;
const LARGEST_PRICE = 10n ** 18n;
const MOST_HEAD = 4096;
const PAUSE = 16; // leaves hashed before others may run

/** The numbers of an array of so many rows and columns in the bytes of a .npy file: int64, in C's order. */
function readArray({ name, bytes }, shape) {
  const size = 8 * shape.reduce((product, each) => product * each, 1);
  const begin = bytes.length - size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = begin > MOST_HEAD ? "" : String.fromCharCode(...bytes.subarray(0, Math.max(begin, 0)));
  const described = /^\x93NUMPY\x01\x00..\{'descr': '<i8', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n$/s.exec(head);
  const found = described?.[1].split(",").filter((each) => each.trim()).map(Number);
  if (found?.join() !== shape.join() || view.getUint16(8, true) !== head.length - 10)
    throw new BadInput("array", head.slice(0, 100), `int64 (${shape.join(", ")})`, name);
  return Array.from({ length: size / 8 }, (_, i) => view.getBigInt64(begin + 8 * i, true));
}

/** Columns by name, `changes` as rows. */
export function readColumns(files, rows, scenarios) {
  const found = Object.fromEntries(COLUMNS.map(
    (name) => [name, readArray(files[name], name === "changes" ? [rows, scenarios] : [rows])]));
  found.changes = Array.from({ length: rows }, (_, i) => found.changes.slice(i * scenarios, (i + 1) * scenarios));
  return found;
}

/** The root of the tree over leaves, settlements, marks and, at its end, the header. */
export async function arraysRoot(manifest, columns, source, progress) {
  requireSound(manifest, columns, source);
  const { ids, shape, settlements, marks, header, listed } = manifest;
  const leaves = [];
  for (let row = 0; row < ids.length; row++) {
    const terms = [ids[row], ...COLUMNS.slice(0, 4).map((name) => columns[name][row])];
    leaves.push(hash(TAG.LEAF, [...terms, ...packed(columns.changes[row], shape)]));
    if (row % PAUSE === PAUSE - 1) await progress(row + 1, ids.length);
  }
  leaves.push(...settlements.map((each) => hash(TAG.SETTLED, each)), ...marks.map((each) => hash(TAG.MARK, each)));
  const capacity = 8 ** Number(shape.depth);
  while (leaves.length < capacity - 1) leaves.push(0n);
  const digest = fieldDigest({ schema: "tailproof.header/1", ...header.json, listed });
  leaves.push(hash(TAG.HEADER, [header.previous, header.timestamp, header.trial ? 1n : 0n, digest]));
  return treeRoot(leaves, Number(shape.depth));
}

/** A_e = sum of 2**(w p) a_{eP+p}. */
function packed(changes, shape) {
  const [lanes, width] = [Number(shape.lanes), shape.width];
  const found = [];
  for (let at = 0; at < changes.length; at += lanes)
    found.push(changes.slice(at, at + lanes).reduce((sum, value, p) => sum + (value << (width * BigInt(p))), 0n));
  return found;
}

/** Refuse an epoch that breaks a precondition of the statements: each is there for what somebody could do without it. */
function requireSound({ ids, shape, settlements, marks, header }, columns, source) {
  const refuse = (clause, field, value, bound) => {
    throw new BadInput(`${field} (${clause})`, value, bound, source);
  };
  const most = 1n << shape.value_bits;
  const others = 1 + settlements.length + marks.length;
  if (ids.length > 8 ** Number(shape.depth) - others)
    refuse("E1", "number of leaves", ids.length, `at most ${8 ** Number(shape.depth) - others}`);
  const rows = new Map(ids.map((id, row) => [id, row]));
  if (rows.size < ids.length) refuse("E1", "id", "twice", "different from every other id");
  if (ids[0] !== 0n || COLUMNS.slice(0, 4).some((name) => columns[name][0] !== 0n) || columns.changes[0].some(Boolean))
    refuse("E1", "null leaf", "something", "0 in every column");
  ids.forEach((id, row) => {
    if (id < 0n || id >= 1n << ID_BITS) refuse("E1", "id", id, `in [0, 2**${ID_BITS})`);
    const [amax, underlying] = [columns.amax[row], columns.underlying[row]];
    if (amax < 0n || amax >= most) refuse("E2", "amax", amax, `in [0, 2**${shape.value_bits})`);
    for (const change of columns.changes[row])
      if (change > amax || change < -amax) refuse("E2", "changes", change, "at most amax in absolute value");
    for (const name of ["long", "short"])
      if (columns[name][row] < 0n || columns[name][row] >= most)
        refuse("E3", name, columns[name][row], `in [0, 2**${shape.value_bits})`);
    if (underlying < 0n || underlying >= BigInt(header.json.underlyings.length))
      refuse("E5", "underlying", underlying, `in [0, ${header.json.underlyings.length})`);
  });
  const seen = new Set();
  for (const [id] of settlements) {
    const row = rows.get(id) ?? 0;
    if (row === 0 || seen.has(id)) refuse("E7", "settlement", id, "of a listed instrument, once");
    const values = columns.changes[row];
    const still = header.levels ? values.every((value) => value === values[0]) : values.every((value) => value === 0n);
    const rate = columns.long[row] > columns.short[row] ? columns.long[row] : columns.short[row];
    if (!still || rate > (header.levels ? 1n : 0n)) refuse("E7", "settled instrument", id, "one that moves no more");
    seen.add(id);
  }
  requireMarks(ids, marks, most, header, refuse);
  if (header.levels) requireCash(rows, marks, columns, header, refuse);
}

function requireMarks(ids, marks, most, header, refuse) {
  const wanted = header.levels ? ids.slice(1) : [];
  if (marks.map(([id]) => id).join() !== wanted.join())
    refuse("E12", "marks", marks.length, `${wanted.length}: in an epoch of levels of every instrument, in their order`);
  for (const [id, long, short, price, spot] of marks) {
    if (long > short || short > long + 1n || short >= most) refuse("E12", "mark of a lot held short", short, `near ${long}`);
    for (const value of [price, spot])
      if (value <= 0n || value > LARGEST_PRICE) refuse("E12", `price of ${id}`, value, `in (0, ${LARGEST_PRICE}]`);
  }
}

/** Cash is worth itself in every scenario and costs nothing, else money is made by exchanging it. */
function requireCash(rows, marks, columns, { json: { quote } }, refuse) {
  const id = fieldDigest({
    schema: "tailproof.instrument/1", kind: "cash", venue: "CASH", underlying: quote, quote, lot: "0.001",
    settlement: "cash",
  });
  const row = rows.get(id) ?? 0;
  if (row === 0) refuse("E12", "cash", id, `a leaf of this id: cash in ${quote}`);
  if (columns.changes[row].some((value) => value !== CASH_UNITS) || columns.long[row] || columns.short[row])
    refuse("E12", "cash", "a value that moves, or a rate", `${CASH_UNITS} and no rate`);
  if (marks[row - 1].slice(1).join() !== [CASH_UNITS, CASH_UNITS, UNIT, UNIT].join())
    refuse("E12", "mark of cash", marks[row - 1][1], "what it is worth");
}
