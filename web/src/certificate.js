// Certificates that answer a challenge (`tailproof/certificate.py`, `group_certificate.py`): read to the byte, so that
// there is one such file.

import { readBundle } from "./bundle.js";
import { NOWHERE } from "./context.js";
import { BadInput, dumps } from "./json.js";
import { sameBytes, utf8 } from "./numbers.js";
import { readWord } from "./signed.js";

export const SOLVENCY = "tailproof.certificate/1";
export const GROUP = "tailproof.group-certificate/1";
const LARGEST = 1 << 16;

/** A certificate of either kind in the bytes of a file, of which `node` is the document. */
export function readCertificate(node, bytes) {
  if (bytes.length > LARGEST)
    throw new BadInput("file size", bytes.length, `at most ${LARGEST} bytes`, node.source);
  const grouped = node.value instanceof Map && node.value.get("schema") === GROUP;
  const { json, ...found } = grouped ? readGroup(node) : readSolvency(node);
  if (!sameBytes(utf8(dumps(json)), bytes))
    throw new BadInput("file", "another spelling", "byte for byte what was written", node.source);
  return found;
}

function readSolvency(node) {
  const parts = node.document(SOLVENCY, ["bundle", "attestations"]);
  const bundle = readBundle(parts.bundle);
  const attestations = parts.attestations.array(2, 2).map((each) => readWord("tailproof.attestation/1", each));
  return {
    kind: "solvency", bundle, attestations,
    json: { schema: SOLVENCY, bundle: bundle.json, attestations: attestations.map((each) => each.json) },
  };
}

function readGroup(node) {
  const parts = node.document(GROUP, ["bundle", "members"]);
  const bundle = readBundle(parts.bundle);
  const members = parts.members.array(1, 16).map((entry) => {
    const each = entry.object(["membership", "balances"]);
    return {
      membership: readWord("tailproof.membership/1", each.membership),
      balances: readWord("tailproof.balance-root/1", each.balances),
    };
  });
  return {
    kind: "netting", bundle, members,
    json: {
      schema: GROUP, bundle: bundle.json,
      members: members.map((each) => ({ membership: each.membership.json, balances: each.balances.json })),
    },
  };
}

/** What the proof of an answer is for.  valuation : of the epoch, Unix seconds. */
export function contextOf(challenge, valuation) {
  return {
    statement: challenge.kind, chain_id: 0n, manager: NOWHERE, key_digest: challenge.keyDigest,
    account: challenge.account, epoch_id: valuation, version: 0n, action_hash: challenge.digest,
  };
}
