"""A group's answer to a challenge: one margin for its positions on several protocols, covered by what all of them keep.

*What holding certificates show*: under the epoch, the margin of all the members' positions together, each protocol's as
it attests them, is the public one; and what the protocols attest to keep for these members at this epoch, at its
factors and less debts, is at least that margin and the buffer beyond it (N1 to N4, S2 to S5, C2 to C20).

The margin is public, unlike in `solvency`; what each member's margin would be alone is not, and so what netting saves
is told to the holder only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuits import statements
from circuits.clauses.collateral import BUFFER_UNIT, surplus_of
from circuits.statements import netting
from circuits.statements.netting import Member
from primitives.errors import BadInput, Said
from risk.exact.clock import format_time
from risk.grid.grid_epoch import GridEpoch
from risk.grid.haircuts import FACTOR_UNIT
from risk.margins.grid_margin import cross_margin

from .answering import examine_answer, examine_word, require_all, require_asked, valuation_of
from .auditing import Check
from .balances import MemberBalances, preset_of
from .bundle import Bundle
from .certificate import context_of
from .challenge import Asked, Challenge
from .custody import kept_by
from .epochs import AnyEpoch, Claim
from .group_certificate import GroupCertificate, MemberWords
from .keys import KeyDirectory
from .member_opening import MemberOpening
from .number_forms import moment
from .progress import Progress, quiet
from .proving import proven
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName

NOT_SHOWN = (
    "what any protocol keeps for any member, or by how much collateral exceeds the margin",
    "that protocols have what they attest, each account once, in one group and at one place; that is their word",
    "anything of accounts that the challenge does not name, nor that this collateral is encumbered to who asks",
    "that it stays so: prices move, and protocols promise it only until the times above",
    "who made it, beyond who knows all openings; and whoever has it and the challenge can check it as well",
)


@dataclass(frozen=True)
class MemberSecrets:
    """What a group's owner has of one member."""

    opening: MemberOpening
    balances: MemberBalances
    words: MemberWords


@dataclass(frozen=True)
class Savings:
    """What the group's owner alone may know, 10**-6 quote units.

    separate : margin of each member alone.  together : of all of them.  worth : of collateral less debts, rounded down.
    needed : margin and buffer, rounded up.  covers : exactly.
    """

    separate: tuple[int, ...]
    together: int
    worth: int
    needed: int
    covers: bool

    @property
    def saved(self) -> int:
        """Never negative: Expected Shortfall is subadditive."""
        return sum(self.separate) - self.together


