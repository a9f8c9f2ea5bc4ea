// From files to a verdict: which file is what, what is still missing, and what a bundle or a certificate shows. The
// verdicts are those of `tailproof verify`, `solvency verify` and `netting verify`, in their words.

import { audit, examineContent, examineGroup, examineSolvency } from "./audit.js";
import { readBundle, readKeyNote, SCHEMA as BUNDLE } from "./bundle.js";
import { GROUP, readCertificate, SOLVENCY } from "./certificate.js";
import { readChallenge } from "./challenge.js";
import { COLUMNS } from "./arrays.js";
import { FULL, GRID, readClaim, recomputedClaim, SOURCES } from "./epoch.js";
import { readKey } from "./groth16.js";
import { BadInput, Node, parse } from "./json.js";
import { formatMoney, formatTime, moment, numberText, percent, readElement } from "./numbers.js";
import { readSignedContent } from "./signed.js";
import { facts, statement } from "./statements.js";

/** What a file may be, by its schema: the part that it plays, and what people call it. */
const PARTS = {
  [BUNDLE]: "proof", [SOLVENCY]: "proof", [GROUP]: "proof", "tailproof.challenge/1": "challenge",
  "tailproof.key/1": "note", [FULL]: "epoch", [GRID]: "epoch", "tailproof.epoch-signature/1": "content",
};
export const CALLED = {
  proof: "bundle or certificate", key: "verification key", note: "what the key is for (key.json)",
  epoch: "epoch manifest", layout: "manifest of the epoch's arrays", arrays: "its arrays", sources: "its sources",
  challenge: "your challenge", content: "a publisher's signature",
};
const SECRET = /^tailproof\.(opening|wallet|sealed-bid|fills|collateral-opening|member-opening|member-balances|identity|share|dealer)\//;

/** What one file is: {part, name, node, bytes}; raises BadInput for what this page has no use for. */
export function recognised(name, bytes) {
  const column = COLUMNS.find((each) => name === `${each}.npy` || name.endsWith(`/${each}.npy`));
  if (column !== undefined) return { part: column, name, bytes };
  const source = sourceOf(name);
  if (source !== undefined) return { part: source, name: SOURCES[source], bytes };
  const value = parse(bytes, name);
  const node = new Node(value, "document", name);
  if (!(value instanceof Map)) throw node.refuse("an object");
  const schema = value.get("schema");
  if (schema === undefined && value.has("IC")) return { part: "key", name, node, bytes };
  if (schema === undefined && value.has("pi_a"))
    throw new BadInput("file", "a bare proof", "the bundle or certificate that it is in, which says what it is of", name);
  if (typeof schema === "string" && SECRET.test(schema))
    throw new BadInput("file", schema, "none of your secrets: this page needs no opening, and has not kept it", name);
  if (schema === "tailproof.batch/1")
    throw new BadInput("file", schema, "a bundle or a certificate: a batch's command is `tailproof batch verify`", name);
  if (typeof schema !== "string" || !Object.hasOwn(PARTS, schema))
    throw new BadInput("schema", schema ?? null, `of what is verified here: ${Object.keys(PARTS).join(", ")}, or a `
      + "verification key of snarkjs", name);
  return { part: schema === FULL && ofGrid(value) ? "layout" : PARTS[schema], name, node, bytes };
}

/** Which source of an epoch a file is, by its path in the epoch's folder; undefined: none. */
export function sourceOf(path) {
  return Object.keys(SOURCES).find((each) => path === SOURCES[each] || path.endsWith(`/${SOURCES[each]}`));
}

/** Whether a manifest is of the arrays of a grid's epoch, whose tail says nothing. */
function ofGrid(manifest) {
  const shape = manifest.get("shape");
  return shape instanceof Map && shape.get("tail") === "1/1";
}

/**
 * Files by the part that they play; of two of one part the later counts, but of signatures, which are many.
 * `arrays` is true where all arrays of the epoch are there, with their own manifest; `sources` are then those that are.
 */
