// Keccak-256, and Poseidon over the scalar field of BN254 as `primitives/poseidon.py` has it.

import { grainGenConstants, poseidon } from "@noble/curves/abstract/poseidon.js";
import { bn254_Fr } from "@noble/curves/bn254.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import facts from "../facts.json" with { type: "json" };
import { canonical } from "./json.js";

export const TAG = Object.fromEntries(Object.entries(facts.poseidon.tags).map(([name, tag]) => [name, BigInt(tag)]));

export function keccak(bytes) {
  return keccak_256(bytes);
}

/** keccak256 of the canonical JSON of a value >> 8 (`risk.exact.digests.field_digest`). */
export function fieldDigest(value) {
  const digest = keccak(canonical(value));
  return BigInt(`0x${Array.from(digest.subarray(0, 31), (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}

const permutations = new Map();

/** The permutation of width t; its constants come out of the paper's Grain LFSR. */
function permutation(t) {
  if (!permutations.has(t)) {
    const sizes = {
      Fp: bn254_Fr, t, roundsFull: facts.poseidon.full_rounds, roundsPartial: facts.poseidon.partial_rounds[t],
      sboxPower: 5,
    };
    permutations.set(t, poseidon({ ...sizes, ...grainGenConstants(sizes) }));
  }
  return permutations.get(t);
}

/** H(tag; elements) of integers in (-r, r): the tag and the length enter the initial state. */
export function hash(tag, elements) {
  let state = (tag << 32n) | BigInt(elements.length);
  for (let at = 0; at < elements.length; at += facts.poseidon.rate) {
    const chunk = elements.slice(at, at + facts.poseidon.rate).map((element) => bn254_Fr.create(element));
    state = permutation(chunk.length + 1)([state, ...chunk])[0];
  }
  return state;
}

const ARITY = 8;

/** The root of the 8-ary tree over leaves, of which those that are missing are 0 (`primitives.merkle.Tree`). */
export function treeRoot(leaves, depth) {
  let level = leaves;
  let empty = 0n;
  for (let above = depth; above > 0; above--) {
    const nodes = [];
    const wanted = ARITY ** (above - 1);
    const nothing = hash(TAG.NODE, Array(ARITY).fill(empty));
    for (let at = 0; at < level.length; at += ARITY) {
      const children = Array.from({ length: ARITY }, (_, i) => level[at + i] ?? empty);
      nodes.push(children.every((child) => child === empty) ? nothing : hash(TAG.NODE, children));
    }
    if (nodes.length > wanted) throw new RangeError("more leaves than the tree holds");
    level = nodes;
    empty = nothing;
  }
  return level[0] ?? empty;
}
