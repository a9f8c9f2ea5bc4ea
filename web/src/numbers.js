// Amounts, times, hex and addresses, in the one form that each has.

import { BadInput } from "./json.js";
import { keccak } from "./hashes.js";

export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
/** The order of both groups of BN254, and of the scalar field. */
export const LATEST = 2n ** 40n - 1n;

const UNIT = 10n ** 6n;

/** The shortest decimal text of 10**-6 quote units. */
export function formatMoney(units) {
  const size = units < 0n ? -units : units;
  const places = String(size % UNIT).padStart(6, "0").replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${size / UNIT}${places ? `.${places}` : ""}`;
}

/** Money units from decimal text with at most six places, not negative (`risk.exact.money.parse_money`). */
export function parseMoney(node, high) {
  const found = typeof node.value === "string" && /^-?(0|[1-9][0-9]{0,39})(?:\.([0-9]{1,40}))?$/.exec(node.value);
  if (!found) throw node.refuse('a decimal in quotes, such as "29001.72"');
  const places = (found[2] ?? "").replace(/0+$/, "");
  if (places.length > 6) throw node.refuse("exact in 6 decimal places");
  const units = BigInt(found[1]) * UNIT + BigInt(places.padEnd(6, "0"));
  const signed = node.value.startsWith("-") ? -units : units;
  if (signed < 0n || signed > high) throw node.refuse(`between 0 and ${formatMoney(high)}`);
  return signed;
}

const LAST = 253_402_300_799n;

/** Unix seconds as 2021-03-26T08:00:00Z; after the year 9999, the seconds. */
export function formatTime(seconds) {
  if (BigInt(seconds) > LAST) return `${seconds} s after 1970`;
  return new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, "Z");
}

/** A field element, or another word of up to 256 bits: 0x and 64 digits, as `tailproof/number_forms.py` has it. */
export function inHex(value) {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

/** A number, or a text with numbers, as text: from 2^128 on, where no amount, count or time is, in hex. */
export function numberText(value) {
  return String(value).replace(/(?<![0-9A-Za-z_.+-])[1-9][0-9]{38,77}(?![0-9A-Za-z_])(?!\.[0-9])/g, (digits) => {
    const number = BigInt(digits);
    return number >= 2n ** 128n && number < 2n ** 256n ? inHex(number) : digits;
  });
}

/** A field element in [low, R) as it is shown, 0x…, or in decimal as files have it. */
export function readElement(node, low) {
  const fits = typeof node.value === "string" && /^(0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64})$/.test(node.value);
  if (!fits || BigInt(node.value) < low || BigInt(node.value) >= R)
    throw node.refuse(`a number in [${low}, ${R - 1n}], as 0x and hex digits or in decimal`);
  return BigInt(node.value);
}

/** Unix seconds with their date. */
export function moment(seconds) {
  return BigInt(seconds) === 0n ? "never" : BigInt(seconds) > LAST ? String(seconds) : `${seconds} (${formatTime(seconds)})`;
}

/** Unix seconds of what `formatTime` wrote. */
export function parseTime(node) {
  const text = node.value;
  const bound = 'a time in UTC from 1970 on, such as "2021-03-26T08:00:00Z"';
  if (typeof text !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(text))
    throw node.refuse(bound);
  const milliseconds = Date.parse(text);
  if (!(milliseconds >= 0) || formatTime(BigInt(milliseconds) / 1000n) !== text) throw node.refuse(bound);
  return BigInt(milliseconds) / 1000n;
}

/** Basis points as per cent. */
export function percent(points) {
  return String(Number(points) / 100);
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** 32 bytes, big endian. */
export function word(value) {
  return fromHex(BigInt(value).toString(16).padStart(64, "0"));
}

export function integer(bytes) {
  return bytes.length ? BigInt(`0x${hex(bytes)}`) : 0n;
}

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

// -- addresses --------------------------------------------------------------------------------------------------------
/** 20 bytes with the checksum of EIP-55. */
export function address(bytes) {
  const digits = hex(bytes);
  const nibbles = hex(keccak(utf8(digits)));
  return `0x${Array.from(digits, (c, i) => (parseInt(nibbles[i], 16) >= 8 ? c.toUpperCase() : c)).join("")}`;
}

/** An address from JSON; in mixed case, its checksum must be right. */
export function readAddress(node) {
  const text = node.text(/^0x[0-9a-fA-F]{40}$/, "an address: 0x and 40 hex digits");
  const made = address(fromHex(text.slice(2)));
  const digits = text.slice(2);
  if (digits !== digits.toLowerCase() && digits !== digits.toUpperCase() && text !== made)
    throw node.refuse(`an address with the right checksum, as in ${made}`);
  return made;
}

/** An address as a word of the ABI. */
export function addressWord(text) {
  return joined([new Uint8Array(12), fromHex(text.slice(2))]);
}

export function readBytes32(node) {
  return fromHex(node.text(/^0x[0-9a-f]{64}$/, "0x and 64 lower-case hex digits").slice(2));
}

export function requireBytes(field, given, count) {
  if (given.length !== count) throw new BadInput(field, `0x${hex(given)}`, `${count} bytes`);
}