export function byPart(files) {
  const found = { content: [] };
  for (const file of files)
    if (file.part === "content") found.content.push(file);
    else found[file.part] = file;
  found.manifest = found.epoch && onGrid(found.epoch) ? found.layout : found.epoch;
  found.arrays = found.manifest !== undefined && COLUMNS.every((name) => found[name] !== undefined);
  const sources = Object.keys(SOURCES).filter((name) => found[name] !== undefined);
  found.sources = found.arrays && sources.length > 0 ? Object.fromEntries(sources.map((name) => [name, found[name]])) : undefined;
  return found;
}

function onGrid(epoch) {
  return epoch.node.value.get("schema") === GRID;
}

const claims = new WeakMap();

/** The claim of the epoch that was brought, recomputed from its arrays where they are there; kept by their files. */
async function claimOf(parts, progress) {
  if (!parts.epoch) return null;
  if (!parts.arrays) return once(parts.epoch, readClaim);
  const sources = parts.sources ?? {};
  const all = [parts.epoch, parts.manifest, ...COLUMNS.map((name) => parts[name]), ...Object.values(sources)];
  const kept = claims.get(parts.manifest.bytes);
  if (kept?.all.length === all.length && kept.all.every((file, i) => file.bytes === all[i].bytes)) return kept.claim;
  const claim = await recomputedClaim({
    manifest: parts.manifest.node, grid: onGrid(parts.epoch) ? parts.epoch.node : null,
    files: Object.fromEntries(COLUMNS.map((name) => [name, parts[name]])), sources,
  }, progress);
  claims.set(parts.manifest.bytes, { all, claim });
  return claim;
}

/** Parts without which there is no verdict, in the words of `CALLED`. */
export function missing(parts) {
  const answers = parts.proof && parts.proof.node.value.get("schema") !== BUNDLE;
  const without = parts.proof && !answers && [undefined, "flat"].includes(kindOf(parts.proof));
  return ["proof", "key", ...(without ? [] : ["epoch"]), ...(answers ? ["challenge"] : [])].filter((part) => !parts[part]);
}

/** Of a bundle; undefined where its statement is none, which is refused whatever else is there. */
function kindOf(proof) {
  const name = proof.node.value.get("statement");
  return typeof name === "string" && Object.hasOwn(facts.statements, name) ? facts.statements[name].kind : undefined;
}

/**
 * The verdict on what was brought.
 *
 * parts : of `byPart`, none `missing`.  asked : {commitment, publishers, at}: the registered commitment as text, or
 * null; addresses of publishers who must have signed; Unix seconds.  progress : told how many leaves of how many are
 * hashed, and awaited.
 *
 * Returns {verdict: "held" | "false" | "bad input", data, ...}; `data` is what the command prints with --json.
 */
export async function judged(parts, { commitment = null, publishers = [], at }, progress) {
  try {
    const answers = parts.proof.node.value.get("schema") !== BUNDLE;
    const epoch = await claimOf(parts, progress);
    const found = answers ? judgedAnswer(parts, epoch, publishers, at) : judgedBundle(parts, epoch, commitment);
    return { verdict: found.data.holds ? "held" : "false", ...found };
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    return { verdict: "bad input", error: error.message, data: { field: error.field } };
  }
}

const known = new Map();
const MOST_KNOWN = 8;

/** What a file says, read once: a key takes longer than a pairing, and an epoch's root almost as long. */
function once(file, read) {
  const name = file.part + new TextDecoder().decode(file.bytes);
  if (!known.has(name)) {
    const found = read(file.node);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(name, found);
  }
  return known.get(name);
}

function keyOf({ key, note }) {
  const found = once(key, readKey);
  const said = note === undefined ? null : readKeyNote(note.node);
  if (said !== null && said.key_digest !== found.digest)
    throw new BadInput("key digest", found.digest, `${said.key_digest}, which key.json names`, key.name);
  if (said !== null && said.insecure !== found.insecure)
    throw new BadInput("setup", said.insecure, `as in ${key.name}`, note.name);
  return [found, said];
}

