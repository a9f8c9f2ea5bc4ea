"""`tailproof solvency`: what a counterparty asks, what venue and custodian sign, and the certificate that answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuits import statements
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import format_time, parse_time

from .. import epochs
from ..keys import INSECURE, KeyDirectory, read_verification_key
from ..secret import Opening, draw_salt
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .node import Endpoint, signing_offline

if TYPE_CHECKING:
    from prover import VerificationKey

    from ..auditing import Check
    from ..challenge import Challenge


class Time(click.ParamType[int]):
    """A time in UTC, 2027-01-31T12:00:00Z, or Unix seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        name = param.opts[0] if param is not None else "time"
        if value.isascii() and value.isdigit() and len(value) <= 12:
            return Node(int(value), field=name).integer(0, 2**40 - 1)
        return parse_time(value, field=name)


TIME = Time()
UNTIL = click.option("--until", type=TIME, required=True, help="Last time at which it is so: 2027-01-31T12:00:00Z or "
                     "Unix seconds.")
AS_OF = click.option("--as-of", type=TIME, help="First time at which it is so.  [default: now]")


_ASKING = (
    click.option("--buffer", type=Integer(0, (1 << 16) - 1), required=True, help="Required beyond the margin, in basis "
                 "points of it."),
    click.option("--until", type=TIME, required=True, help="Last time at which an answer counts: "
                 "2027-01-31T12:00:00Z or Unix seconds."),
    click.option("--key", type=FILE, required=True, help="Key directory that you trust; says which statement."),
    click.option("--epoch", type=FILE, help="Epoch directory, or manifest, that it must be under; without it you say "
                 "so when you verify."),
    click.option("--out", type=OUTPUT, required=True, help="Challenge to write. Keep it: answers are verified with "
                 "it."),
)


