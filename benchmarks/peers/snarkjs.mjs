// snarkjs beside Tailproof, in process: files are read once, then proofs are timed.
// Usage: node snarkjs.mjs circuit.zkey witness.wtns repeat      prints {"prove": s, "verify": s}, medians
import { readFileSync } from "node:fs";
import { groth16, zKey } from "snarkjs";

const [zkeyPath, wtnsPath, repeat] = process.argv.slice(2);
const memory = (path) => ({ type: "mem", data: new Uint8Array(readFileSync(path)) });

async function median(count, action) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await action();
    times.push((performance.now() - start) / 1000);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}

const zkey = memory(zkeyPath), wtns = memory(wtnsPath);
const key = await zKey.exportVerificationKey(zkey);
let made;
const prove = await median(Number(repeat), async () => { made = await groth16.prove(zkey, wtns); });
const verify = await median(5, async () => {
  if (!(await groth16.verify(key, made.publicSignals, made.proof))) throw new Error("snarkjs refuses its own proof");
});
console.log(JSON.stringify({ prove, verify }));
process.exit(0);
