"""A key directory: the proving key, the verification key, and a note of which statement they belong to.

    DIR/proving_key.zkey          iden3 format
    DIR/verification_key.json     snarkjs format
    DIR/key.json                  statement, digest of its constraint system, key digest, how the key was made

`key.json` is what lets a command refuse a foreign key before it proves with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from primitives import jsonio
from primitives.errors import BadInput

from .progress import Progress, quiet

if TYPE_CHECKING:
    from circuits.statements import Statement
    from prover import ProvingKey, VerificationKey

SCHEMA = "tailproof.key/1"
SETUPS = ("insecure-single-party", "ceremony")
INSECURE = "INSECURE single-party setup: whoever made this key can forge proofs. For trials, never for money."
PROVING_KEY, VERIFICATION_KEY, NOTE = "proving_key.zkey", "verification_key.json", "key.json"
HEX_32 = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class KeyDirectory:
    """One key on disk.

    statement, r1cs_digest : what it proves; key_digest : of the verification key, 0x-hex;
    insecure_setup : whether one party made it alone.
    """

    path: Path
    statement: str
    r1cs_digest: str
    key_digest: str
    insecure_setup: bool
    keeps_bases: ClassVar[bool] = False
    """Whether what a proof prepares of the key stays in memory for the next one."""

    @staticmethod
    def load(path: str | Path) -> KeyDirectory:
        """Read `key.json`; raises BadInput where it is missing or malformed."""
        path = Path(path)
        parts = jsonio.Node.read(path / NOTE).document(SCHEMA, {"statement", "r1cs_digest", "key_digest", "setup"})
        return KeyDirectory(path, parts["statement"].text(), parts["r1cs_digest"].text(HEX_32, "64 hex digits"),
                            parts["key_digest"].text("0x" + HEX_32, "0x and 64 hex digits"),
                            parts["setup"].choice(SETUPS) == SETUPS[0])

    def require(self, statement: Statement) -> None:
        """Refuse a key that was made for another statement, or for another version of this one."""
        from .statements import r1cs_digest
        if self.statement != statement.name:
            raise BadInput("statement", self.statement, f"{statement.name!r}: this key proves another statement",
                           source=self.path / NOTE)
        if self.r1cs_digest != r1cs_digest(statement.name):
            raise BadInput("r1cs_digest", self.r1cs_digest, f"{r1cs_digest(statement.name)}, the digest of the "
                           f"constraints of {statement.name} in this version: make a new key", source=self.path / NOTE)

    def proving_key(self) -> ProvingKey:
        """The proving key; raises BadInput if it is not the one that `key.json` names."""
        from prover.files.zkey import read_zkey
        key = read_zkey(self.path / PROVING_KEY)
        self._require_noted(key.verification_key, PROVING_KEY)
        return key

    def verification_key(self) -> VerificationKey:
        """The verification key; raises BadInput if it is not the one that `key.json` names."""
        key = read_verification_key(self.path / VERIFICATION_KEY)
        self._require_noted(key, VERIFICATION_KEY)
        return key

    def _require_noted(self, key: VerificationKey, name: str) -> None:
        if "0x" + key.digest().hex() != self.key_digest:
            raise BadInput("key digest", "0x" + key.digest().hex(), f"{self.key_digest}, which {NOTE} names",
                           source=self.path / name)
        if key.insecure_setup != self.insecure_setup:
            raise BadInput("setup", SETUPS[not self.insecure_setup], f"{SETUPS[not key.insecure_setup]!r}, "
                           f"as in {name}", source=self.path / NOTE)


class OpenedKey(KeyDirectory):
    """A key of which a process makes many proofs: its file is read and mapped once, and stays so."""

    keeps_bases: ClassVar[bool] = True

    @staticmethod
    def load(path: str | Path) -> OpenedKey:
        """As `KeyDirectory.load`."""
        return OpenedKey(**vars(KeyDirectory.load(path)))

    def proving_key(self) -> ProvingKey:
        """As `KeyDirectory.proving_key`, the same object each time."""
        return self._proving_key

    @cached_property
    def _proving_key(self) -> ProvingKey:
        return KeyDirectory.proving_key(self)


def read_verification_key(path: str | Path) -> VerificationKey:
    """A verification key from snarkjs's JSON, or from a key directory."""
    from prover.files import snarkjs
    if os.path.isdir(path):
        return KeyDirectory.load(path).verification_key()
    return snarkjs.read_verification_key(path)


def make_keys(statement: Statement, path: str | Path, *, progress: Progress = quiet) -> KeyDirectory:
    """Single-party setup of a statement into a new directory, complete or not at all.  INSECURE: see `INSECURE`.

    Raises
    ------
    BadInput : the directory exists already (a key in use is never overwritten) or cannot be made.
    """
    from prover import setup
    with _new_directory(Path(path)) as unfinished:
        _fill(unfinished, statement, setup(statement.build().r1cs(), progress=progress))
    return KeyDirectory.load(path)


def import_keys(statement: Statement, zkey: str | Path, ptau: str | Path, path: str | Path, *,
                progress: Progress = quiet) -> KeyDirectory:
    """The key that a ceremony ended with, into a new directory, once the whole ceremony has been checked.

    The circuit is built here, from the statement: neither the ceremony's files nor who sent them are believed.

    Raises
    ------
    BrokenCeremony : naming what fails of phase 1, of a contribution, or between the key and the statement's circuit.
    BadInput : a file is malformed, the key unfinished or unsound; a single party knew the secrets of the powers, for
        which a key's files have no mark; or as for `make_keys`.
    """
    from prover.ceremony.transcript import SAFE, secret_contributions
    from prover.ceremony.verify import verify_ceremony
    from prover.files.ptau import read_ptau
    from prover.files.zkey import read_zkey
    with _new_directory(Path(path)) as unfinished:
        powers = read_ptau(ptau)
        if powers.insecure:
            raise BadInput("secret contributions to the powers of tau", secret_contributions(powers.contributions),
                           f"at least {SAFE}: a single party that kept its secret forges with any key", source=ptau)
        key = read_zkey(zkey, every_point=True)
        verify_ceremony(key, statement.build().r1cs(), powers, progress=progress)
        _fill(unfinished, statement, key)
    return KeyDirectory.load(path)


@contextmanager
def _new_directory(path: Path) -> Iterator[Path]:
    """A directory under another name, which becomes `path` when the block ends without an error."""
    if os.path.lexists(path):
        raise BadInput("key directory", str(path), "a path where nothing is yet (a key is never overwritten)")
    with jsonio.refusing_to_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(8)}"      # a name first: Ctrl-C comes at any time
    try:
        with jsonio.refusing_to_write(path):
            unfinished.mkdir(mode=0o700)
        yield unfinished
        with jsonio.refusing_to_write(path):
            unfinished.chmod(0o755)
            os.rename(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _fill(folder: Path, statement: Statement, key: ProvingKey) -> None:
    from prover.files import snarkjs
    from prover.files.zkey import write_zkey

    from .statements import r1cs_digest
    write_zkey(folder / PROVING_KEY, key)
    snarkjs.write_verification_key(folder / VERIFICATION_KEY, key.verification_key)
    jsonio.write(folder / NOTE, {
        "schema": SCHEMA, "statement": statement.name, "r1cs_digest": r1cs_digest(statement.name),
        "key_digest": "0x" + key.verification_key.digest().hex(),
        "setup": SETUPS[0] if key.verification_key.insecure_setup else SETUPS[1]})
