"""`tailproof netting`: one margin over several protocols, shown to a counterparty."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from circuits import statements
from primitives.errors import BadInput
from risk.exact.clock import format_time
from verifier_contracts.addresses import checksummed

from .. import epochs
from ..keys import KeyDirectory
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .node import Endpoint, signing_offline
from .solvency import AS_OF, UNTIL, Trust, asking, begun, marks, told, verifying


class Member(click.ParamType[tuple[str, str]]):
    """A protocol and an account there, PROTOCOL:ACCOUNT."""

    name = "member"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        parts = str(value).split(":")
        if len(parts) != 2:
            raise BadInput("--member", value, "PROTOCOL:ACCOUNT, two addresses")
        return checksummed(parts[0], "--member"), checksummed(parts[1], "--member")


@click.group()
def netting() -> None:
    """One margin for positions on several protocols, covered by what all of them keep (all parties)."""


@netting.command("challenge")
@click.option("--asker", required=True, help="Who asks: a name for people, which nothing shows to be true.")
@click.option("--group", type=ADDRESS, required=True, help="Who is asked: the group's owner.")
@click.option("--member", "members", type=Member(), metavar="PROTOCOL:ACCOUNT", multiple=True, required=True,
              help="A member that you ask about, whose protocol's signatures you believe; again for each.")
@asking
@reporting
def ask(asker: str, group: str, members: tuple[tuple[str, str], ...], buffer: int, until: int, key: Path,
        epoch: Path | None, out: Path) -> Outcome:
    """Ask a group to show its margin, and that it is covered (counterparty)."""
    from ..challenge import Asked, Challenge
    from .solvency import issue

    def made(statement: str, digest: str, nonce: bytes, root: int | None) -> Challenge:
        return Challenge(statement, digest, asker, group, buffer, until, nonce, members=tuple(
            Asked(*member) for member in members), epoch_root=root)
    return issue(made, key, epoch, until, out)


@netting.command("commit")
@click.option("--statement", required=True, help="Netting statement to prove later.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; names the instruments.")
@click.option("--portfolio", type=FILE, required=True, help="Portfolio file (JSON): what the account holds there.")
@click.option("--protocol", type=ADDRESS, required=True, help="Where.")
@click.option("--account", type=ADDRESS, required=True, help="Whose account there.")
@click.option("--out", type=OUTPUT, required=True, help="Salt file to write, mode 0600. Keep it secret, and keep it.")
@reporting
def commit(statement: str, epoch: Path, portfolio: Path, protocol: str, account: str, out: Path) -> Outcome:
    """Commit to one member's positions on its protocol (trader)."""
    from risk.margins.portfolio import Portfolio

    from ..member_opening import commit_member
    found = statements.get(statement)
    opening = commit_member(found, _on_grid(epoch, statement), Portfolio.read(portfolio), protocol, account)
    opening.save(out)
    return Outcome({"commitment": str(opening.commitment), "opening": str(out), "slots_used": len(opening.slots)},
                   [f"commitment {opening.commitment}",
                    f"{out} opens it: who has that file knows the positions on {protocol}."])


@netting.command("attest")
@click.option("--opening", type=FILE, required=True, help="Salt file of the member's owner.")
@click.option("--group", type=ADDRESS, required=True, help="The one group that the account is in: its owner.")
@click.option("--place", type=Integer(0, (1 << 40) - 1), required=True, help="Its place in your trees of balances.")
@AS_OF
@UNTIL
@click.option("--epoch", type=FILE, help="With --expect-portfolio: epoch directory, says which instruments are meant.")
@click.option("--expect-portfolio", type=FILE, help="What you hold for the account; exit code 1, and nothing signed, "
              "if the commitment is to something else.")
@click.option("--out", type=OUTPUT, required=True, help="Membership to write.")
@signing_offline
@reporting
def attest_member(opening: Path, group: str, place: int, as_of: int | None, until: int, epoch: Path | None,
                  expect_portfolio: Path | None, out: Path, endpoint: Endpoint) -> Outcome:
    """Sign which group an account is in, its place, and that a commitment is to its positions (protocol)."""
    from risk.margins.portfolio import Portfolio

    from ..custody import Membership
    from ..member_opening import MemberOpening
    if (epoch is None) != (expect_portfolio is None):
        raise BadInput("--epoch and --expect-portfolio", (epoch and str(epoch), expect_portfolio and
                                                          str(expect_portfolio)), "given together, or neither")
    secret, signer = MemberOpening.load(opening), endpoint.signer()
    if secret.protocol != signer.address:
        raise BadInput("opening.protocol", secret.protocol, f"{signer.address}, whose key signs", source=opening)
    if epoch is not None and expect_portfolio is not None:
        grid = _on_grid(epoch, secret.statement)
        held = {int(grid.ids[row]): lots for row, lots in Portfolio.read(expect_portfolio).rows(grid) if lots}
        committed: dict[int, int] = {}
        for number, lots in secret.slots:
            committed[number] = committed.get(number, 0) + lots
        if {number: lots for number, lots in committed.items() if lots} != held:
            return Outcome({"path": None, "compared": True},
                           ["Nothing was signed: it commits to other positions than you hold."], False)
    made = Membership(signer=signer.address, group=group, account=secret.account, place=place,
                      commitment=secret.commitment, as_of=begun(as_of, until), until=until).signed(signer)
    made.save(out)
    looked = expect_portfolio is not None
    return Outcome({"path": str(out), "attestation": made.to_json(), "compared": looked},
                   [*([] if looked else ["NOBODY LOOKED: give --expect-portfolio to compare it with what you hold."]),
                    f"{out}: {made.signer} attests positions of {made.account}, at place {place}, in the group of "
                    f"{made.group}, until {format_time(until)}."])


