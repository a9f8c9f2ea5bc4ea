// What a counterparty asks to be shown (`tailproof/challenge.py`).

import { keccak } from "./hashes.js";
import { BadInput, canonical } from "./json.js";
import { hex, LATEST, R, readAddress } from "./numbers.js";
import { statement } from "./statements.js";

const SCHEMA = "tailproof.challenge/1";
const ASKER = /^(?=[^]*[^ \t\n\r\f\v])[^\x00-\x1f\x7f\ud800-\udfff]{1,200}$/u;
const MOST_BUFFER = 2n ** 16n - 1n;
const NOBODY = "nobody attests for herself";

/** A challenge, which is of what its statement is: one account's solvency, or a group's. */
export function readChallenge(node) {
  const { source } = node;
  const grouped = node.value instanceof Map && node.value.has("members");
  const parts = node.document(SCHEMA, [
    "statement", "key_digest", "asker", "account", "buffer", "until", "nonce",
    ...(grouped ? ["members"] : ["venue", "custodian"])], ["epoch_root"]);
  const members = !grouped ? [] : parts.members.array(1, 16).map((entry) => {
    const each = entry.object(["protocol", "account"]);
    return { protocol: readAddress(each.protocol), account: readAddress(each.account) };
  });
  const [venue, custodian] = grouped ? [null, null] : [readAddress(parts.venue), readAddress(parts.custodian)];
  const root = "epoch_root" in parts ? parts.epoch_root.decimal(0n, R - 1n) : null;
  const [keyDigest, nonce] = [parts.key_digest, parts.nonce].map(
    (part) => part.text(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits"));
  const found = {
    statement: parts.statement.text(), keyDigest, asker: parts.asker.text(
      ASKER, "a name of at most 200 characters, in one line"),
    account: readAddress(parts.account), buffer: parts.buffer.integer(0n, MOST_BUFFER),
    until: parts.until.integer(0n, LATEST), venue, custodian, members, epochRoot: root,
  };
  const { kind, netting } = statement(found.statement, source);
  if (kind === "netting") requireGroup(found, grouped, netting, source);
  else if (kind === "solvency") requireKeepers(found, grouped, source);
  else throw new BadInput("statement", found.statement, "a solvency statement: solvency-…", source);
  const json = {
    schema: SCHEMA, statement: found.statement, key_digest: keyDigest, asker: found.asker, account: found.account,
    buffer: found.buffer, until: found.until, nonce, ...(grouped ? { members } : { venue, custodian }),
    ...(root === null ? {} : { epoch_root: String(root) }),
  };
  return { ...found, kind, digest: `0x${hex(keccak(canonical(json)))}` };
}

function requireKeepers({ account, statement: name, members, ...keepers }, grouped, source) {
  if (grouped) throw new BadInput("members", members.length, `absent: ${name} is of one account`, source);
  for (const keeper of ["venue", "custodian"])
    if (keepers[keeper] === account)
      throw new BadInput(keeper, account, `another than the account: ${NOBODY}`, source);
}

function requireGroup({ account, statement: name, members, venue, custodian }, grouped, { places }, source) {
  if (!grouped)
    throw new BadInput("venue and custodian", [venue, custodian], `absent: ${name} believes the protocols of its members`,
      source);
  if (members.length > places)
    throw new BadInput("number of members", members.length, `in [1, ${places}], the places of ${name}`, source);
  if (new Set(members.map((member) => member.protocol + member.account)).size < members.length)
    throw new BadInput("members", members.map((member) => member.account), "distinct", source);
  members.forEach((member, i) => {
    if (member.protocol === account || member.protocol === member.account)
      throw new BadInput(`members[${i}].protocol`, member.protocol, "another than the account and the group's owner: "
        + NOBODY, source);
  });
}
