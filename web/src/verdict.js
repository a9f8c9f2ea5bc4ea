// One verdict on a handful of files: what a drop on the page asks for, and what its tests ask for in bulk.

import { hash, TAG } from "./hashes.js";
import { warm } from "./groth16.js";
import { byPart, judged, missing, recognised } from "./judging.js";
import { BadInput } from "./json.js";

/** files : [{name, bytes}].  asked, progress : as of `judged`.  Where something is missing, "incomplete" and which parts. */
export async function verdict(files, asked, progress = () => null) {
  try {
    const parts = byPart(files.map(({ name, bytes }) => recognised(name, bytes)));
    const needed = missing(parts);
    return needed.length ? { verdict: "incomplete", needed } : await judged(parts, asked, progress);
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    return { verdict: "bad input", error: error.message, data: { field: error.field } };
  }
}

/** Have the engine compile what a verdict takes, and Poseidon's constants made, before anybody waits for them. */
export function warmUp() {
  warm();
  hash(TAG.EPOCH, [1n, 2n, 3n]);
  hash(TAG.ASSET, [1n, 2n, 3n, 4n]);
}
