// Groth16 over BN254: points, keys and proofs as snarkjs writes them, and the pairing check. The curve, its pairing and
// its arithmetic are @noble/curves; what a key must satisfy is `prover/groth16/keys.py` and `relations.py`.

import { FpInvertBatch } from "@noble/curves/abstract/modular.js";
import { bn254 } from "@noble/curves/bn254.js";
import { BadInput, repr } from "./json.js";
import { keccak } from "./hashes.js";
import { hex, joined, R, word } from "./numbers.js";

const { Fp, Fp2, Fp12 } = bn254.fields;
const Q = Fp.ORDER;
const MOST_PUBLIC = 65536n;
const SECRET_BOUND = 1 << 16;
export const INSECURE = "insecure-single-party";
const B = { G1: Fp.create(3n), G2: Fp2.div(Fp2.fromBigTuple([3n, 0n]), Fp2.fromBigTuple([9n, 1n])) };
const GROUPS = { G1: bn254.G1.Point, G2: bn254.G2.Point };
const FIELDS = { G1: Fp, G2: Fp2 };

// -- reading ----------------------------------------------------------------------------------------------------------
function kind(fields) {
  for (const [name, expected] of [["protocol", "groth16"], ["curve", "bn128"]])
    if (name in fields && fields[name].value !== expected)
      throw new BadInput(name, fields[name].value, repr(expected), fields[name].source);
}

function g1(node) {
  const [x, y, z] = node.array(3, 3);
  z.decimal(1n, 1n);
  return { x: x.decimal(0n, Q - 1n), y: y.decimal(0n, Q - 1n) };
}

function g2(node) {
  const [x, y, z] = node.array(3, 3).map((part) => part.array(2, 2).map((each) => each.decimal(0n, Q - 1n)));
  if (z[0] !== 1n || z[1] !== 0n) throw new BadInput(`${node.field}[2]`, z, "[1, 0]", node.source);
  return { x: Fp2.fromBigTuple(x), y: Fp2.fromBigTuple(y) };
}

/** A finite point of the group: refuses the point at infinity, one off the curve or outside the subgroup. */
function point(group, name, { x, y }, source) {
  const field = FIELDS[group];
  if (field.is0(x) && field.is0(y))
    throw new BadInput(name, "the point at infinity", `a finite point of ${group}`, source);
  if (!field.eql(field.sqr(y), field.add(field.mul(field.sqr(x), x), B[group])))
    throw new BadInput(name, shown({ x, y }), `on the curve of ${group}`, source);
  const made = GROUPS[group].fromAffine({ x, y });
  if (group === "G2" && !made.isTorsionFree())
    throw new BadInput(name, shown({ x, y }), "in the subgroup of order r", source);
  return made;
}

function shown({ x, y }) {
  return [x, y].map((part) => (typeof part === "bigint" ? part : [part.c0, part.c1]));
}

/** The proof at a place in a document; points on their curve and in their group. */
export function readProof(node) {
  const fields = node.object(["pi_a", "pi_b", "pi_c", "protocol"], ["curve"]);
  kind(fields);
  const [a, b, c] = [g1(fields.pi_a), g2(fields.pi_b), g1(fields.pi_c)];
  return {
    a: point("G1", "pi_a", a, node.source), b: point("G2", "pi_b", b, node.source),
    c: point("G1", "pi_c", c, node.source),
    json: {
      pi_a: [String(a.x), String(a.y), "1"], pi_c: [String(c.x), String(c.y), "1"], protocol: "groth16", curve: "bn128",
      pi_b: [[String(b.x.c0), String(b.x.c1)], [String(b.y.c0), String(b.y.c1)], ["1", "0"]],
    },
  };
}

/** A verification key: one that is returned has passed every check that needs no secret. */
export function readKey(node) {
  const { source } = node;
  const fields = node.object(
    ["protocol", "curve", "nPublic", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "IC"],
    ["vk_alphabeta_12", "setup"]);
  kind(fields);
  if ("vk_alphabeta_12" in fields)
    for (const half of fields.vk_alphabeta_12.array(2, 2))
      for (const coordinate of half.array(3, 3)) for (const part of coordinate.array(2, 2)) part.decimal(0n, Q - 1n);
  if ("setup" in fields) fields.setup.choice([INSECURE]);
  const inputs = Number(fields.nPublic.integer(0n, MOST_PUBLIC));
  const ic = fields.IC.array(inputs + 1, inputs + 1).map(g1);
  const [alpha, beta, gamma, delta] = [g1(fields.vk_alpha_1), ...["beta", "gamma", "delta"].map(
    (name) => g2(fields[`vk_${name}_2`]))];
  const key = {
    alpha: point("G1", "alpha", alpha, source), beta: point("G2", "beta", beta, source),
    gamma: point("G2", "gamma", gamma, source), delta: point("G2", "delta", delta, source),
  };
  requireUnrelatedSecrets(key, source);
  key.ic = ic.map((each, i) => point("G1", `IC[${i}]`, each, source));
  if (new Set(ic.map(({ x }) => x)).size < ic.length)
    throw new BadInput("IC", "two equal or opposite points", "different, or inputs could be exchanged", source);
  if (Fp2.eql(delta.x, GROUPS.G2.BASE.x))
    throw new BadInput("delta", "the generator", "contributed to: this is the key of an unfinished ceremony", source);
  const bytes = [alpha, beta, gamma, delta, ...ic].flatMap(({ x, y }) => [...encoded(x), ...encoded(y)]);
  return { ...key, public: inputs, insecure: "setup" in fields, digest: `0x${hex(keccak(joined(bytes)))}` };
}

/** A coordinate as EIP-197 encodes it: the imaginary part first. */
function encoded(part) {
  return typeof part === "bigint" ? [word(part)] : [word(part.c1), word(part.c0)];
}