def savings(epoch: GridEpoch, members: Sequence[MemberSecrets], buffer: int) -> Savings:
    """What netting saves, and whether collateral covers; raises BadInput for what the epoch does not list."""
    found = cross_margin(epoch, [_rows(epoch, member.opening) for member in members])
    holdings = [holding for member in members for holding in member.balances.holdings]
    for holding in holdings:
        epoch.asset_place(holding.asset)
    return Savings(found.separate, found.together, surplus_of(epoch, holdings, 0, 0) // (BUFFER_UNIT * FACTOR_UNIT),
                   -(-found.together * (BUFFER_UNIT + buffer) // BUFFER_UNIT),
                   surplus_of(epoch, holdings, found.together, buffer) >= 0)


# -- proving ---------------------------------------------------------------------------------------------------------
def require_answerable(challenge: Challenge, keys: KeyDirectory, epoch: AnyEpoch, members: Sequence[MemberSecrets],
                       now: int) -> GridEpoch:
    """Refuse, before any work, what would be no answer to a challenge; the epoch, which is one on a grid.

    Raises
    ------
    BadInput : the challenge is over; key, epoch, or what is there of a member is not what it asks for, or not of each
        other.
    """
    _ = preset_of(statements.get(challenge.statement))
    grid = require_asked(challenge, keys, epoch, now)
    if len(members) != len(challenge.members):
        raise BadInput("number of members", len(members), f"the {len(challenge.members)} that the challenge names")
    for asked, member in zip(challenge.members, members, strict=True):
        for what, secret in (("opening", member.opening), ("balances", member.balances)):
            if (secret.statement, secret.protocol, secret.account) != (challenge.statement, *asked):
                raise BadInput(f"{what} of {asked.account}",
                               Said(f"{secret.statement}, {secret.protocol}, {secret.account}"),
                               f"{challenge.statement}, {asked.protocol}, {asked.account}")
        if member.balances.epoch_number != grid.header.timestamp:
            raise BadInput(f"balances of {asked.account}", format_time(member.balances.epoch_number),
                           f"of this epoch, {format_time(grid.header.timestamp)}")
        require_all([*_attested(asked, member.words, challenge, now),
                     Check.same(f"commitment of {asked.account}", member.words.membership.commitment,
                                member.opening.commitment),
                     Check.same(f"balance root of {asked.protocol}", member.words.balances.root,
                                member.balances.branch.root),
                     Check.same(f"epoch of {asked.protocol}", moment(member.words.balances.epoch_number),
                                moment(grid.header.timestamp)),
                     Check.same(f"place of {asked.account}", member.words.membership.place, member.balances.place)])
    return grid


def certify(challenge: Challenge, keys: KeyDirectory, epoch: GridEpoch, members: Sequence[MemberSecrets], *,
            progress: Progress = quiet) -> GroupCertificate:
    """The certificate that answers a challenge, of what `require_answerable` took.

    Raises
    ------
    BadInput : collateral that does not cover; positions or assets out of the statement's bounds.
    """
    statement = statements.get(challenge.statement)
    context = context_of(challenge, epoch.header.timestamp)
    group = [Member(kept_by(one.opening.protocol, one.opening.account), one.opening.salt, _rows(epoch, one.opening),
                    one.balances.salt, one.balances.holdings, one.balances.branch, one.balances.place)
             for one in members]
    inputs = netting.assign(statement.preset, epoch, epoch.header.timestamp, group, challenge.buffer,
                            context.field_element())
    public, proof = proven(keys, statement, inputs, progress=progress)
    bundle = Bundle(statement.name, r1cs_digest(statement.name), keys.insecure_setup, public, context, proof)
    return GroupCertificate(bundle, tuple(one.words for one in members))


def _rows(epoch: GridEpoch, opening: MemberOpening) -> list[tuple[int, int]]:
    return [(epoch.index_of(number), lots) for number, lots in opening.slots]


# -- checking --------------------------------------------------------------------------------------------------------
def examine(certificate: GroupCertificate, challenge: Challenge, key: VerificationKey, epoch: Claim, *, at: int,
            key_circuit: str | None = None, backend: BackendName = "kernels") -> Sequence[Check]:
    """Check a group's certificate; parameters and errors as `examine_answer`."""
    public, preset = certificate.bundle.public_inputs, preset_of(statements.get(challenge.statement))
    checks = [
        *examine_answer(certificate.bundle, challenge, key, epoch, at=at, key_circuit=key_circuit, backend=backend),
        # Without it: a member with debts is left out.
        Check.same("number of members", len(certificate.members), len(challenge.members)),
    ]
    if len(certificate.members) != len(challenge.members):
        return checks
    # Without these: other members, what nobody attests, another epoch's balances, the better of two leaves.
    wanted = public_of(preset, challenge.members, certificate.members, valuation_of(certificate.bundle, epoch))
    checks += [Check.same(name, *(moment(one) if name == "epoch_number" else one for one in (public[name], value)))
               for name, value in wanted.items()]
    for asked, words in zip(challenge.members, certificate.members, strict=True):
        checks += [*_attested(asked, words, challenge, at),
                   Check.same(f"epoch of {asked.protocol}", moment(words.balances.epoch_number),
                              moment(valuation_of(certificate.bundle, epoch)))]
    return checks


def public_of(preset: netting.Preset, asked: Sequence[Asked], words: Sequence[MemberWords], epoch_number: int
              ) -> Mapping[str, int]:
    """Public inputs that a challenge and what protocols signed determine; places that nobody has are empty."""
    found = {"epoch_number": epoch_number, "places": sum(
        one.membership.place << preset.place_bits * p for p, one in enumerate(words))}
    for p in range(preset.places):
        used = p < len(asked)
        found |= {f"member_{p}": kept_by(*asked[p]) if used else netting.UNUSED,
                  f"portfolio_commitment_{p}": words[p].membership.commitment if used else
                  netting.empty_commitment(preset),
                  f"balance_root_{p}": words[p].balances.root if used else 0}
    return found


def _attested(asked: Asked, words: MemberWords, challenge: Challenge, at: int) -> Sequence[Check]:
    """That a member's own protocol signed that it is in this group, and what it keeps."""
    where = f"{asked.account} on {asked.protocol}"
    depth = preset_of(statements.get(challenge.statement)).balance_depth
    return [*examine_word(words.membership, asked.protocol, challenge, at, f"membership of {where}"),
            *examine_word(words.balances, asked.protocol, challenge, at, f"balances of {where}"),
            Check.same(f"account of {where}", words.membership.account, asked.account),
            # Without it: an account counted in two groups.
            Check.same(f"group of {where}", words.membership.group, challenge.account),
            # Without it: a place whose high bits fall on the next member's.
            Check(f"place of {where}", words.membership.place < 8**depth, str(words.membership.place),
                  f"below {8**depth}")]


def in_words(challenge: Challenge, margin: str, root: int, valuation: int | None) -> str:
    """What a certificate that holds shows.  margin : as it is written, with its unit."""
    when = "" if valuation is None else f", valued at {format_time(valuation)}"
    members = ", ".join(f"{member.account} on {member.protocol}" for member in challenge.members)
    return (f"The margin of all positions together that protocols attest of {members} is {margin}; what these "
            f"protocols attest to keep for them, counted by the epoch's factors and less debts, is at least that and "
            f"{challenge.buffer / 100:g} % more, under epoch {root}{when}. Asked by {challenge.asker}.")
