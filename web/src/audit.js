// What a proof is held against, check by check: as `tailproof/auditing.py`, `answering.py`, `certifying.py` and
// `netting.py`, with the same names and words.

import { contextElement, NAMES } from "./context.js";
import { contextOf } from "./certificate.js";
import { verify } from "./groth16.js";
import { BadInput, repr } from "./json.js";
import { formatTime, moment, numberText } from "./numbers.js";
import { keptBy } from "./signed.js";
import { statement } from "./statements.js";

export const ARITHMETIC = "noble";
const NO_MEMBER = 0n;

function check(name, holds, found, expected = null) {
  return { name, holds, found: numberText(found), expected: expected === null ? null : numberText(expected) };
}

function same(name, found, expected) {
  return check(name, found === expected, found, expected);
}

/** As `same`, of Unix seconds. */
function sameTime(name, found, expected) {
  return check(name, found === expected, moment(found), moment(expected));
}

function setup(insecure) {
  return insecure ? "INSECURE single party" : "a ceremony, the key file says";
}

/** A bundle against a key and an epoch; `note` is what `key.json` says of the key, or null. */
export function audit(bundle, key, { epoch, note, commitment }) {
  const known = statement(bundle.statement);
  const names = [...bundle.inputs.keys()].sort();
  const wanted = [...known.public_inputs].sort();
  // One by one: joined, a name with a comma in it is two names.
  if (names.length !== wanted.length || names.some((name, i) => name !== wanted[i]))
    throw new BadInput("public_inputs", names, `exactly ${known.public_inputs.join(", ")}`);
  const inputs = known.public_inputs.map((name) => bundle.inputs.get(name));
  const context = bundle.inputs.get("context");
  const checks = [
    same("constraint system", bundle.r1cs_digest, known.r1cs_digest),
    same("key", bundle.context.key_digest, key.digest),
    ...(note === null ? [] : [check("key's constraints", note.r1cs_digest === known.r1cs_digest,
      `under a key for ${note.r1cs_digest}`, `one for ${known.r1cs_digest}`)]),
    same("setup", setup(bundle.insecure), setup(key.insecure)),
    ...ofEpoch(known, bundle, epoch),
    same("context", context, contextElement(bundle.context)),
    // A context of another statement is another contract's action, whatever proof stands beside it.
    same("context's statement", bundle.context.statement, known.kind),
  ];
  if (bundle.inputs.has("margin")) {
    const margin = bundle.inputs.get("margin");
    checks.push(check("margin", margin < 1n << 128n, `${margin} micro-units`, "below 2**128"));
  }
  if (commitment !== null) checks.push(same("commitment", bundle.inputs.get("portfolio_commitment"), commitment));
  const fits = inputs.length === key.public;
  const proven = fits && verify(key, inputs, bundle.proof);
  const found = proven ? "Groth16 over BN254" : fits ? "one that this key rejects for these public inputs"
    : `of ${inputs.length} public inputs, and the key takes ${key.public}`;
  return [...checks, check(`proof (${ARITHMETIC})`, proven, found, "one that the key accepts")];
}

/** That a bundle is under the auditor's epoch, and that this is one of the statement's. */
function ofEpoch(known, bundle, epoch) {
  if (known.shape === null) return [];
  if (epoch === null) throw new BadInput("--epoch", null, `given: ${known.name} is about an epoch`);
  const [ours, theirs] = differing(epoch.shape, known.shape.json);
  const fits = epoch.shapeDigest !== null && String(epoch.shapeDigest) === known.shape.digest;
  return [
    check("epoch shape", fits, ours ? `the epoch's ${ours}` : `as ${known.name} has it built in`,
      ours ? `${theirs}, as ${known.name} has it` : null),
    same("epoch root", bundle.inputs.get("epoch_root"), epoch.root),
  ];
}

/** The sizes of two shapes that differ, by name: found, wanted; two empty texts if none does. */
function differing(ours, theirs) {
  const all = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
  const told = (shape, key) => (shape[key] === undefined ? "none" : shownSize(shape[key]));
  const keys = ours.mode !== theirs.mode ? ["mode"] : all.filter((key) => told(ours, key) !== told(theirs, key));
  return [ours, theirs].map((shape) => keys.map((key) => `${key} ${told(shape, key).slice(0, 40)}${
    told(shape, key).length > 40 ? "…" : ""}`).join(", "));
}

function shownSize(value) {
  return typeof value === "string" ? value : repr(value);
}

// -- answers to a challenge -------------------------------------------------------------------------------------------
function valuationOf(bundle, epoch) {
  return epoch.valuation === null ? bundle.context.epoch_id : epoch.valuation;
}

function examineAnswer(bundle, challenge, key, { epoch, note, at }) {
  // Without it: an answer with a cheaper statement, whose public inputs of the same names mean something else.
  if (bundle.statement !== challenge.statement)
    throw new BadInput("bundle.statement", bundle.statement, `${challenge.statement}, which the challenge asks for`);
  const wanted = contextOf(challenge, valuationOf(bundle, epoch));
  const checks = [
    // Without it: another's answer, an answer to an earlier challenge, or to one of a lower buffer.
    same("challenge", bundle.context.action_hash, challenge.digest),
    // Without it: who asked by one key verifies by another, which somebody else made.
    same("key asked for", key.digest, challenge.keyDigest),
    // Without it: an answer after it was due, when other things may be true.
    check("in time", at <= challenge.until, `at ${formatTime(at)}`, `until ${formatTime(challenge.until)}`),
    ...audit(bundle, key, { epoch, note, commitment: null }),
    // Without it: a proof with the same hash of other things, or for a contract.
    ...NAMES.filter((name) => name !== "action_hash" && name !== "statement").map(
      (name) => (name === "epoch_id" ? sameTime : same)(
        `for ${name.replaceAll("_", " ")}`, bundle.context[name], wanted[name])),
    // Without it: a buffer of 0.
    same("buffer", bundle.inputs.get("buffer"), challenge.buffer),
  ];
  if (challenge.epochRoot !== null)          // without it: an epoch in which it suffices is looked for
    checks.push(same("epoch asked for", bundle.inputs.get("epoch_root"), challenge.epochRoot));
  return checks;
}

