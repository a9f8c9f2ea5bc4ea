// snarkjs's command line for tests, many commands in one process: {"words", "folder"} on a line of stdin, {"code",
// "said"} on a line of stdout. In processes of their own, each spends most of its time starting threads for the curve.
//
// The command line itself is run, anew for each command: it reads process.argv, prints, and ends by process.exit.
"use strict";
const { createInterface } = require("node:readline");

const [, , cli] = process.argv;
const answer = process.stdout.write.bind(process.stdout);
let said = "";
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text) => {
    said += text;
    return true;
  };
}

function run(words, folder) {
  process.chdir(folder);
  process.argv = [process.argv[0], cli, ...words];
  said = "";
  return new Promise((resolve) => {
    process.exit = (code) => resolve({ code: Number(code ?? 0), said });
    delete require.cache[require.resolve(cli)];
    require(cli);
  });
}

for (const fatal of ["uncaughtException", "unhandledRejection"]) {
  process.on(fatal, (error) => {
    said += error?.stack ?? error;
    process.exit(1);
  });
}

async function main() {
  const end = process.exit;
  for await (const line of createInterface({ input: process.stdin })) {
    const { words, folder } = JSON.parse(line);
    answer(JSON.stringify(await run(words, folder)) + "\n");
  }
  end(0);
}
main();