function marks(key, epoch) {
  return [...(key.insecure ? [facts.words.insecure] : []), ...(epoch !== null && epoch.trial ? [facts.words.trial] : [])];
}

/** Remarks whose condition holds. */
function told(remarks) {
  return remarks.filter(([unchecked]) => unchecked).map(([, remark]) => remark);
}

const NO_NOTE = "That the key is for this statement is unchecked: a key directory says what its key is for.";
const NO_TIME = "Of when the epoch's prices are is the holder's word: give the epoch directory, which says it.";
const NO_TIME_OF_BALANCES = "Of when the epoch's prices are, and that balances are of then, is the holder's word: give the "
  + "epoch directory, which says it.";
const NO_PURPOSE = "Whether the epoch is a TRIAL, whose seed somebody chose, is unchecked: give the epoch directory, which "
  + "says it.";
const NO_LEAVES = "The root is the manifest's own: give the epoch directory to recompute it.";

// -- a bundle ---------------------------------------------------------------------------------------------------------
function judgedBundle(parts, epoch, commitment) {
  const bundle = readBundle(parts.proof.node);
  const { kind } = statement(bundle.statement, parts.proof.name);
  if (!facts.words.bundles.includes(kind))
    throw new BadInput("statement", bundle.statement, `of ${facts.words.bundles.join(", ")}: this one's command is \`${
      facts.words.commands[kind]}\``, parts.proof.name);
  const [key, note] = keyOf(parts);
  if (kind === "flat" && parts.epoch)
    throw new BadInput("--epoch", parts.epoch.name, "absent: what holds nothing holds nothing in every epoch");
  const wanted = commitment === null ? null : readElement(new Node(commitment, "--commitment"), 1n);
  const checks = audit(bundle, key, { epoch, note, commitment: wanted });
  const holds = checks.every((check) => check.holds);
  const { context } = bundle;
  const [claimed, said] = claim(bundle, kind, epoch === null ? null : epoch.quote);
  const trust = told([
    [wanted === null, "The commitment is the bundle's own: compare it with the contract's (--commitment)."],
    [note === null, NO_NOTE],
    [epoch !== null && !epoch.recomputed, NO_LEAVES],
    [epoch !== null && epoch.trial === null, NO_PURPOSE],
    [kind === "cover", "That the vault holds this value is unchecked: the contract knows (vault balance)."],
  ]);
  const where = kind === "flat" ? "" : ` in epoch ${moment(context.epoch_id)}`;
  return {
    checks, trust, marks: marks(key, epoch), notShown: facts.words.not_shown.bundle,
    said: `${said} of account ${context.account}${where}, for contract ${context.manager} on chain ${context.chain_id}`,
    facts: [
      ["statement", bundle.statement], ["account", context.account],
      ...(kind === "flat" ? [] : [["epoch", moment(context.epoch_id)]]),
      ["contract", `${context.manager} on chain ${context.chain_id}`],
      ["commitment", bundle.inputs.get("portfolio_commitment")],
      ...(epoch === null ? [] : [["epoch root", epoch.root]]), ["key", key.digest],
    ],
    data: {
      statement: bundle.statement, ...claimed, account: context.account, epoch_id: context.epoch_id,
      insecure_setup: key.insecure, trial_epoch: epoch === null ? null : epoch.trial, taken_on_trust: trust, checks, holds,
    },
  };
}

/** What a bundle claims, for machines and in words before "of account". */
function claim(bundle, kind, quote) {
  const unit = quote ?? "quote units";
  if (kind === "margin") {
    const margin = bundle.inputs.get("margin");
    return [{ margin: numberText(margin) }, `margin ${formatMoney(margin)} ${unit}`];
  }
  if (kind === "flat") return [{}, "nothing is held, cash included, by the commitment"];
  const packed = bundle.inputs.get("claim");
  if (packed >= 1n << 145n) throw new BadInput("claim", packed, `an integer in [0, ${(1n << 145n) - 1n}]`);
  const [value, buffer, covered] = [packed % (1n << 128n), (packed >> 128n) & 0xffffn, packed >> 144n === 1n];
  if (value >= 1n << 96n) throw new BadInput("value", value, `an integer in [0, ${(1n << 96n) - 1n}]`);
  return [{ value: String(value), buffer, covered }, `collateral of ${formatMoney(value)} ${unit} ${
    covered ? "covers" : "falls short of"} the hidden margin and ${percent(buffer)} %`];
}