// -- what a key's secrets must not be to each other -------------------------------------------------------------------
function requireUnrelatedSecrets({ alpha, beta, gamma, delta }, source) {
  const one = GROUPS.G2.BASE;
  unrelated("alpha", alpha, "the generator", GROUPS.G1.BASE, source);
  unrelated("beta", beta, "the generator", one, source);
  if (!delta.equals(one)) {
    unrelated("delta", delta, "gamma", gamma, source);
    unrelated("beta", beta, "delta", delta, source);
  }
  if (!gamma.equals(one)) {
    unrelated("beta", beta, "gamma", gamma, source);
    if (!delta.equals(one)) unrelated("delta", delta, "the generator", one, source);
  }
}

function unrelated(pName, p, qName, q, source) {
  for (const [ratio, told] of [[smallRatio(p, q), (k) => `${k} times ${qName}`],
    [smallRatio(q, p), (k) => `1/${k} times ${qName}`]])
    if (ratio !== null)
      throw new BadInput(pName, told(ratio), `independent of ${qName}: whoever knows their ratio can forge proofs, and `
        + `none with |k| <= ${SECRET_BOUND} was drawn at random`, source);
}

const stepsOf = new Map();

/** Baby steps by x, and giant steps, of one point [Shanks 1971]. */
function steps(q) {
  const { x, y } = q.toAffine();
  const name = place(x) + place(y);
  if (!stepsOf.has(name)) {
    const m = Math.floor(Math.sqrt(SECRET_BOUND));
    const stride = 2 * m + 1;
    const babies = multiples(q, m);
    const giants = multiples(q.multiplyUnsafe(BigInt(stride)), Math.ceil((SECRET_BOUND - m) / stride));
    if (stepsOf.size > 16) stepsOf.clear();
    stepsOf.set(name, { places: new Map(babies.map((each, i) => [place(each.x), i + 1])), stride, giants });
  }
  return stepsOf.get(name);
}

function fieldOf(point) {
  return point instanceof GROUPS.G1 ? Fp : Fp2;
}

/** 1 to `count` times a point, doubling how many are known at every step; affine, one inversion a step. */
function multiples(point, count) {
  const f = fieldOf(point);
  const known = [point.toAffine()];
  while (known.length < count) {
    const last = known.at(-1);
    const others = known.slice(0, -1);
    const inverses = FpInvertBatch(f, others.map((other) => f.sub(last.x, other.x)));
    const sums = others.map((other, i) => {
      const slope = f.mul(f.sub(last.y, other.y), inverses[i]);
      const x = f.sub(f.sub(f.sqr(slope), last.x), other.x);
      return { x, y: f.sub(f.mul(slope, f.sub(last.x, x)), last.y) };
    });
    known.push(...sums, point.constructor.fromAffine(last).double().toAffine());
  }
  return known.slice(0, count);
}

function place(x) {
  return typeof x === "bigint" ? String(x) : `${x.c0},${x.c1}`;
}

/** The k with p = k q and |k| <= SECRET_BOUND, or null: the x of p ± j s is looked up among those of the i q. */
function smallRatio(p, q) {
  const f = fieldOf(p);
  const { places, stride, giants } = steps(q);
  const { x, y } = p.toAffine();
  const candidates = [];
  if (places.has(place(x))) candidates.push(places.get(place(x)));
  const inverses = FpInvertBatch(f, giants.map((giant) => f.sub(giant.x, x)), true);
  giants.forEach((giant, j) => {
    const far = (j + 1) * stride;
    if (f.eql(giant.x, x)) return candidates.push(far);
    for (const other of [giant.y, f.neg(giant.y)]) {
      const slope = f.mul(f.sub(other, y), inverses[j]);
      const near = places.get(place(f.sub(f.sub(f.sqr(slope), x), giant.x)));
      if (near !== undefined) candidates.push(far + near, far - near);
    }
  });
  for (const candidate of candidates)
    for (const k of [candidate, -candidate]) {
      const multiple = q.multiplyUnsafe(BigInt(candidate));
      if ((k < 0 ? multiple.negate() : multiple).equals(p) && candidate <= SECRET_BOUND) return k;
    }
  return null;
}

// -- verifying --------------------------------------------------------------------------------------------------------
/** Whether e(A, B) = e(α, β) e(L, γ) e(C, δ), L = Σ x_i IC_i, x_0 = 1 [Groth16, section 3.2]. */
export function verify(key, inputs, proof) {
  if (inputs.length !== key.public) throw new BadInput("public inputs", inputs.length, `${key.public} of them`);
  let sum = key.ic[0];
  inputs.forEach((input, i) => {
    if (input < 0n || input >= R) throw new BadInput(`public[${i}]`, input, "an integer in [0, r)");
    sum = sum.add(key.ic[i + 1].multiplyUnsafe(input));
  });
  const pairs = [[proof.a.negate(), proof.b], [key.alpha, key.beta], [proof.c, key.delta]];
  if (!sum.is0()) pairs.push([sum, key.gamma]);
  return Fp12.eql(bn254.pairingBatch(pairs.map(([left, right]) => ({ g1: left, g2: right }))), Fp12.ONE);
}

/** A pairing of nothing in particular, and what is looked for in a key. */
export function warm() {
  const { G1, G2 } = GROUPS;
  const scalar = BigInt(`0x${hex(keccak(new Uint8Array(0)))}`) % R;
  const far = G2.BASE.multiplyUnsafe(scalar);
  far.isTorsionFree();
  unrelated("", far, "", G2.BASE, null);
  bn254.pairingBatch([{ g1: G1.BASE.multiplyUnsafe(scalar), g2: far }]);
}
