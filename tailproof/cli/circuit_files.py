"""`tailproof groth16 r1cs|wtns|zkey|solidity…`: what is in the files of circom and snarkjs, and what contracts want."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..ceremony import PHASE_1, UNFINISHED, believed, told
from ..keys import INSECURE
from .console import FILE, OUTPUT, Outcome, reporting, table

if TYPE_CHECKING:
    from primitives.field import FieldArray
    from prover import VerificationKey

SYM = click.option("--sym", type=FILE, help="Names of the wires, as circom writes them (.sym).")


@click.group("r1cs")
def r1cs_files() -> None:
    """Look into a constraint system."""


@r1cs_files.command("info")
@click.argument("r1cs", type=FILE)
@reporting
def r1cs_info(r1cs: Path) -> Outcome:
    """Sizes of the constraint system R1CS, and the powers of tau that it needs; the whole file is read and checked."""
    from prover.ceremony.phase2 import power_needed
    from prover.files.r1cs import read_header, read_r1cs
    from prover.files.sections import naming
    header, system = read_header(r1cs), read_r1cs(r1cs)
    with naming(r1cs):
        power = power_needed(system)
    entries = [matrix.entries for matrix in (system.a, system.b, system.c)]
    facts = {"curve": "bn128", "wires": header.wires, "constraints": header.constraints, "outputs": header.outputs,
             "public_inputs": header.public_inputs, "private_inputs": header.private_inputs, "labels": header.labels,
             "non_zeros": entries, "domain": system.domain, "power_needed": power}
    return Outcome({"path": str(r1cs), **facts}, table([
        ("curve", "bn-128"), ("wires", header.wires), ("constraints", header.constraints),
        ("private inputs", f"{header.private_inputs} in the source"), ("public inputs", header.public_inputs),
        ("outputs", header.outputs), ("labels", header.labels), ("non-zeros", ", ".join(map(str, entries))),
        ("domain", f"2^{system.domain}"), ("powers of tau", f"2^{power} or more")]))


@click.group("wtns")
def wtns_files() -> None:
    """Look into a witness."""


@wtns_files.command("check")
@click.argument("r1cs", type=FILE)
@click.argument("wtns", type=FILE)
@SYM
@reporting
def wtns_check(r1cs: Path, wtns: Path, sym: Path | None) -> Outcome:
    """Whether the witness WTNS satisfies every row of the constraint system R1CS; exit code 1 if not."""
    from prover.files.wtns import read_wtns
    broken = first_broken(r1cs, read_wtns(wtns), sym, source=wtns)
    if broken is None:
        return Outcome({"path": str(wtns)}, [f"OK: {wtns} satisfies {r1cs}"])
    return Outcome({"path": str(wtns), "failed": broken}, [f"INVALID: {wtns}: {broken}"], holds=False)


def first_broken(r1cs: Path, witness: FieldArray, sym: Path | None, *, source: Path | None = None) -> str | None:
    """The first row of a constraint system that a witness breaks, in words, or None.

    Raises
    ------
    BadInput : the witness is none of this system, or a file is malformed.
    """
    from primitives import field
    from primitives.errors import BadInput
    from prover.files.r1cs import read_r1cs
    from prover.files.sym import read_symbols, row_text
    system, names = read_r1cs(r1cs), {} if sym is None else read_symbols(sym)
    if len(witness) != system.wires:
        raise BadInput("values of the witness", len(witness), f"{system.wires}, one for each wire of {r1cs}",
                       source=source)
    if (witness[0] != field.ONE).any():
        return f"its first value, the constant wire, is {field.decode(witness[:1])[0]} instead of 1"
    rows = system.broken(witness)
    if not len(rows):
        return None
    return (f"breaks {len(rows)} of {system.rows} rows, the first of them row {rows[0]} (counted from 0) of {r1cs}: "
            f"{row_text(system, int(rows[0]), names)}")


@click.group("zkey")
def zkey_files() -> None:
    """Look into a proving key."""


@zkey_files.command("info")
@click.argument("zkey", type=FILE)
@reporting
def zkey_info(zkey: Path) -> Outcome:
    """Sizes of the proving key ZKEY, and who contributed to it.  `verify-key` checks what is told here."""
    from prover.ceremony.verify import through_bellman
    from prover.files.zkey import read_zkey
    key = read_zkey(zkey, unfinished=True)
    story, bellman = key.transcript.to_json(), through_bellman(key)
    digest = "0x" + key.verification_key.digest().hex() if key.finished else None
    entries = [key.left.entries, key.right.entries]
    facts = {"protocol": "groth16", "curve": "bn128", "wires": key.wires, "public_inputs": key.public,
             "domain": key.domain, "non_zeros": entries, "finished": key.finished, "key_digest": digest,
             "through_bellman": bellman, **story}
    lines = table([("protocol", "groth16"), ("curve", "bn-128"), ("wires", key.wires), ("public inputs", key.public),
                   ("domain", f"2^{key.domain}"), ("non-zeros", ", ".join(map(str, entries))),
                   ("circuit hash", story["circuit_hash"]), ("key digest", digest or "(unfinished)"),
                   ("contributions", len(story["contributions"]))])
    if bellman:
        lines.append("Went through bellman's format: H without its last power, which no honest proof needs.")
    lines += [*told(story), *([UNFINISHED] if not key.finished else [INSECURE] if story["insecure"] else [])]
    return Outcome({"path": str(zkey), **facts}, [*lines, *believed(story, "the key"),
                                                  PHASE_1 + "`groth16 verify-key` does, from their file."])


# -- for contracts -------------------------------------------------------------------------------------------------
@click.command("soliditycalldata")
@click.argument("public", type=FILE)
@click.argument("proof", type=FILE)
@click.option("--flat", is_flag=True, help="For a verifier of ours, which takes the proof as uint256[8].")
@reporting
def solidity_calldata(public: Path, proof: Path, flat: bool) -> Outcome:
    """The arguments of a contract's verifyProof for PUBLIC and PROOF, as snarkjs prints them."""
    from prover.files.snarkjs import read_proof, read_public
    inputs, made = read_public(public), read_proof(proof)
    (x, y), ((x0, x1), (y0, y1)), (z, t) = made.a, made.b, made.c          # contracts have c1 before c0 (EIP-197)
    words = [f'"{value:#066x}"' for value in (x, y, x1, x0, y1, y0, z, t)]
    last = "[" + ",".join(f'"{value:#066x}"' for value in inputs) + "]"
    a, b0, b1, c = (", ".join(words[i:i + 2]) for i in range(0, 8, 2))
    shown = f"[{', '.join(words)}],{last}" if flat else f"[{a}],[[{b0}],[{b1}]],[{c}],{last}"
    return Outcome({"calldata": shown, "proof": [word.strip('"') for word in words],
                    "inputs": [f"{value:#066x}" for value in inputs]}, [shown])


@click.command("solidityverifier")
@click.argument("key", type=FILE)
@click.argument("verifier", type=OUTPUT)
@click.option("--name", default="circuit", show_default=True, help="What is proven, for readers of the source.")
@reporting
def solidity_verifier(key: Path, verifier: Path, name: str) -> Outcome:
    """Write a Solidity verifier for KEY: a verification key (JSON), a .zkey, or a key directory."""
    from primitives import jsonio
    from verifier_contracts.generator import generate
    found = _verification_key(key)
    with jsonio.creating(verifier) as file:
        file.write(generate(found, name).encode())
    digest = "0x" + found.digest().hex()
    return Outcome({"path": str(verifier), "key_digest": digest, "public_inputs": found.public,
                    "insecure_setup": found.insecure_setup},
                   [f"{verifier}: verifier for {found.public} public inputs, key {digest}",
                    *([INSECURE] if found.insecure_setup else [])])


def _verification_key(path: Path) -> VerificationKey:
    """What a file of any kind says about verifying."""
    from prover.files.zkey import MAGIC, read_zkey

    from ..keys import read_verification_key
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                return read_zkey(path).verification_key
    return read_verification_key(path)