@netting.command("prove")
@click.option("--challenge", "asked", type=FILE, required=True, help="Challenge to answer.")
@click.option("--key", type=FILE, required=True, help="Key directory.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory.")
@click.option("--opening", "openings", type=FILE, multiple=True, required=True, help="A member's salt file; again for "
              "each member.")
@click.option("--balances", "balances", type=FILE, multiple=True, required=True, help="What its protocol told it of "
              "its balances; again for each.")
@click.option("--membership", "memberships", type=FILE, multiple=True, required=True, help="What its protocol signed "
              "of it; again for each.")
@click.option("--root", "roots", type=FILE, multiple=True, required=True, help="Root of balances that its protocol "
              "signed; again for each.")
@click.option("--out", type=OUTPUT, required=True, help="Certificate to write.")
@reporting
def prove_netting(asked: Path, key: Path, epoch: Path, openings: tuple[Path, ...], balances: tuple[Path, ...],
                  memberships: tuple[Path, ...], roots: tuple[Path, ...], out: Path) -> Outcome:
    """Answer a challenge; exit code 1 if what is kept does not cover what it asks for (trader).

    The certificate shows the margin of all together. What each member's would be alone, what netting saves and how much
    is kept is told to you alone.
    """
    from risk.exact.money import format_money

    from .. import netting as proving
    from ..challenge import Challenge
    challenge, keys = Challenge.load(asked), KeyDirectory.load(key)
    members = _members(challenge, openings, balances, memberships, roots)
    grid = proving.require_answerable(challenge, keys, epochs.load(epoch), members, int(time.time()))
    found, quote = proving.savings(grid, members, challenge.buffer), grid.header.quote
    facts: dict[str, Any] = {
        "margin": str(found.together), "separate": [str(margin) for margin in found.separate],
        "saved": str(found.saved), "needed": str(found.needed), "worth": str(found.worth)}
    rows = [(name, f"{format_money(amount)} {quote}") for name, amount in (
        *((f"margin of {member.opening.account} alone", alone) for member, alone in zip(
            members, found.separate, strict=True)),
        ("margin together", found.together), ("saved by netting", found.saved), ("with the buffer", found.needed),
        ("collateral less debts", found.worth))]
    if not found.covers:
        return Outcome({"certificate": None, **facts}, [*table(rows), "Not covered: nothing was proven."], False)
    made = proving.certify(challenge, keys, grid, members, progress=progress)
    made.save(out)
    return Outcome({"certificate": str(out), **facts, "asker": challenge.asker, "until": challenge.until,
                    "insecure_setup": keys.insecure_setup, "trial_epoch": grid.header.trial},
                   [*table([*rows, ("asked by", challenge.asker), ("until", format_time(challenge.until))]),
                    f"{out}: an answer to this challenge alone. Of the amounts above it shows the margin together.",
                    *marks(keys.insecure_setup, grid.header.trial)])


def _members(challenge: Any, openings: tuple[Path, ...], balances: tuple[Path, ...], memberships: tuple[Path, ...],
             roots: tuple[Path, ...]) -> list[Any]:
    """The challenge's members in its order, each with its files."""
    from ..balances import MemberBalances
    from ..custody import BalanceRoot, Membership
    from ..group_certificate import MemberWords
    from ..member_opening import MemberOpening
    from ..netting import MemberSecrets
    secrets = {(one.protocol, one.account): one for one in map(MemberOpening.load, openings)}
    kept = {(one.protocol, one.account): one for one in map(MemberBalances.load, balances)}
    words = {(one.signer, one.account): one for one in map(Membership.load, memberships)}
    signed = {one.signer: one for one in map(BalanceRoot.load, roots)}
    found = []
    for asked in challenge.members:
        for option, there in (("--opening", asked in secrets), ("--balances", asked in kept),
                              ("--membership", asked in words), ("--root", asked.protocol in signed)):
            if not there:
                raise BadInput(option, None, f"given for {asked.account} on {asked.protocol}, whom the challenge names")
        found.append(MemberSecrets(secrets[asked], kept[asked], MemberWords(words[asked], signed[asked.protocol])))
    return found


@netting.command("verify")
@click.argument("certificate", type=FILE)
@click.option("--challenge", "asked", type=FILE, required=True, help="Your challenge: the file that you kept.")
@verifying
@reporting
def verify_group(certificate: Path, asked: Path, trust: Trust) -> Outcome:
    """Verify CERTIFICATE against your own challenge, offline; exit code 1 if any check fails (counterparty)."""
    from risk.exact.money import format_money

    from .. import netting as checking
    from ..challenge import Challenge
    from ..group_certificate import GroupCertificate
    given, challenge, epoch = GroupCertificate.load(certificate), Challenge.load(asked), trust.epoch
    checks = checking.examine(given, challenge, trust.key, epoch, at=trust.at, key_circuit=trust.circuit,
                              backend=trust.backend)
    margin = f"{format_money(given.bundle.margin)} {epoch.quote or 'quote units'}"
    return told(challenge, checks, trust, checking.in_words(challenge, margin, epoch.root, epoch.valuation),
                checking.NOT_SHOWN, {"margin": str(given.bundle.margin)})


def _on_grid(epoch: Path, statement: str) -> Any:
    from ..balances import preset_of
    from ..shapes import require_shape
    found, numbers = statements.get(statement), epochs.load(epoch)
    preset_of(found)
    require_shape(numbers.shape, found.shape, statement, source=epoch)
    return numbers
