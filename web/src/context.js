// What a proof is good for: the public input `context` (STATEMENT A3), as `verifier_contracts/context.py` hashes it.

import { facts } from "./statements.js";
import { keccak } from "./hashes.js";
import { LARGEST_EXACT } from "./json.js";
import { addressWord, hex, integer, joined, LATEST, readAddress, readBytes32, utf8, word } from "./numbers.js";

export const NAMES = ["statement", "chain_id", "manager", "key_digest", "account", "epoch_id", "version", "action_hash"];
export const NOWHERE = `0x${"00".repeat(20)}`;

/** The fields that `context` hashes, from JSON. */
export function readContext(node) {
  const fields = node.object(NAMES);
  return {
    statement: fields.statement.choice(facts.context.statements),
    chain_id: fields.chain_id.integer(0n, LARGEST_EXACT),
    manager: readAddress(fields.manager),
    key_digest: `0x${hex(readBytes32(fields.key_digest))}`,
    account: readAddress(fields.account),
    epoch_id: fields.epoch_id.integer(0n, LATEST),
    version: fields.version.integer(0n, LATEST),
    action_hash: `0x${hex(readBytes32(fields.action_hash))}`,
  };
}

/** The public input, below 2**248. */
export function contextElement(context) {
  const words = [
    keccak(utf8(facts.context.type)), keccak(utf8(context.statement)), word(context.chain_id),
    addressWord(context.manager), word(BigInt(context.key_digest)), addressWord(context.account),
    word(context.epoch_id), word(context.version), word(BigInt(context.action_hash)),
  ];
  return integer(keccak(joined(words)).subarray(0, 31));
}
