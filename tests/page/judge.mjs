// Verdicts of the page's own code without a browser: requests on stdin, one JSON object a line, answers on stdout.
//
// {"files": [path, ...], "at": seconds, "commitment": text, "publishers": [...]} -> {"verdict", "data", "error"}
// {"poseidon": [tag, [element, ...]]} -> {"hash": text}

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { hash } from "../../web/src/hashes.js";
import { dumps } from "../../web/src/json.js";
import { verdict } from "../../web/src/verdict.js";

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.poseidon) {
    const [tag, elements] = asked.poseidon;
    console.log(JSON.stringify({ hash: String(hash(BigInt(tag), elements.map(BigInt))) }));
  } else {
    const files = asked.files.map((path) => ({ name: path, bytes: new Uint8Array(readFileSync(path)) }));
    const { verdict: found, data = {}, error = null, needed = [] } = await verdict(files, { ...asked, at: BigInt(asked.at ?? 0) });
    console.log(dumps({ verdict: found, data, error, needed }).replaceAll("\n", ""));
  }
}
