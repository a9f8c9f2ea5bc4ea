"""A wallet: all openings of a trader in one encrypted file, by account and version of its state.

Losing an opening loses its commitment, and showing it shows the portfolio. So: nothing in a wallet is ever replaced or
taken out; every change is a whole new file in the place of the old one, synced, or none; and two processes change it
one after the other.

*Encryption.* scrypt (RFC 7914) of the passphrase gives a key for AES-256-GCM (NIST SP 800-38D), with a fresh salt and
nonce at every write, so that no key meets two contents. What says how the file is encrypted is authenticated with it. A
wrong passphrase and a changed file look alike, and neither is ever read further. *Not hidden*: how much is in it, to
some bytes. *Not seen*: that an old copy was put back.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from Crypto.Cipher import AES

from primitives import jsonio
from primitives.errors import HIDDEN, BadInput, Said, TailproofError, unreadable
from primitives.jsonio import Node
from verifier_contracts.addresses import read_address

from .attestation import require_opens
from .balances import SCHEMA as BALANCES
from .balances import MemberBalances
from .collateral_opening import SCHEMA as COLLATERAL
from .collateral_opening import CollateralOpening
from .member_opening import SCHEMA as MEMBER
from .member_opening import MemberOpening
from .secret import SCHEMA as POSITIONS
from .secret import Opening, require_private

if sys.platform != "win32":
    import fcntl

SCHEMA = "tailproof.wallet/1"
CONTENT = "tailproof.wallet-content/1"
WORK, LEAST_WORK, MOST_WORK = 17, 14, 20
"""log2 of scrypt's N: what is written (128 MiB, some tenths of a second), and what is read."""
BLOCK, SALT, NONCE, TAG = 8, 32, 12, 16
SHORTEST, LONGEST = 8, 4_096
"""Characters of a new passphrase."""
MOST_ENTRIES = 100_000
LARGEST = 48 << 20
LARGEST_FILE = 2 * LARGEST + (1 << 12)
"""Bytes of what is encrypted, and of the file: its hex digits, and what says how. What is written can be read."""
LATEST = 2**40 - 1
PATIENCE = 30.0
"""Seconds to wait for another process that changes the same wallet."""


class WalletBusy(TailproofError):
    """Another process changes this wallet."""

    try_again = True


def _positions(path: Path) -> None:
    require_opens(Opening.load(path))


SECRETS: Mapping[str, Callable[[Path], object]] = {
    POSITIONS: _positions, COLLATERAL: CollateralOpening.load, MEMBER: MemberOpening.load,
    BALANCES: MemberBalances.load}
"""What a wallet takes: schema -> who makes sure that such a file opens what it says."""


