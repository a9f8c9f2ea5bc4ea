"""groth16-zorch on a .zkey and a .wtns: median seconds of a proof, key compiled; the last proof goes to a file.

Run by the Python of an environment that has it: KEY WITNESS PROOF REPEAT. What depends on the witness counts; reading
files, compiling the key and the first proof, which compiles the program, do not.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from groth16_zorch.circom.wtns import parse_wtns
from groth16_zorch.circom.zkey import parse_zkey
from groth16_zorch.circom.zkey_to_terms import zkey_to_terms
from groth16_zorch.groth16 import compile_circom, write_public_signals
from groth16_zorch.r1cs import compute_abc
from zk_dtypes import bn254_sf_mont


def main() -> None:
    zkey, wtns = parse_zkey(sys.argv[1]), parse_wtns(sys.argv[2])
    compiled, (_, coefficients) = compile_circom(zkey), zkey_to_terms(zkey)
    standard = wtns.data._witnesses
    signals = write_public_signals(wtns.witnesses, compiled.config.num_public)

    def prove():
        products = compute_abc(standard.view(np.dtype(bn254_sf_mont)), compiled.terms, coefficients,
                               compiled.domain_size)
        return compiled.prove(standard, *products, signals)[0].to_json()

    proof, times = prove(), []
    for _ in range(int(sys.argv[4])):
        begin = time.perf_counter()
        proof = prove()
        times.append(time.perf_counter() - begin)
    Path(sys.argv[3]).write_text(json.dumps(proof))
    print(json.dumps({"prove": statistics.median(times)}))


if __name__ == "__main__":
    main()
