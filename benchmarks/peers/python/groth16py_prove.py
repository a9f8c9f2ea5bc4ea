"""groth16py (arkworks) on a .zkey and a .wtns: median seconds of a proof, key loaded; the last proof goes to a file.

Run by the Python of an environment that has it: KEY WITNESS PROOF REPEAT.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import groth16py


def main() -> None:
    (key, _), repeat = groth16py.import_zkey(sys.argv[1]), int(sys.argv[4])
    proof, times = groth16py.prove_wtns(key, sys.argv[2]), []
    for _ in range(repeat):
        begin = time.perf_counter()
        proof = groth16py.prove_wtns(key, sys.argv[2])
        times.append(time.perf_counter() - begin)
    # As the EVM's precompile takes it: eight words, imaginary parts first.
    words = [str(int.from_bytes(proof[at:at + 32], "big")) for at in range(0, 256, 32)]
    Path(sys.argv[3]).write_text(json.dumps({
        "pi_a": [*words[:2], "1"], "pi_b": [[words[3], words[2]], [words[5], words[4]], ["1", "0"]],
        "pi_c": [*words[6:8], "1"], "protocol": "groth16", "curve": "bn128"}))
    print(json.dumps({"prove": statistics.median(times)}))


if __name__ == "__main__":
    main()