@dataclass(frozen=True)
class Entry:
    """A secret file.  account : an address.  version : of its state.  document : the file, as it was."""

    account: str
    version: int
    document: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What there is one of: account, version, kind, and where, for those that say it."""
        return self.account, self.version, self.schema, str(self.document.get("protocol", self.document.get(
            "custodian", "")))

    @property
    def schema(self) -> str:
        return str(self.document["schema"])

    @property
    def kind(self) -> str:
        """As `--kind` has it: opening, collateral-opening, member-opening, member-balances."""
        return self.schema.split(".")[1].split("/")[0]

    def told(self) -> dict[str, Any]:
        """What may be seen: nothing that opens anything."""
        return {"account": self.account, "version": self.version, "kind": self.kind,
                "statement": self.document.get("statement"), "commitment": self.document.get("commitment"),
                "keeper": self.key[3] or None}


@dataclass(frozen=True)
class Wallet:
    """What a file holds.  entries : in the order in which they came."""

    entries: tuple[Entry, ...] = field(default=(), repr=False)

    def with_entry(self, entry: Entry) -> Wallet:
        """The same and one more; the same where it is there already.

        Raises
        ------
        BadInput : another document is there for this account, version and kind.
        """
        for there in self.entries:
            if there.key == entry.key:
                if there.document == entry.document:
                    return self
                raise BadInput("version", entry.version, f"one of which the wallet holds no {entry.kind} of "
                               f"{entry.account} yet: what is in it is never replaced")
        if len(self.entries) >= MOST_ENTRIES:
            raise BadInput("number of entries", len(self.entries) + 1, f"at most {MOST_ENTRIES}")
        return Wallet((*self.entries, entry))

    def find(self, account: str, version: int | None, kind: str, keeper: str | None) -> Entry:
        """One entry.  version : None for the latest.  keeper : protocol or custodian, where there are several.

        Raises
        ------
        BadInput : there is none, or more than one.
        """
        found = [entry for entry in self.entries if (entry.account, entry.kind) == (account, kind)
                 and keeper in (None, entry.key[3])]
        newest = max((entry.version for entry in found), default=None)
        wanted = newest if version is None else version
        found = [entry for entry in found if entry.version == wanted]
        if len(found) != 1:
            raise BadInput("entry", Said(f"{kind} of {account}, version {'any' if wanted is None else wanted}"),
                           "in the wallet" if not found else "one of several: say which --keeper")
        return found[0]

    def opening_of(self, commitment: int) -> Opening | None:
        """The opening of a commitment to positions, if it is here."""
        return next((Opening.of(entry.document) for entry in self.entries if entry.schema == POSITIONS
                     and entry.document.get("commitment") == str(commitment)), None)


def read_entry(path: Path, account: str, version: int) -> Entry:
    """A secret file as an entry, once it is sure that it opens what it says.

    Raises
    ------
    BadInput : it is no kind of secret that we know, or is one and broken, of which no value is shown; an account that
        is another's than it says.
    """
    try:
        document = jsonio.read(path)
    except BadInput as error:
        if error.field.startswith("file"):         # says why it cannot be read
            raise
        raise BadInput(error.field, HIDDEN, error.bound, source=path) from None
    schema = Node(document.get("schema") if isinstance(document, dict) else None, field="schema",
                  source=path).choice(SECRETS)
    SECRETS[schema](path)
    if document.get("account", account) != account:
        raise BadInput("--account", account, f"{document['account']}, whose it is", source=path)
    return Entry(account, version, document)


# -- the file ----------------------------------------------------------------------------------------------------------
def create(path: Path, passphrase: str) -> None:
    """An empty wallet where nothing is; raises BadInput for a passphrase that is too short, or as `jsonio.creating`."""
    if not SHORTEST <= len(passphrase) <= LONGEST:
        raise BadInput("passphrase", "(hidden)", f"of {SHORTEST} to {LONGEST} characters")
    jsonio.write(path, _sealed(Wallet(), passphrase), mode=0o600)


def load(path: Path, passphrase: str) -> Wallet:
    """Decrypt a wallet.

    Raises
    ------
    BadInput : no wallet, one that others may read, another passphrase or a changed file. Nothing of it is shown.
    """
    require_private(path, "wallet", "how much there is, and can guess passphrases")
    return _opened(Node(jsonio.read(path, limit=LARGEST_FILE), source=path), passphrase)


def add(path: Path, passphrase: str, entry: Entry) -> bool:
    """Put an entry into a wallet; False where it was there. Errors as `load` and `Wallet.with_entry`; WalletBusy."""
    with changing(path) as real:
        before = load(real, passphrase)
        after = before.with_entry(entry)
        if after is not before:
            jsonio.write(real, _sealed(after, passphrase), mode=0o600, over=True)
            _sync_folder(real)
        return after is not before


def change_passphrase(path: Path, old: str, new: str) -> None:
    """Encrypt a wallet under another passphrase; errors as `load` and `create`. Copies keep the old one."""
    if not SHORTEST <= len(new) <= LONGEST:
        raise BadInput("new passphrase", "(hidden)", f"of {SHORTEST} to {LONGEST} characters")
    with changing(path) as real:
        jsonio.write(real, _sealed(load(real, old), new), mode=0o600, over=True)
        _sync_folder(real)


@contextmanager
def changing(path: Path) -> Iterator[Path]:
    """Hold a wallet against other processes that change it; yields the file itself, where `path` is a link.

    The file is locked that is there now: one that another process has replaced meanwhile is let go of again.

    Raises
    ------
    WalletBusy : another process holds it for long.
    BadInput : there is no such file.
    """
    real, deadline = Path(os.path.realpath(path)), time.monotonic() + PATIENCE
    if sys.platform == "win32":                    # nothing is locked there
        yield real
        return
    while True:
        try:
            descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise BadInput("file", unreadable(error), "a readable file", source=path) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(real)):
                break
        except OSError:
            pass
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise WalletBusy(f"{path} is being changed by another process")
        time.sleep(0.02)
    try:
        yield real
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    """Else a power failure could take back the new file's name."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC) if sys.platform != "win32" else None
    if descriptor is not None:
        os.fsync(descriptor)
        os.close(descriptor)