// -- a certificate ----------------------------------------------------------------------------------------------------
function judgedAnswer(parts, epoch, publishers, at) {
  const certificate = readCertificate(parts.proof.node, parts.proof.bytes);
  const challenge = readChallenge(parts.challenge.node);
  const [key, note] = keyOf(parts);
  const contents = parts.content.map((each) => readSignedContent(each.node));
  if (certificate.kind !== challenge.kind)
    throw new BadInput("statement", challenge.statement, `a ${certificate.kind} statement: ${certificate.kind}-…`,
      parts.challenge.name);
  if ((contents.length > 0) !== publishers.length > 0)
    throw new BadInput("--content and --publisher", [contents.length, publishers.length], "given together: signatures, "
      + "and who must have signed");
  const examine = certificate.kind === "solvency" ? examineSolvency : examineGroup;
  const checks = [...examine(certificate, challenge, key, { epoch, note, at }),
    ...examineContent(contents, publishers, epoch.root)];
  const holds = checks.every((check) => check.holds);
  const netting = certificate.kind === "netting";
  const trust = told([
    [note === null, NO_NOTE],
    [!epoch.recomputed, NO_LEAVES],
    [true, "That the epoch's scenarios and factors follow from its sources is unchecked: tailproof epoch check."],
    [!contents.length, "That anybody published this epoch is unchecked (--content, --publisher)."],
    [epoch.valuation === null, netting ? NO_TIME_OF_BALANCES : NO_TIME],
    [epoch.trial === null, NO_PURPOSE],
    [epoch.valuation !== null, `Whether prices of ${formatTime(epoch.valuation ?? 0n)} are young enough at ${
      formatTime(at)} is for you to say.`],
  ]);
  const margin = netting ? certificate.bundle.inputs.get("margin") : null;
  const shown = inWords(challenge, epoch, margin);
  const notShown = facts.words.not_shown[certificate.kind];
  return {
    checks, trust, marks: marks(key, epoch), notShown, said: shown,
    facts: [
      ["statement", challenge.statement], ["asked by", challenge.asker], ["account", challenge.account],
      ["until", formatTime(challenge.until)], ["buffer", `${percent(challenge.buffer)} %`],
      ["epoch root", epoch.root], ["key", key.digest], ["checked at", formatTime(at)],
    ],
    data: {
      statement: challenge.statement, account: challenge.account, asker: challenge.asker, buffer: challenge.buffer,
      until: challenge.until, at, epoch_root: numberText(epoch.root), ...(margin === null ? {} : { margin: numberText(margin) }),
      insecure_setup: key.insecure, trial_epoch: epoch.trial, shown: holds ? shown : null, not_shown: notShown,
      taken_on_trust: trust, checks, holds,
    },
  };
}

/** What a certificate that holds shows. */
function inWords(challenge, epoch, margin) {
  const when = epoch.valuation === null ? "" : `, valued at ${formatTime(epoch.valuation)}`;
  const end = `${percent(challenge.buffer)} % more, under epoch ${numberText(epoch.root)}${when}. Asked by ${challenge.asker}.`;
  if (margin === null)
    return `What ${challenge.custodian} attests to keep for ${challenge.account}, counted by the epoch's factors and `
      + `less debts, is at least the margin of the positions that ${challenge.venue} attests, and ${end}`;
  const members = challenge.members.map((member) => `${member.account} on ${member.protocol}`).join(", ");
  return `The margin of all positions together that protocols attest of ${members} is ${formatMoney(margin)} ${
    epoch.quote ?? "quote units"}; what these protocols attest to keep for them, counted by the epoch's factors and `
    + `less debts, is at least that and ${end}`;
}
