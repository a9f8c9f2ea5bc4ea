"""What somebody drops on the page: proofs of every kind that it verifies, of tiny statements, with key, epoch and
challenge; and Node, which runs the page's code without a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from eth_account import Account
from oracle_epochs import build, grid

from circuits import statements
from circuits.clauses.collateral import Holding
from circuits.statements.cover import Claim
from prover.curve import BASE_MODULUS, G2_GROUP, Fp2
from risk.margins.portfolio import Portfolio
from tailproof import certifying, epochs, netting
from tailproof.attestation import commit
from tailproof.balances import Entry, tree_of
from tailproof.bundling import prove_bundle
from tailproof.challenge import Asked, Challenge
from tailproof.collateral_opening import CollateralOpening
from tailproof.covering import least_value, required_margin
from tailproof.custody import Attestation, BalanceRoot, Membership
from tailproof.group_certificate import MemberWords
from tailproof.keys import KeyDirectory, make_keys
from tailproof.member_opening import commit_member
from tailproof.netting import MemberSecrets
from tailproof.secret import draw_salt
from verifier_contracts.context import Context
from verifier_contracts.signers import LocalSigner

ROOT = Path(__file__).parent.parent
VENUE, CUSTODIAN, OWNER, ONE, TWO, A, B = (Account.from_key(bytes([number]) * 32) for number in range(1, 8))
MANAGER = "0x00000000000000000000000000000000DeaDBeef"
BUFFER, UNTIL = 500, 3_786_912_000
"""2090-01-01."""
BUNDLES = ("margin", "cover", "shortfall", "flat")
CERTIFICATES = ("solvency", "netting")


def make(folder: Path) -> None:
    """All files: `NAME.json` of each bundle and certificate, `NAME-challenge.json`, `keys/KIND`, `epoch`, `grid`."""
    epochs.save(grid(folder), folder / "grid")
    build(folder / "epoch")
    for name in ("margin", "cover", "flat", "solvency", "netting"):
        make_keys(statements.get(f"{name}-tiny"), folder / "keys" / name)
    _bundles(folder)
    _solvency(folder)
    _netting(folder)


def _bundles(folder: Path) -> None:
    epoch = epochs.load(folder / "epoch")
    held = Portfolio((("BTC-PERP", 3), ("ETH-PERP", -5)))
    opening, empty = (commit(statements.get("margin-tiny"), epoch, one) for one in (held, Portfolio(())))
    for name in BUNDLES:
        kind = "cover" if name == "shortfall" else name
        keys = KeyDirectory.load(folder / "keys" / kind)
        context = Context(kind, 31337, MANAGER, bytes.fromhex(keys.key_digest[2:]), OWNER.address,
                          epoch.header.timestamp, 3)
        claim = None
        if kind == "cover":
            least = least_value(required_margin(epoch, opening), BUFFER)
            claim = Claim(least - (name == "shortfall"), BUFFER, name == "cover")
        prove_bundle(keys, empty if kind == "flat" else opening, context, epoch=None if kind == "flat" else epoch,
                     claim=claim).save(folder / f"{name}.json")


def _solvency(folder: Path) -> None:
    epoch, keys = epochs.load(folder / "grid"), KeyDirectory.load(folder / "keys" / "solvency")
    challenge = Challenge(keys.statement, keys.key_digest, "Bank Ä", OWNER.address, BUFFER, UNTIL, bytes(range(32)),
                          VENUE.address, CUSTODIAN.address)
    challenge.save(folder / "solvency-challenge.json")
    opening = commit(statements.get("margin-grid-tiny"), epoch, Portfolio((("BTC-PERP", -3), ("ETH-PERP", 5))))
    kept = CollateralOpening(keys.statement, CUSTODIAN.address, OWNER.address, draw_salt(),
                             (Holding(epoch.assets[0].id, 10**14, 0),))           # type: ignore[union-attr]
    words = [Attestation(signer=who.address, kind=kind, account=OWNER.address, commitment=commitment, as_of=1,
                         until=UNTIL).signed(LocalSigner(who))
             for who, kind, commitment in ((VENUE, "positions", opening.commitment),
                                           (CUSTODIAN, "collateral", kept.commitment))]       # type: ignore[arg-type]
    certifying.certify(challenge, keys, epoch, opening, kept, words).save(           # type: ignore[arg-type]
        folder / "solvency.json")


def _netting(folder: Path) -> None:
    epoch, keys = epochs.load(folder / "grid"), KeyDirectory.load(folder / "keys" / "netting")
    statement, number = statements.get(keys.statement), epoch.header.timestamp
    asked = (Asked(ONE.address, A.address), Asked(TWO.address, B.address))
    challenge = Challenge(keys.statement, keys.key_digest, "Bank B", OWNER.address, BUFFER, UNTIL, bytes(32),
                          members=asked)
    challenge.save(folder / "netting-challenge.json")
    members = []
    for protocol, account, place, lots in ((ONE, A, 3, 30), (TWO, B, 5, -29)):
        opening = commit_member(statement, epoch, Portfolio((("BTC-PERP", lots),)),       # type: ignore[arg-type]
                                protocol.address, account.address)
        root, told = tree_of(statement, protocol.address, number, [Entry(account.address, place, (
            Holding(epoch.assets[0].id, 10**13, 0),))])                              # type: ignore[union-attr]
        signer, times = LocalSigner(protocol), {"as_of": 1, "until": UNTIL}
        members.append(MemberSecrets(opening, told[0], MemberWords(
            Membership(signer=protocol.address, group=OWNER.address, account=account.address, place=place,
                       commitment=opening.commitment, **times).signed(signer),
            BalanceRoot(signer=protocol.address, epoch_number=number, root=root, **times).signed(signer))))
    netting.certify(challenge, keys, epoch, members).save(folder / "netting.json")    # type: ignore[arg-type]


def twist_y(x: int) -> Fp2 | None:
    """A y with (x, y) on the twist of BN254, if there is one: y = a + b u, y**2 = x**3 + 3 / (9 + u)."""
    q = BASE_MODULUS
    c0, c1 = (x**3 + G2_GROUP.b[0]) % q, G2_GROUP.b[1]
    norm = pow(c0 * c0 + c1 * c1, (q + 1) // 4, q)
    for half in ((c0 + norm) * pow(2, -1, q) % q, (c0 - norm) * pow(2, -1, q) % q):
        a = pow(half, (q + 1) // 4, q)
        if a and a * a % q == half:
            y = a, c1 * pow(2 * a, -1, q) % q
            if G2_GROUP.on_curve(((x, 0), y)):
                return y
    return None


def kind_of(name: str) -> str:
    return "cover" if name == "shortfall" else name


def dropped(folder: Path, name: str) -> dict[str, Path]:
    """Files that a verdict on a proof takes, by the part that they play."""
    key = folder / "keys" / kind_of(name)
    parts = {"proof": folder / f"{name}.json", "key": key / "verification_key.json", "note": key / "key.json"}
    if name in CERTIFICATES:
        parts |= {"epoch": folder / "grid" / "grid.json", "challenge": folder / f"{name}-challenge.json"}
    elif name != "flat":
        parts |= {"epoch": folder / "epoch" / "manifest.json"}
    return parts


def command(parts: Mapping[str, Path], name: str, *more: object) -> Sequence[object]:
    """The command that verifies the same files; the key's directory where its note is among them."""
    key = parts["key"].parent if "note" in parts else parts["key"]
    verb = [name, "verify"] if name in CERTIFICATES else ["verify"]
    options = {"--key": key, "--epoch": parts.get("epoch"), "--challenge": parts.get("challenge")}
    return [*verb, parts["proof"], *(word for option, path in options.items() if path is not None
                                     for word in (option, path)), *more]


class _Node:
    """A script in Node that answers a line of JSON with a line of JSON."""

    SCRIPT: ClassVar[str]

    def __init__(self) -> None:
        self._process = subprocess.Popen(["node", str(ROOT / "tests" / "page" / self.SCRIPT)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.communicate()

    def _ask(self, request: Any) -> Any:
        given, told = self._process.stdin, self._process.stdout
        assert given is not None
        assert told is not None
        given.write(json.dumps(request, default=str) + "\n")
        given.flush()
        line = told.readline()
        assert line, f"{self.SCRIPT} has ended; its error stream says why"
        return json.loads(line)


class Judge(_Node):
    """The page's code in Node."""

    SCRIPT = "judge.mjs"

    def ask(self, **request: Any) -> Any:
        return self._ask(request)

    def verdict(self, parts: Mapping[str, Path], **asked: Any) -> Any:
        return self.ask(files=[str(path) for path in parts.values()], **asked)


class Browser(_Node):
    """A real browser: `browser("choose", paths)` and the like."""

    SCRIPT = "browser.mjs"

    def __call__(self, name: str, *given: Any) -> Any:
        answer = self._ask([name, *given])
        assert "error" not in answer, answer["error"]
        return answer["answer"]