# -- encryption --------------------------------------------------------------------------------------------------------
def _sealed(wallet: Wallet, passphrase: str) -> dict[str, Any]:
    content = jsonio.dumps({"schema": CONTENT, "entries": [
        {"account": entry.account, "version": entry.version, "document": entry.document} for entry in wallet.entries]})
    data = content.encode()
    if len(data) > LARGEST:
        raise BadInput("size of the wallet", len(data), f"at most {LARGEST} bytes")
    salt, nonce = secrets.token_bytes(SALT), secrets.token_bytes(NONCE)
    header = {"schema": SCHEMA, "kdf": "scrypt", "work": WORK, "salt": salt.hex(), "cipher": "aes-256-gcm",
              "nonce": nonce.hex()}
    cipher = AES.new(_key(passphrase, salt, WORK), AES.MODE_GCM, nonce=nonce, mac_len=TAG)
    cipher.update(jsonio.canonical(header))
    ciphertext, tag = cipher.encrypt_and_digest(data)
    return {**header, "ciphertext": ciphertext.hex(), "tag": tag.hex()}


def _opened(document: Node, passphrase: str) -> Wallet:
    header, ciphertext, tag = parse(document)
    salt, nonce = bytes.fromhex(header["salt"]), bytes.fromhex(header["nonce"])
    cipher = AES.new(_key(passphrase, salt, header["work"]), AES.MODE_GCM, nonce=nonce, mac_len=TAG)
    cipher.update(jsonio.canonical(header))
    try:
        data = cipher.decrypt_and_verify(ciphertext, tag)
    except ValueError:
        raise BadInput("passphrase", "(hidden)", "that of the wallet, whose file must be as it was written",
                       source=document.source) from None
    parts = Node(jsonio.loads(data)).document(CONTENT, {"entries"})
    entries = []
    for entry in parts["entries"].array(at_most=MOST_ENTRIES):
        each = entry.object({"account", "version", "document"})
        entries.append(Entry(read_address(each["account"]), each["version"].integer(0, LATEST),
                             each["document"].value))
    return Wallet(tuple(entries))


def parse(document: Node) -> tuple[dict[str, Any], bytes, bytes]:
    """How a wallet is encrypted, its ciphertext and its tag; raises BadInput for what is none."""
    parts = document.document(SCHEMA, {"kdf", "work", "salt", "cipher", "nonce", "ciphertext", "tag"})
    header = {"schema": SCHEMA, "kdf": parts["kdf"].choice({"scrypt"}),
              "work": parts["work"].integer(LEAST_WORK, MOST_WORK), "salt": _hex(parts["salt"], SALT),
              "cipher": parts["cipher"].choice({"aes-256-gcm"}), "nonce": _hex(parts["nonce"], NONCE)}
    # Not as repeated pairs: the machine that matches remembers each, 150 bytes of it.
    ciphertext = parts["ciphertext"].text(r"[0-9a-f]*", "hex digits")
    if len(ciphertext) % 2:
        raise parts["ciphertext"].refuse("hex digits of whole bytes")
    return header, bytes.fromhex(ciphertext), bytes.fromhex(_hex(parts["tag"], TAG))


def _hex(node: Node, size: int) -> str:
    return node.text(rf"[0-9a-f]{{{2 * size}}}", f"{2 * size} hex digits")


def _key(passphrase: str, salt: bytes, work: int) -> bytes:
    """32 bytes; the passphrase in one of its Unicode forms (NFKC), so that keyboards agree."""
    return hashlib.scrypt(unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass"), salt=salt,
                          n=1 << work, r=BLOCK, p=1, maxmem=(128 * BLOCK << work) + (1 << 20), dklen=32)


def restored(entry: Entry, out: Path) -> None:
    """Write an entry's file as it was, mode 0600, where nothing is; raises BadInput if it opens nothing any more.

    Nothing of it lies elsewhere meanwhile, as in a folder for what is temporary, which may be on another disk.
    """
    with jsonio.refusing_to_write(out), TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        copy = Path(folder) / "secret.json"        # in a folder of mode 0700
        jsonio.write(copy, entry.document, mode=0o600)
        Node(entry.schema, field="schema").choice(SECRETS)
        SECRETS[entry.schema](copy)
    jsonio.write(out, entry.document, mode=0o600)
