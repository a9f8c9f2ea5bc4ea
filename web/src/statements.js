// What this page knows of the statements of this version: written by `python -m tailproof.page`, into facts.json.

import facts from "../facts.json" with { type: "json" };
import { BadInput } from "./json.js";

export { facts };

/** A statement by its name: kind, public inputs in their order, digest of its circuit, shape of its epochs. */
export function statement(name, source = null) {
  if (!Object.hasOwn(facts.statements, name))
    throw new BadInput("statement", name, `one of ${Object.keys(facts.statements).join(", ")}`, source);
  const found = facts.statements[name];
  return { name, ...found, shape: found.shape === null ? null : facts.shapes[found.shape] };
}
