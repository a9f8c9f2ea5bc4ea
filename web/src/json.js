// Strict JSON, as `primitives/jsonio.py` reads and writes it: what is read is checked by name and bound.
//
// JSON.parse lets the last of two equal keys win and turns 3.0, 1e400 and 2**53 + 1 into other numbers. Here integers are
// BigInt, numbers with a point or an exponent are Decimal, objects are Map; all else is BadInput, which names the place.

export const LARGEST_EXACT = 2n ** 53n - 1n;
export const LARGEST_FILE = 64 << 20;
const DEEPEST = 100;
const MOST_DIGITS = 4300; // of an integer, as Python reads it

/** An input is malformed or out of bounds: field, value, bound, as `primitives.errors.BadInput`. */
export class BadInput extends Error {
  constructor(field, value, bound, source = null) {
    let shown = repr(value);
    if (shown.length > 100) shown = `${shown.slice(0, 60)} … ${shown.slice(-30)}`;
    super(`${source === null ? "" : `${source}: `}${field} is ${shown}: must be ${bound}`);
    Object.assign(this, { field, value, bound, source });
  }
}

/** A number with a point or an exponent; nothing that this page reads may be one. */
export class Decimal {
  constructor(text) {
    this.text = text;
  }
}

/** A value as Python shows it. */
export function repr(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof Decimal) return value.text;
  if (value instanceof Map)
    return `{${[...value].map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  if (typeof value !== "string") return String(value);
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [quote]: `\\${quote}` };
  return quote + value.replace(/[\\'"\p{C}]/gu, (c) => escapes[c] ?? (c === "'" || c === '"' ? c : escaped(c))) + quote;
}

function escaped(character) {
  const code = character.codePointAt(0);
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

// -- reading ----------------------------------------------------------------------------------------------------------
/** The document in the bytes of a file; a byte order mark before it is left out. */
export function parse(bytes, source = null) {
  if (bytes.length > LARGEST_FILE) throw new BadInput("file size", "too large", `at most ${LARGEST_FILE} bytes`, source);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BadInput("file", "other bytes", "valid UTF-8", source);
  }
  return new Reader(text, source).document();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
const SPACE = /[ \t\n\r]*/y;

class Reader {
  constructor(text, source) {
    Object.assign(this, { text, source, at: 0, depth: 0 });
  }

  document() {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) throw this.refuse("valid JSON (extra data)");
    return value;
  }

  refuse(bound) {
    const before = this.text.slice(0, this.at).split("\n");
    const place = `line ${before.length}, column ${before.at(-1).length + 1}`;
    return new BadInput(place, this.text.slice(this.at, this.at + 40), bound, this.source);
  }

  space() {
    this.token(SPACE);
  }

  token(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  value() {
    this.space();
    const first = this.text[this.at];
    if (first === "{") return this.nested(() => this.object());
    if (first === "[") return this.nested(() => this.array());
    if (first === '"') return this.string();
    for (const [word, value] of [["true", true], ["false", false], ["null", null]])
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    const found = this.token(NUMBER);
    if (!found) throw this.refuse("valid JSON, free of NaN and infinities");
    if (found[1] === undefined && found[2] === undefined) {
      if (found[0].length > MOST_DIGITS) throw this.refuse("made of numbers of ordinary size");
      return BigInt(found[0]);
    }
    if (!Number.isFinite(Number(found[0]))) throw this.refuse("free of numbers that no double can hold");
    return new Decimal(found[0]);
  }

  nested(read) {
    this.depth += 1;
    if (this.depth > DEEPEST) throw this.refuse(`at most ${DEEPEST} levels deep`);
    this.at += 1;
    const value = read();
    this.depth -= 1;
    return value;
  }

  string() {
    const found = this.token(STRING);
    if (!found) throw this.refuse("valid JSON (a string that ends, without control characters)");
    return JSON.parse(found[0]);
  }

  /** Whether a list goes on after an element; `close` ends it. */
  goesOn(close) {
    this.space();
    const next = this.text[this.at];
    if (next !== "," && next !== close) throw this.refuse(`valid JSON (',' or '${close}')`);
    this.at += 1;
    return next === ",";
  }

  empty(close) {
    this.space();
    if (this.text[this.at] !== close) return false;
    this.at += 1;
    return true;
  }

  array() {
    const values = [];
    if (this.empty("]")) return values;
    do values.push(this.value());
    while (this.goesOn("]"));
    return values;
  }

  object() {
    const members = new Map();
    if (this.empty("}")) return members;
    do {
      this.space();
      if (this.text[this.at] !== '"') throw this.refuse("valid JSON (a key in quotes)");
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ":") throw this.refuse("valid JSON (':')");
      this.at += 1;
      if (members.has(key)) throw new BadInput(`key ${repr(key)}`, "twice in one object", "given once", this.source);
      members.set(key, this.value());
    } while (this.goesOn("}"));
    return members;
  }
}

/** A place in a parsed document that knows its own name (`primitives.jsonio.Node`). */
export class Node {
  constructor(value, field = "document", source = null) {
    Object.assign(this, { value, field, source });
  }

  refuse(bound) {
    return new BadInput(this.field, this.value, bound, this.source);
  }

  get prefix() {
    return this.field === "document" ? "" : `${this.field}.`;
  }

  /** Members by key: all of `required`, any of `optional`, nothing else. */
  object(required, optional = []) {
    if (!(this.value instanceof Map)) throw this.refuse("an object");
    const known = [...required, ...optional].sort();
    for (const [key, value] of this.value)
      if (!known.includes(key))
        throw new BadInput(this.prefix + key, value, `absent: known are ${known.join(", ")}`, this.source);
    const missing = required.filter((key) => !this.value.has(key)).sort();
    if (missing.length)
      throw new BadInput(missing.map((key) => this.prefix + key).join(", "), null, "given", this.source);
    return Object.fromEntries(
      [...this.value].map(([key, value]) => [key, new Node(value, this.prefix + key, this.source)]));
  }

  /** Members of an object that says what it is; looked at first, since most often it is simply another file. */
  document(schema, required, optional = []) {
    if (this.value instanceof Map)
      new Node(this.value.get("schema"), `${this.prefix}schema`, this.source).choice([schema]);
    return this.object(["schema", ...required], optional);
  }

  array(low = 0, high = Infinity) {
    if (!Array.isArray(this.value)) throw this.refuse("an array");
    if (this.value.length < low || this.value.length > high) {
      const bound = high === Infinity ? `${low} or more` : `between ${low} and ${high}`;
      throw new BadInput(`length of ${this.field}`, this.value.length, bound, this.source);
    }
    return this.value.map((value, i) => new Node(value, `${this.field}[${i}]`, this.source));
  }

  /** A JSON integer in [low, high], BigInts; 3.0 is none, true is none. */
  integer(low, high) {
    if (typeof this.value !== "bigint" || this.value < low || this.value > high)
      throw this.refuse(`an integer in [${low}, ${high}]`);
    return this.value;
  }

  /** An integer in [low, high] as a decimal string in its one shortest form. */
  decimal(low, high) {
    const fits = typeof this.value === "string" && /^(?:0|-?[1-9][0-9]{0,99})$/.test(this.value);
    if (!fits || BigInt(this.value) < low || BigInt(this.value) > high)
      throw this.refuse(`a decimal string in [${low}, ${high}]`);
    return BigInt(this.value);
  }

  choice(options) {
    if (typeof this.value !== "string" || !options.includes(this.value))
      throw this.refuse(`one of ${[...options].sort().join(", ")}`);
    return this.value;
  }

  boolean() {
    if (typeof this.value !== "boolean") throw this.refuse("true or false");
    return this.value;
  }

  /** A string that a regular expression, with ^ and $, matches from end to end. */
  text(pattern = /^[^]*$/, meaning = "a string") {
    if (typeof this.value !== "string" || !pattern.test(this.value)) throw this.refuse(meaning);
    return this.value;
  }
}

// -- writing ----------------------------------------------------------------------------------------------------------
/** Text for people and files: sorted keys, indent of two, a newline at the end. */
export function dumps(value) {
  return `${written(value, "\n", "  ", ": ")}\n`;
}

/** The one encoding to take digests of: keys sorted, no spaces. */
export function canonical(value) {
  return new TextEncoder().encode(written(value, "", "", ":"));
}

function written(value, line, indent, colon) {
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") throw new TypeError("integers are BigInt here");
  const inner = line + indent;
  if (Array.isArray(value))
    return value.length ? `[${inner}${value.map((item) => written(item, inner, indent, colon)).join(`,${inner}`)}${line}]`
      : "[]";
  const keys = Object.keys(value).sort(byCodePoint);
  if (!keys.length) return "{}";
  const members = keys.map((key) => quoted(key) + colon + written(value[key], inner, indent, colon));
  return `{${inner}${members.join(`,${inner}`)}${line}}`;
}

/** A string as Python quotes it with ensure_ascii=False: a lone surrogate stays, and is then no UTF-8. */
function quoted(text) {
  if (!text.isWellFormed()) throw new BadInput("text", text, "valid Unicode");
  return JSON.stringify(text);
}

function byCodePoint(a, b) {
  const [x, y] = [a, b].map((text) => [...text].map((c) => c.codePointAt(0)));
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i] - y[i];
  return x.length - y.length;
}