/** That the keeper whom a challenge names signed something, for all of its time. */
function examineWord(word, keeper, challenge, at, what) {
  let signed;
  try {
    word.requireSigned();
    signed = check(`signature of ${what}`, true, `by ${word.signer}`);
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    signed = check(`signature of ${what}`, false, error.value, error.bound);
  }
  return [signed, same(`signer of ${what}`, word.signer, keeper),
    check(`time of ${what}`, word.as_of <= at && challenge.until <= word.until,
      `${formatTime(word.as_of)} to ${formatTime(word.until)}`,
      `from ${formatTime(at)} or before, until ${formatTime(challenge.until)} or later`)];
}

/** A certificate against one's own challenge, key and epoch. */
export function examineSolvency(certificate, challenge, key, trust) {
  const { inputs } = certificate.bundle;
  const checks = [
    ...examineAnswer(certificate.bundle, challenge, key, trust),
    // Without it: what the custodian keeps for somebody else.
    same("holder", inputs.get("holder"), keptBy(challenge.custodian, challenge.account)),
    // Without them: a commitment to no positions, one to all the gold of the world.
    same("attestations", certificate.attestations.map((each) => each.kind).join(", "), "positions, collateral"),
  ];
  for (const word of certificate.attestations) {
    const positions = word.kind === "positions";
    const commitment = inputs.get(positions ? "portfolio_commitment" : "collateral_commitment");
    checks.push(
      ...examineWord(word, positions ? challenge.venue : challenge.custodian, challenge, trust.at, word.kind),
      same(`account of ${word.kind}`, word.account, challenge.account),
      same(`commitment of ${word.kind}`, word.commitment, commitment));
  }
  return checks;
}

/** A group's certificate. */
export function examineGroup(certificate, challenge, key, trust) {
  const { bundle, members } = certificate;
  const checks = [
    ...examineAnswer(bundle, challenge, key, trust),
    // Without it: a member with debts is left out.
    same("number of members", members.length, challenge.members.length),
  ];
  if (members.length !== challenge.members.length) return checks;
  const { netting } = statement(challenge.statement);
  const number = valuationOf(bundle, trust.epoch);
  // Without these: other members, what nobody attests, another epoch's balances, the better of two leaves.
  for (const [name, value] of publicOf(netting, challenge.members, members, number))
    checks.push((name === "epoch_number" ? sameTime : same)(name, bundle.inputs.get(name), value));
  challenge.members.forEach((asked, i) => {
    const { membership, balances } = members[i];
    const where = `${asked.account} on ${asked.protocol}`;
    const most = 8n ** BigInt(netting.balance_depth);
    checks.push(
      ...examineWord(membership, asked.protocol, challenge, trust.at, `membership of ${where}`),
      ...examineWord(balances, asked.protocol, challenge, trust.at, `balances of ${where}`),
      same(`account of ${where}`, membership.account, asked.account),
      // Without it: an account counted in two groups.
      same(`group of ${where}`, membership.group, challenge.account),
      // Without it: a place whose high bits fall on the next member's.
      check(`place of ${where}`, membership.place < most, membership.place, `below ${most}`),
      sameTime(`epoch of ${asked.protocol}`, balances.epoch_number, number));
  });
  return checks;
}

/** Public inputs that a challenge and what protocols signed determine; places that nobody has are empty. */
function publicOf(netting, asked, words, number) {
  const bits = BigInt(netting.place_bits);
  const places = words.reduce((sum, each, p) => sum + (each.membership.place << (bits * BigInt(p))), 0n);
  const found = [["epoch_number", number], ["places", places]];
  for (let p = 0; p < netting.places; p++) {
    const used = p < asked.length;
    found.push(
      [`member_${p}`, used ? keptBy(asked[p].protocol, asked[p].account) : NO_MEMBER],
      [`portfolio_commitment_${p}`, used ? words[p].membership.commitment : BigInt(netting.empty_commitment)],
      [`balance_root_${p}`, used ? words[p].balances.root : 0n]);
  }
  return found;
}

/** That named publishers signed an epoch. */
export function examineContent(signed, publishers, root) {
  const by = new Set();
  const checks = [];
  for (const one of signed) {
    let [holds, found] = [true, `by ${one.signer} for oracle ${one.oracle} on chain ${one.chain}`];
    try {
      one.requireSigned();
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      [holds, found] = [false, String(error.value)];
    }
    checks.push(check("publisher's signature", holds, found, "one of what it is said to be of"),
      same("epoch signed", one.root, root));
    if (holds && one.root === root) by.add(one.signer);
  }
  for (const publisher of publishers)
    checks.push(check("publisher", by.has(publisher), publisher, "among those who signed this epoch"));
  return checks;
}
