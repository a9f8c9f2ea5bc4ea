// What keepers and publishers sign: EIP-712 messages, and who signed them (`tailproof/custody.py`, `signing.py`).

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak } from "./hashes.js";
import { BadInput, LARGEST_EXACT } from "./json.js";
import {
  address, addressWord, fromHex, hex, integer, joined, LATEST, R, readAddress, readBytes32, utf8, word,
} from "./numbers.js";

const ORDER = secp256k1.Point.Fn.ORDER;
const KINDS = ["positions", "collateral"];
const DOMAIN = [["name", "string"], ["version", "string"], ["chainId", "uint256"], ["verifyingContract", "address"]];

// -- EIP-712 ----------------------------------------------------------------------------------------------------------
function hashStruct(name, fields, values) {
  const type = `${name}(${fields.map(([field, kind]) => `${kind} ${field}`).join(",")})`;
  return keccak(joined([keccak(utf8(type)), ...fields.map(([, kind], i) => encodedValue(kind, values[i]))]));
}

function encodedValue(kind, value) {
  if (kind === "string") return keccak(utf8(value));
  if (kind === "address") return addressWord(value);
  return kind === "bytes32" ? value : word(value);
}

function messageDigest(domain, name, fields, values) {
  const separator = hashStruct("EIP712Domain", DOMAIN.slice(0, domain.length), domain);
  return keccak(joined([Uint8Array.of(0x19, 1), separator, hashStruct(name, fields, values)]));
}

/** Refuse a signature that is not the signer's, or one of two forms that it could have. */
function requireSignature(digest, signer, signature) {
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32, 64));
  if (2n * s > ORDER || (signature[64] !== 27 && signature[64] !== 28))
    throw new BadInput("signature", `0x${hex(signature)}`, "one with a low s, and 27 or 28 as v");
  let found;
  try {
    const key = new secp256k1.Signature(r, s, signature[64] - 27).recoverPublicKey(digest).toBytes(false);
    found = address(keccak(key.subarray(1)).subarray(12));
  } catch {
    throw new BadInput("signature", `0x${hex(signature)}`, "65 bytes of an ECDSA signature");
  }
  if (found !== signer) throw new BadInput("signature", `by ${found}`, `by ${signer}, as the file says`);
}

// -- what keepers sign ------------------------------------------------------------------------------------------------
const WORDS = {
  "tailproof.attestation/1": {
    struct: "Attestation", signed: [["kind", "string"], ["account", "address"], ["commitment", "uint256"]] },
  "tailproof.membership/1": {
    struct: "Membership",
    signed: [["group", "address"], ["account", "address"], ["place", "uint40"], ["commitment", "uint256"]] },
  "tailproof.balance-root/1": { struct: "Balances", signed: [["epoch_number", "uint40"], ["root", "uint256"]] },
};
const READ = {
  address: readAddress, uint256: (node) => node.decimal(1n, R - 1n), uint40: (node) => node.integer(0n, LATEST),
  string: (node) => node.choice(KINDS),
};

/** What a keeper signed, at a place in a document; its signature is not looked at. */
export function readWord(schema, node) {
  const { struct, signed } = WORDS[schema];
  const parts = node.document(schema, ["signer", ...signed.map(([name]) => name), "as_of", "until", "signature"]);
  const found = Object.fromEntries(signed.map(([name, kind]) => [name, READ[kind](parts[name])]));
  const signer = readAddress(parts.signer);
  const [asOf, until] = [parts.as_of, parts.until].map((part) => part.integer(0n, LATEST));
  const signature = fromHex(parts.signature.text(/^0x[0-9a-f]{130}$/, "0x and 130 hex digits").slice(2));
  for (const [name, kind] of signed)
    if (kind === "address" && found[name] === signer)
      throw new BadInput("signer", signer, `another than the ${name}: nobody attests for herself`, node.source);
  if (asOf > until)
    throw new BadInput("until", until, `at or after ${asOf}, from when on it is so, and below 2**40`, node.source);
  const types = [...signed, ["as_of", "uint40"], ["until", "uint40"]].map(([name, kind]) => [camel(name), kind]);
  const values = [...signed.map(([name]) => found[name]), asOf, until];
  const texts = signed.map(([name, kind]) => [name, kind === "uint256" ? String(found[name]) : found[name]]);
  return {
    ...found, signer, as_of: asOf, until,
    json: { schema, signer, ...Object.fromEntries(texts), as_of: asOf, until, signature: `0x${hex(signature)}` },
    requireSigned: () => requireSignature(
      messageDigest(["Tailproof attestation", "1"], struct, types, values), signer, signature),
  };
}

function camel(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** An account at a keeper, as statements bind it. */
export function keptBy(keeper, account) {
  const type = keccak(utf8("Account(address keeper,address account)"));
  return integer(keccak(joined([type, addressWord(keeper), addressWord(account)])).subarray(0, 31));
}

// -- what publishers sign ---------------------------------------------------------------------------------------------
const CONTENT = [
  ["id", "uint40"], ["deadline", "uint40"], ["root", "bytes32"], ["modelId", "bytes32"], ["dataRoot", "bytes32"],
  ["factorsHash", "bytes32"], ["marks", "uint256"], ["regime", "uint16"], ["lagSeconds", "uint32"],
  ["previous", "bytes32"],
];

/** A publisher's signature of an epoch's content. */
export function readSignedContent(node) {
  const parts = node.document("tailproof.epoch-signature/1", ["chain_id", "oracle", "signer", "content", "signature"]);
  const signature = fromHex(parts.signature.text(/^0x[0-9a-f]{130}$/, "0x and 130 hex digits").slice(2));
  const [chain, oracle, signer] = [
    parts.chain_id.integer(1n, LARGEST_EXACT), readAddress(parts.oracle), readAddress(parts.signer)];
  const said = parts.content.document("tailproof.epoch-content/1", [
    "id", "deadline", "root", "model_id", "data_root", "factors_hash", "marks", "regime", "lag_seconds", "previous"]);
  const marks = said.marks.array(4, 4).map((mark) => mark.decimal(0n, 2n ** 64n - 1n));
  const [id, deadline] = [said.id, said.deadline].map((part) => part.integer(1n, LATEST));
  const root = said.root.decimal(1n, R - 1n);
  const bytes = ["model_id", "data_root", "factors_hash", "previous"].map((name) => readBytes32(said[name]));
  const [regime, lag] = [said.regime.integer(0n, 2n ** 16n - 1n), said.lag_seconds.integer(1n, 2n ** 32n - 1n)];
  if (deadline < id || deadline > id + 3600n)
    throw new BadInput("deadline", deadline, `an integer in [${id}, ${id + 3601n})`, node.source);
  bytes.slice(0, 3).forEach((each, i) => {
    if (each.every((byte) => byte === 0))
      throw new BadInput(["model_id", "data_root", "factors_hash"][i], `0x${hex(each)}`, "32 bytes, not 0", node.source);
  });
  const lanes = marks.reduce((sum, mark, lane) => sum + (mark << BigInt(64 * lane)), 0n);
  const values = [id, deadline, word(root), ...bytes.slice(0, 3), lanes, regime, lag, bytes[3]];
  const domain = ["Tailproof RiskOracle", "1", chain, oracle];
  return {
    chain, oracle, signer, root,
    requireSigned: () => requireSignature(messageDigest(domain, "EpochContent", CONTENT, values), signer, signature),
  };
}