def asking(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of whoever asks, whatever is asked."""
    for option in reversed(_ASKING):
        function = option(function)
    return function


@click.group()
def solvency() -> None:
    """Show a counterparty that collateral covers a margin, and neither of them (all four)."""


@solvency.command("challenge")
@click.option("--asker", required=True, help="Who asks: a name for people, which nothing shows to be true.")
@click.option("--account", type=ADDRESS, required=True, help="Who is asked.")
@click.option("--venue", type=ADDRESS, required=True, help="Whose signature you believe for her positions.")
@click.option("--custodian", type=ADDRESS, required=True, help="Whose signature you believe for her collateral.")
@asking
@reporting
def ask(asker: str, account: str, venue: str, custodian: str, buffer: int, until: int, key: Path, epoch: Path | None,
        out: Path) -> Outcome:
    """Ask an account to show that it is solvent (counterparty)."""
    from ..challenge import Challenge

    def made(statement: str, digest: str, nonce: bytes, root: int | None) -> Challenge:
        return Challenge(statement, digest, asker, account, buffer, until, nonce, venue, custodian, epoch_root=root)
    return issue(made, key, epoch, until, out)


def issue(make: Callable[[str, str, bytes, int | None], Challenge], key: Path, epoch: Path | None, until: int, out: Path
          ) -> Outcome:
    """Write a challenge.  make : of statement, key digest, nonce and the root of the epoch, if one is named."""
    from ..challenge import draw_nonce
    from ..shapes import require_shape
    keys, root = KeyDirectory.load(key), None
    keys.verification_key()                        # is the one that the directory names
    if epoch is not None:
        claim, statement = epochs.read_claim(epoch), statements.get(keys.statement)
        require_shape(claim.shape, statement.shape, statement.name, source=epoch)
        root = claim.root
    if until <= time.time():
        raise BadInput("--until", format_time(until), f"a time to come: it is {format_time(int(time.time()))}")
    made = make(keys.statement, keys.key_digest, draw_nonce(), root)
    made.save(out)
    return Outcome({"path": str(out), "digest": "0x" + made.digest.hex(), "challenge": made.to_json()},
                   [*table([("asked", made.account), ("until", format_time(until)),
                            ("buffer", f"{made.buffer / 100:g} %"), ("statement", made.statement),
                            ("digest", "0x" + made.digest.hex())]),
                    f"{out}: send a copy, keep the file. The answer is verified with it, and is good for no other."])


@solvency.command("attest-positions")
@click.option("--opening", type=FILE, required=True, help="Salt file of the account's owner.")
@click.option("--account", type=ADDRESS, required=True, help="Whose positions these are.")
@AS_OF
@UNTIL
@click.option("--epoch", type=FILE, help="With --expect-portfolio: epoch directory, says which instruments are meant.")
@click.option("--expect-portfolio", type=FILE, help="What you hold for the account; exit code 1, and nothing signed, "
              "if the commitment is to something else.")
@click.option("--out", type=OUTPUT, required=True, help="Attestation to write.")
@signing_offline
@reporting
def attest_positions(opening: Path, account: str, as_of: int | None, until: int, epoch: Path | None,
                     expect_portfolio: Path | None, out: Path, endpoint: Endpoint) -> Outcome:
    """Sign that a commitment is to an account's positions, and that nothing changes them until then (venue)."""
    from risk.margins.portfolio import Portfolio

    from ..custody import Attestation
    from ..holdings import open_commitment
    from .trader import positions_told
    if (epoch is None) != (expect_portfolio is None):
        raise BadInput("--epoch and --expect-portfolio", (epoch and str(epoch), expect_portfolio and
                                                          str(expect_portfolio)), "given together, or neither")
    secret = Opening.load(opening)
    found = open_commitment(secret, None if epoch is None else epochs.load(epoch),
                            None if expect_portfolio is None else Portfolio.read(expect_portfolio))
    looked = expect_portfolio is not None
    told = {"positions": [position.to_json() for position in found], "compared": looked}
    if not all(position.agrees for position in found):
        return Outcome({"path": None, **told}, [
            *positions_told(found), "Nothing was signed: it commits to other positions than you hold."], False)
    signer = endpoint.signer()
    made = Attestation(signer=signer.address, kind="positions", account=account, commitment=secret.commitment,
                       as_of=begun(as_of, until), until=until).signed(signer)
    made.save(out)
    return Outcome({"path": str(out), "attestation": made.to_json(), **told},
                   [*positions_told(found), *([] if looked else [
                       "NOBODY LOOKED: give --expect-portfolio to compare it with what you hold."]),
                    *_signed(made, out)])


@solvency.command("attest-collateral")
@click.option("--statement", required=True, help="Solvency statement that it is for.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; names the assets.")
@click.option("--holdings", type=FILE, required=True, help="Balances and debts that you keep for the account (JSON).")
@click.option("--account", type=ADDRESS, required=True, help="Whose collateral it is.")
@AS_OF
@UNTIL
@click.option("--opening-out", type=OUTPUT, required=True, help="Salt file to write for the owner, mode 0600.")
@click.option("--out", type=OUTPUT, required=True, help="Attestation to write.")
@signing_offline
@reporting
def attest_collateral(statement: str, epoch: Path, holdings: Path, account: str, as_of: int | None, until: int,
                      opening_out: Path, out: Path, endpoint: Endpoint) -> Outcome:
    """Commit to what you keep for an account, and sign that it stays until then (custodian)."""
    from ..challenge import require_solvency
    from ..collateral_opening import CollateralOpening, read_holdings
    from ..custody import Attestation
    from ..shapes import require_shape
    found = statements.get(statement)
    require_solvency(found)
    numbers = epochs.load(epoch)
    require_shape(numbers.shape, found.shape, statement, source=epoch)
    signer = endpoint.signer()
    opening = CollateralOpening(statement, signer.address, account, draw_salt(),
                                read_holdings(holdings, numbers))       # type: ignore[arg-type]
    made = Attestation(signer=signer.address, kind="collateral", account=account, commitment=opening.commitment,
                       as_of=begun(as_of, until), until=until).signed(signer)
    opening.save(opening_out)
    made.save(out)
    return Outcome({"path": str(out), "opening": str(opening_out), "attestation": made.to_json()},
                   [*_signed(made, out), f"{opening_out} opens it: for {account} alone."])


@solvency.command("prove")
@click.option("--challenge", "asked", type=FILE, required=True, help="Challenge to answer.")
@click.option("--key", type=FILE, required=True, help="Key directory.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory.")
@click.option("--opening", type=FILE, required=True, help="Salt file of your positions.")
@click.option("--collateral-opening", type=FILE, required=True, help="Salt file of your collateral.")
@click.option("--attestation", "attested", type=FILE, required=True, multiple=True, help="What the venue signed of the "
              "positions; and again, what the custodian signed of the collateral.")
@click.option("--out", type=OUTPUT, required=True, help="Certificate to write.")
@reporting
def prove_solvency(asked: Path, key: Path, epoch: Path, opening: Path, collateral_opening: Path,
                   attested: tuple[Path, ...], out: Path) -> Outcome:
    """Answer a challenge; exit code 1 if your collateral does not cover what it asks for (trader).

    How much it is short of, or more than enough, is told to you alone: the certificate does not say it.
    """
    from risk.exact.money import format_money

    from .. import certifying
    from ..challenge import Challenge
    from ..collateral_opening import CollateralOpening
    from ..custody import Attestation
    challenge, keys, numbers = Challenge.load(asked), KeyDirectory.load(key), epochs.load(epoch)
    secret, kept = Opening.load(opening), CollateralOpening.load(collateral_opening)
    words = [Attestation.load(path) for path in attested]
    grid = certifying.require_answerable(challenge, keys, numbers, secret, kept, words, int(time.time()))
    found = certifying.sufficiency(grid, secret, kept, challenge.buffer)
    quote = grid.header.quote
    facts = {"margin": str(found.margin), "needed": str(found.needed), "worth": str(found.worth)}
    rows = [(name, f"{format_money(amount)} {quote}") for name, amount in (
        ("margin", found.margin), ("with the buffer", found.needed), ("collateral less debts", found.worth))]
    if not found.covers:
        return Outcome({"certificate": None, **facts}, [*table(rows), "Not covered: nothing was proven."], False)
    made = certifying.certify(challenge, keys, grid, secret, kept, words, progress=progress)
    made.save(out)
    return Outcome({"certificate": str(out), **facts, "asker": challenge.asker, "until": challenge.until,
                    "insecure_setup": keys.insecure_setup, "trial_epoch": grid.header.trial},
                   [*table([*rows, ("asked by", challenge.asker), ("until", format_time(challenge.until))]),
                    f"{out}: an answer to this challenge alone. It shows none of the amounts above.", *marks(
                        keys.insecure_setup, grid.header.trial)])


# -- what whoever verifies trusts --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Trust:
    """The files that a counterparty trusts, and as of when she asks.

    key_path : verification key, or key directory, which also says what its key is for.  contents, publishers : who
    signed the epoch, and who must have.  instant : another time than now.
    """

    key_path: Path
    epoch_path: Path
    contents: tuple[Path, ...]
    publishers: tuple[str, ...]
    instant: int | None
    backend: Any

    @cached_property
    def key(self) -> VerificationKey:
        return read_verification_key(self.key_path)

    @cached_property
    def circuit(self) -> str | None:
        return KeyDirectory.load(self.key_path).r1cs_digest if os.path.isdir(self.key_path) else None

    @cached_property
    def epoch(self) -> epochs.Claim:
        return epochs.read_claim(self.epoch_path)

    @cached_property
    def at(self) -> int:
        return int(time.time()) if self.instant is None else self.instant


_VERIFYING = (
    click.option("--key", "key_path", type=FILE, required=True,
                 help="Verification key (JSON) or key directory that you trust."),
    click.option("--epoch", "epoch_path", type=FILE, required=True,
                 help="Epoch directory, or its manifest, that you trust."),
    click.option("--content", "contents", type=FILE, multiple=True, help="A publisher's signature of the epoch; again "
                  "for each."),
    click.option("--publisher", "publishers", type=ADDRESS, multiple=True, help="With --content: who must have signed; "
                  "again for each."),
    click.option("--at", "instant", type=TIME, help="As of another time.  [default: now]"),
    click.option("--backend", type=click.Choice(["kernels", "reference"]), default="kernels", show_default=True,
                  help="reference: the independent py_ecc arithmetic."),
)


def verifying(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of whoever verifies, and pass them on as `trust`."""
    names = [one.name for one in fields(Trust)]

    @wraps(function)
    def run(*args: Any, **given: Any) -> None:
        function(*args, trust=Trust(**{name: given.pop(name) for name in names}), **given)

    decorated: Callable[..., None] = run
    for option in reversed(_VERIFYING):
        decorated = option(decorated)
    return decorated


@solvency.command("verify")
@click.argument("certificate", type=FILE)
@click.option("--challenge", "asked", type=FILE, required=True, help="Your challenge: the file that you kept.")
@verifying
@reporting
def verify_certificate(certificate: Path, asked: Path, trust: Trust) -> Outcome:
    """Verify CERTIFICATE against your own challenge, offline; exit code 1 if any check fails (counterparty)."""
    from .. import certifying
    from ..certificate import Certificate
    from ..challenge import Challenge
    given, challenge = Certificate.load(certificate), Challenge.load(asked)
    checks = certifying.examine(given, challenge, trust.key, trust.epoch, at=trust.at, key_circuit=trust.circuit,
                                backend=trust.backend)
    return told(challenge, checks, trust, certifying.in_words(challenge, trust.epoch.root, trust.epoch.valuation),
                certifying.NOT_SHOWN, {})


def told(challenge: Challenge, checks: Sequence[Check], trust: Trust, shown: str, not_shown: Sequence[str],
         facts: Mapping[str, Any]) -> Outcome:
    """The verdict on an answer, with what publishers signed of its epoch; in words, and what was taken on trust.

    Raises
    ------
    BadInput : signatures without publishers, or the other way round; a signature file that is none.
    """
    from ..answering import examine_content
    from ..signing import SignedContent
    trusted, contents, publishers, at = trust.epoch, trust.contents, trust.publishers, trust.at
    if bool(contents) != bool(publishers):
        raise BadInput("--content and --publisher", (len(contents), len(publishers)), "given together: signatures, and "
                       "who must have signed")
    checks = [*checks, *examine_content([SignedContent.load(path) for path in contents], publishers, trusted.root)]
    holds = all(check.holds for check in checks)
    then = ", and that balances are of then," if challenge.members else ""
    on_trust = [remark for unchecked, remark in (
        (trust.circuit is None,
         "That the key is for this statement is unchecked: a key directory says what its key is for."),
        (not trusted.recomputed, "The root is the manifest's own: give the epoch directory to recompute it."),
        (True, "That the epoch's scenarios and factors follow from its sources is unchecked: tailproof epoch check."),
        (not contents, "That anybody published this epoch is unchecked (--content, --publisher)."),
        # Without it: balances of a better day are counted at this epoch's prices, and each check holds.
        (trusted.valuation is None, f"Of when the epoch's prices are{then} is the holder's word: give the epoch "
         "directory, which says it."),
        (trusted.trial is None, epochs.NO_PURPOSE),
        (trusted.valuation is not None, f"Whether prices of {format_time(trusted.valuation or 0)} are young enough at "
         f"{format_time(at)} is for you to say."),
        (trust.instant is not None, f"It was checked as of {format_time(at)}, which is not now."),
    ) if unchecked]
    return Outcome(
        {"statement": challenge.statement, "account": challenge.account, "asker": challenge.asker,
         "buffer": challenge.buffer, "until": challenge.until, "at": at, "epoch_root": str(trusted.root), **facts,
         "insecure_setup": trust.key.insecure_setup, "trial_epoch": trusted.trial, "shown": shown if holds else None,
         "not_shown": list(not_shown), "taken_on_trust": on_trust, "checks": [check.to_json() for check in checks]},
        [*table([(check.name, "ok" if check.holds else "FALSE", _told(check)) for check in checks]), "",
         *([f"SHOWN: {shown}", *(f"not shown: {line}" for line in not_shown)] if holds else
           ["NOT SHOWN: this certificate does not answer your challenge."]), *on_trust,
         *marks(trust.key.insecure_setup, bool(trusted.trial))], holds)


def _told(check: Check) -> str:
    text = check.told()
    return text.replace("bundle ", "certificate ", 1) if not check.holds else text


def begun(as_of: int | None, until: int) -> int:
    """First second of an attestation; raises BadInput where its last one is over already."""
    now = int(time.time())
    if until < now:
        raise BadInput("--until", format_time(until), f"a time to come: it is {format_time(now)}")
    return now if as_of is None else as_of


def _signed(made: Any, out: Path) -> list[str]:
    return [f"{out}: {made.signer} attests the {made.kind} of {made.account}, {format_time(made.as_of)} to "
            f"{format_time(made.until)}, as commitment {made.commitment}."]


def marks(insecure: bool, trial: bool) -> list[str]:
    from risk.epochs.header import TRIAL
    return [*([INSECURE] if insecure else []), *([TRIAL] if trial else [])]

