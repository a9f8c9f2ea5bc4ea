// The bundle: the one file that travels from trader to relayer to auditor (`tailproof/bundle.py`).

import { readContext } from "./context.js";
import { readProof } from "./groth16.js";
import { R } from "./numbers.js";

export const SCHEMA = "tailproof.bundle/1";
const SETUPS = ["insecure-single-party", "ceremony"];

/** A bundle at a place in a document; `json` is what its writer writes. */
export function readBundle(node) {
  const parts = node.document(SCHEMA, ["statement", "r1cs_digest", "setup", "public_inputs", "context", "proof"]);
  if (!(parts.public_inputs.value instanceof Map)) throw parts.public_inputs.refuse("an object");
  const nodes = parts.public_inputs.object([...parts.public_inputs.value.keys()]);
  const inputs = new Map(Object.entries(nodes).map(([name, value]) => [name, value.decimal(0n, R - 1n)]));
  const found = {
    statement: parts.statement.text(),
    r1cs_digest: parts.r1cs_digest.text(/^[0-9a-f]{64}$/, "64 hex digits"),
    setup: parts.setup.choice(SETUPS),
    context: readContext(parts.context),
    proof: readProof(parts.proof),
    inputs,
  };
  return {
    ...found, insecure: found.setup === SETUPS[0],
    json: {
      schema: SCHEMA, statement: found.statement, r1cs_digest: found.r1cs_digest, setup: found.setup,
      public_inputs: Object.fromEntries([...inputs].map(([name, value]) => [name, String(value)])),
      context: found.context, proof: found.proof.json,
    },
  };
}

/** What `key.json` of a key directory says: which statement its key is for. */
export function readKeyNote(node) {
  const parts = node.document("tailproof.key/1", ["statement", "r1cs_digest", "key_digest", "setup"]);
  return {
    statement: parts.statement.text(),
    r1cs_digest: parts.r1cs_digest.text(/^[0-9a-f]{64}$/, "64 hex digits"),
    key_digest: parts.key_digest.text(/^0x[0-9a-f]{64}$/, "0x and 64 hex digits"),
    insecure: parts.setup.choice(SETUPS) === SETUPS[0],
  };
}
