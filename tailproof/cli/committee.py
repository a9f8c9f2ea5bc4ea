"""`tailproof committee`: what members of an escrow's committee do, each on a machine of her own.

    init member           a key for letters, each member; or for escrows, a venue or an owner
    init prove            that one has its secret, to a contract
    init roster           who they are, anybody; all compare the digest
    join deal             each member
    join finish           each member, from everybody's dealings; a bad one is told, with a complaint to hand round
    join certify          anybody, from everybody's confirmations: the committee's file, whose key goes on chain
    decrypt partial       six of nine, once a disclosure has been ordered
    decrypt open          whoever it was ordered for
    decrypt own           venue or owner, with a key of her own
    register              the committee's key or its new shares on chain (admin)
    requests              what was ordered there, for `decrypt`
    renew deal, finish, certify   the same key, new shares: every thirty days, or when members change
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from primitives.errors import BadInput, Said

from .console import FILE, OUTPUT, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .vault import DEPLOYMENT, opened

if TYPE_CHECKING:
    from committee.dealing import Complaint
    from committee.decryption import Request
    from committee.group import Committee, Taken
    from committee.members import Identity

HANDED_ROUND = "Complaints that were handed round; repeatable."
DESTROY = "Every old share is to be destroyed now: as many as it took still open whatever is escrowed to this key."


@click.group()
def committee() -> None:
    """Share the key that escrows are encrypted to, and decrypt when it has been ordered (committee)."""


# -- init --------------------------------------------------------------------------------------------------------------
@committee.group()
def init() -> None:
    """A member's key, and the roster of members."""


@init.command()
@click.option("--name", required=True, help="Of the member.")
@click.option("--secret", type=OUTPUT, required=True, help="Secret to write, mode 0600.")
@click.option("--public", type=OUTPUT, required=True, help="What to give to the others.")
@reporting
def member(name: str, secret: Path, public: Path) -> Outcome:
    """Draw a key, with proof of possession: for letters to a member, or for escrows to a venue or an owner."""
    from committee.files import NAME, point_text
    from committee.members import Identity
    if not re.fullmatch(NAME, name):
        raise BadInput("--name", name, "at most 64 letters, digits, spaces, '.', '_', '-'")
    identity = Identity.draw(name)
    identity.save(secret)
    identity.member().save(public)
    return Outcome({"name": name, "key": point_text(identity.key), "x": str(identity.key.x), "y": str(identity.key.y),
                    "secret": str(secret), "public": str(public)},
                   [*table([("key", point_text(identity.key)), ("public", public)]),
                    f"{secret} is the secret: whoever has it reads what is sent to {name}."])


@init.command()
@click.option("--secret", type=FILE, required=True, help="Own secret, of `init member`.")
@click.option("--context", required=True, help="What the key is registered for, 32 bytes (0x…): chain, contract and "
              "account, hashed.")
@reporting
def prove(secret: Path, context: str) -> Outcome:
    """Prove possession of a key to a contract that registers it: a Schnorr proof over keccak256, T and s."""
    from committee.files import point_text, possession_json
    from committee.members import Identity
    from committee.proofs import Possession
    identity, wanted = Identity.load(secret), _context(context)
    proof = Possession.of(identity.secret, wanted)
    return Outcome({"name": identity.name, "key": point_text(identity.key), "x": str(identity.key.x),
                    "y": str(identity.key.y), "context": context, "possession": possession_json(proof),
                    "t_x": str(proof.commitment.x), "t_y": str(proof.commitment.y), "s": str(proof.response)},
                   table([("key x", identity.key.x), ("key y", identity.key.y), ("T x", proof.commitment.x),
                          ("T y", proof.commitment.y), ("s", proof.response)]))


def _context(text: str) -> bytes:
    if not re.fullmatch(r"0x[0-9a-f]{64}", text):
        raise BadInput("--context", text, "32 bytes: 0x and 64 digits, lower case")
    return bytes.fromhex(text[2:])


@init.command()
@click.option("--context", required=True, help="What the key is for, 32 bytes (0x…): chain, contract and generation, "
              "hashed. The proof of possession binds it.")
@click.option("--threshold", type=int, required=True, help="How many members it takes: 6 of 9.")
@click.option("--previous", type=FILE, help="For a renewal: the committee whose key is taken over.")
@click.option("--out", type=OUTPUT, required=True, help="Roster to write.")
@click.argument("members", type=FILE, nargs=-1, required=True)
@reporting
def roster(context: str, threshold: int, previous: Path | None, out: Path, members: Sequence[Path]) -> Outcome:
    """Put MEMBERS' public files together, in this order; every proof is checked."""
    from committee.files import hexed
    from committee.group import Committee
    from committee.members import gathered
    wanted = _context(context)
    if not 2 <= threshold <= len(members):
        raise BadInput("--threshold", threshold, f"an integer in [2, {len(members)}], the number of members")
    before = None if previous is None else Committee.load(previous)
    made = gathered(wanted, threshold, members, None if before is None else before.digest)
    made.save(out)
    return Outcome({"roster": hexed(made.digest), "threshold": threshold,
                    "members": [each.name for each in made.members], "out": str(out)},
                   [*table([(number, each.name) for number, each in enumerate(made.members, 1)], ("number", "member")),
                    f"roster {hexed(made.digest)}: every member compares this before dealing."])


# -- dealing and renewing ----------------------------------------------------------------------------------------------
@committee.group()
def join() -> None:
    """A new key, of which each member has a share and nobody the whole."""


@committee.group()
def renew() -> None:
    """New shares of the same key, for the same members or others; old shares are worth nothing beside them."""


@join.command("deal")
@click.option("--roster", "roster_file", type=FILE, required=True, help="Roster.")
@click.option("--secret", type=FILE, required=True, help="Own secret, of `init member`.")
@click.option("--out", type=OUTPUT, required=True, help="Dealing to write, for everybody.")
@click.option("--keep", type=OUTPUT, required=True, help="Secret to write, mode 0600; needed until all is certified.")
@reporting
def join_deal(roster_file: Path, secret: Path, out: Path, keep: Path) -> Outcome:
    """Deal a part of the new key, with a share of it in a letter to each member."""
    from committee.dealing import deal
    from committee.members import Identity, Roster
    from primitives.babyjubjub import draw_scalar
    there, identity = Roster.load(roster_file), Identity.load(secret)
    if there.previous is not None:
        raise BadInput("previous of the roster", Said("a committee"), "absent: its key is taken over by `renew`",
                       source=roster_file)
    dealing, dealer = deal(there, there.number_of(identity.key, secret), draw_scalar(), renewal=False)
    dealer.save(keep)
    dealing.save(out)
    return _dealt(dealing.dealer, dealing.digest, out)


@renew.command("deal")
@click.option("--roster", "roster_file", type=FILE, required=True, help="New roster, with the committee as --previous.")
@click.option("--committee", "committee_file", type=FILE, required=True, help="The committee before.")
@click.option("--share", type=FILE, required=True, help="Own share in it.")
@click.option("--out", type=OUTPUT, required=True, help="Dealing to write, for everybody.")
@reporting
def renew_deal(roster_file: Path, committee_file: Path, share: Path, out: Path) -> Outcome:
    """Deal an old share, with a share of it in a letter to each new member."""
    from committee.dealing import deal
    from committee.files import hexed
    from committee.group import Committee, Share
    from committee.members import Roster
    there, before = Roster.load(roster_file), Committee.load(committee_file)
    if there.previous != before.digest:
        raise BadInput("previous of the roster", there.previous and hexed(there.previous),
                       f"{hexed(before.digest)}, the committee's digest", source=roster_file)
    held = Share.load(share, before)
    dealing, _ = deal(there, held.member, held.share, renewal=True)
    dealing.save(out)
    return _dealt(dealing.dealer, dealing.digest, out)


def _dealt(dealer: int, digest: bytes, out: Path) -> Outcome:
    from committee.files import hexed
    return Outcome({"dealer": dealer, "dealing": hexed(digest), "out": str(out)},
                   [f"dealer {dealer}: {out} goes to every member ({hexed(digest)})"])


@join.command("finish")
@click.option("--roster", "roster_file", type=FILE, required=True, help="Roster.")
@click.option("--secret", type=FILE, required=True, help="Own secret, of `init member`.")
@click.option("--keep", type=FILE, help="Own secret, of `join deal`; marked as spent.")
@click.option("--complaints", "against", type=FILE, multiple=True, help=HANDED_ROUND)
@click.option("--out", type=OUTPUT, required=True, help="Share to write, mode 0600.")
@click.option("--confirm", type=OUTPUT, required=True, help="Confirmation to write, for everybody.")
@click.option("--complain", type=OUTPUT, required=True, help="Where to write a complaint, if a letter holds no share.")
@click.argument("dealings", type=FILE, nargs=-1, required=True)
@reporting
def join_finish(roster_file: Path, secret: Path, keep: Path | None, against: Sequence[Path], out: Path, confirm: Path,
                complain: Path, dealings: Sequence[Path]) -> Outcome:
    """Check everybody's DEALINGS and put one's own share together; exit code 1 if a dealer is caught."""
    from committee.dealing import Dealer
    taken = _taken(roster_file, dealings, against, None)
    return _finished(taken, secret, out, confirm, complain, None if keep is None else Dealer.load(keep), keep)


@renew.command("finish")
@click.option("--roster", "roster_file", type=FILE, required=True, help="New roster.")
@click.option("--committee", "committee_file", type=FILE, required=True, help="The committee before.")
@click.option("--secret", type=FILE, required=True, help="Own secret, of `init member`.")
@click.option("--complaints", "against", type=FILE, multiple=True, help=HANDED_ROUND)
@click.option("--out", type=OUTPUT, required=True, help="Share to write, mode 0600.")
@click.option("--confirm", type=OUTPUT, required=True, help="Confirmation to write, for everybody.")
@click.option("--complain", type=OUTPUT, required=True, help="Where to write a complaint, if a letter holds no share.")
@click.argument("dealings", type=FILE, nargs=-1, required=True)
@reporting
def renew_finish(roster_file: Path, committee_file: Path, secret: Path, against: Sequence[Path], out: Path,
                 confirm: Path, complain: Path, dealings: Sequence[Path]) -> Outcome:
    """Check old members' DEALINGS and put one's own new share together; exit code 1 if a dealer is caught."""
    from committee.group import Committee
    taken = _taken(roster_file, dealings, against, Committee.load(committee_file))
    return _finished(taken, secret, out, confirm, complain, None, None)


def _taken(roster_file: Path, dealings: Sequence[Path], against: Sequence[Path], old: Committee | None) -> Taken:
    from committee.dealing import load_complaints
    from committee.group import Taken
    from committee.members import Roster
    complaints: list[Complaint] = [complaint for file in against for complaint in load_complaints(file)]
    return Taken.of(Roster.load(roster_file), dealings, complaints, old)


def _finished(taken: Taken, secret: Path, out: Path, confirm: Path, complain: Path, dealer: object, keep: Path | None
              ) -> Outcome:
    from committee.dealing import Dealer, save_complaints
    from committee.files import hexed, point_text
    from committee.group import BadShares
    from committee.members import Identity
    identity = Identity.load(secret)
    try:
        share = taken.share(identity)
    except BadShares as error:
        save_complaints(complain, error.complaints)
        caught = [complaint.dealer for complaint in error.complaints]
        return Outcome({"caught": caught, "complaints": str(complain)},
                       [f"the letter of dealer {number} holds no share: {complain} shows it to everybody; `finish` "
                        f"again with --complaints {complain}" for number in caught], holds=False)
    assert dealer is None or isinstance(dealer, Dealer)
    answering = taken.answering(share.member, dealer)
    if answering is not None and keep is not None:
        answering.save(keep)                           # spent before it answers: a second answer tells the secret
    share.save(out)
    taken.confirm(share, answering).save(confirm)
    made = taken.committee
    return Outcome({"member": share.member, "committee": hexed(made.digest), "key": point_text(made.key),
                    "dealers": [dealing.dealer for dealing in taken.dealings], "share": str(out),
                    "confirmation": str(confirm)},
                   [*table([("member", share.member), ("committee", hexed(made.digest)),
                            ("key", point_text(made.key))]),
                    f"{out} is the share; {confirm} goes to whoever certifies."])


@join.command("certify")
@click.option("--roster", "roster_file", type=FILE, required=True, help="Roster.")
@click.option("--complaints", "against", type=FILE, multiple=True, help=HANDED_ROUND)
@click.option("--dealing", "dealings", type=FILE, multiple=True, required=True, help="Dealings; repeatable.")
@click.option("--out", type=OUTPUT, required=True, help="Committee to write, for everybody.")
@click.argument("confirmations", type=FILE, nargs=-1, required=True)
@reporting
def join_certify(roster_file: Path, against: Sequence[Path], dealings: Sequence[Path], out: Path,
                 confirmations: Sequence[Path]) -> Outcome:
    """Put members' CONFIRMATIONS together: all came to one key, hold shares of it, and prove its possession."""
    return _certified(_taken(roster_file, dealings, against, None), confirmations, out)


@renew.command("certify")
@click.option("--roster", "roster_file", type=FILE, required=True, help="New roster.")
@click.option("--committee", "committee_file", type=FILE, required=True, help="The committee before.")
@click.option("--complaints", "against", type=FILE, multiple=True, help=HANDED_ROUND)
@click.option("--dealing", "dealings", type=FILE, multiple=True, required=True, help="Dealings; repeatable.")
@click.option("--out", type=OUTPUT, required=True, help="Committee to write, for everybody.")
@click.argument("confirmations", type=FILE, nargs=-1, required=True)
@reporting
def renew_certify(roster_file: Path, committee_file: Path, against: Sequence[Path], dealings: Sequence[Path], out: Path,
                  confirmations: Sequence[Path]) -> Outcome:
    """Put new members' CONFIRMATIONS together: all hold new shares of the key."""
    from committee.group import Committee
    outcome = _certified(_taken(roster_file, dealings, against, Committee.load(committee_file)), confirmations, out)
    return Outcome(outcome.data, [*outcome.lines, DESTROY])


def _certified(taken: Taken, confirmations: Sequence[Path], out: Path) -> Outcome:
    from committee.files import hexed, point_text, possession_json
    from committee.group import Confirmation
    told = [Confirmation.load(file) for file in confirmations]
    made = taken.certified(told)
    assert made.possession is not None
    made.save(out)
    missing = sorted({*range(1, len(made.roster.members) + 1)} - {each.member for each in told})
    return Outcome({"committee": hexed(made.digest), "key": point_text(made.key), "x": str(made.key.x),
                    "y": str(made.key.y), "possession": possession_json(made.possession),
                    "key_context": hexed(made.key_context), "threshold": made.threshold, "unconfirmed": missing,
                    "out": str(out)},
                   [*table([("committee", hexed(made.digest)), ("key", point_text(made.key)),
                            ("members", f"{made.threshold} of {len(made.roster.members)}")]),
                    *([f"not confirmed: members {', '.join(map(str, missing))}"] if missing else [])])


# -- decrypt -----------------------------------------------------------------------------------------------------------
@committee.group()
def decrypt() -> None:
    """Open an escrow: enough members together, or a recipient with a key of her own."""


@decrypt.command()
@click.option("--committee", "committee_file", type=FILE, required=True, help="Committee.")
@click.option("--share", type=FILE, required=True, help="Own share.")
@click.option("--request", "request_file", type=FILE, required=True, help="Escrow to open, as it was posted on chain. "
              "Take it from there: who answers any request opens any escrow.")
@click.option("--to", type=FILE, help="Public file of the reader whom it is for; without, everybody can read it.")
@click.option("--out", type=OUTPUT, required=True, help="Partial decryption to write.")
@reporting
def partial(committee_file: Path, share: Path, request_file: Path, to: Path | None, out: Path) -> Outcome:
    """Apply one's share to an escrow, with a proof that it was."""
    from committee.decryption import Partial, Request
    from committee.group import Committee, Share
    from committee.members import Member
    from primitives.jsonio import Node
    there = Committee.load(committee_file)
    held, request = Share.load(share, there), Request.load(request_file)
    reader = None if to is None else Member.of(Node.read(to), schema=True)
    Partial.of(there, request, held).save(out, None if reader is None else reader.key)
    name = None if reader is None else reader.name
    return Outcome({"member": held.member, "reader": name, "out": str(out)},
                   [f"member {held.member}: {out} " + (f"is for {name} alone" if name else "is readable by everybody")])


@decrypt.command("open")
@click.option("--committee", "committee_file", type=FILE, required=True, help="Committee.")
@click.option("--request", "request_file", type=FILE, required=True, help="Escrow to open.")
@click.option("--secret", type=FILE, help="Reader's secret, if partial decryptions are sealed to her.")
@click.option("--statement", help="Statement that the opening is to be proven under [the request's].")
@click.option("--out", type=OUTPUT, required=True, help="Opening to write, mode 0600.")
@click.argument("partials", type=FILE, nargs=-1, required=True)
@reporting
def open_(committee_file: Path, request_file: Path, secret: Path | None, statement: str | None, out: Path,
          partials: Sequence[Path]) -> Outcome:
    """Put PARTIALS together; those that do not hold are named, and the opening is compared with the commitment."""
    from committee.decryption import Partial, Request, open_together
    from committee.group import Committee
    there, request = Committee.load(committee_file), Request.load(request_file)
    reader = None if secret is None else _identity(secret)
    opened = open_together(there, request, [Partial.load(file, reader) for file in partials])
    return _opened(request, opened.elements, statement, out, opened.members, opened.refused)


@decrypt.command()
@click.option("--secret", type=FILE, required=True, help="Own secret, of `init member`.")
@click.option("--request", "request_file", type=FILE, required=True, help="Escrow to open.")
@click.option("--statement", help="Statement that the opening is to be proven under [the request's].")
@click.option("--out", type=OUTPUT, required=True, help="Opening to write, mode 0600.")
@reporting
def own(secret: Path, request_file: Path, statement: str | None, out: Path) -> Outcome:
    """Open an escrow that one's own key is a recipient of (venue, owner, bidder)."""
    from committee.decryption import Request, open_alone
    request = Request.load(request_file)
    return _opened(request, open_alone(request, _identity(secret)), statement, out, (), ())


def _identity(secret: Path) -> Identity:
    from committee.members import Identity
    return Identity.load(secret)


def _opened(request: Request, elements: Sequence[int], statement: str | None, out: Path, members: Sequence[int],
            refused: Sequence[int]) -> Outcome:
    from ..escrowing import opening_of
    opening_of(request, elements, statement).save(out)
    return Outcome({"commitment": str(request.binding.commitment), "opening": str(out), "members": list(members),
                    "refused": list(refused)},
                   [*table([("commitment", request.binding.commitment), ("opening", out)]),
                    *([f"partial decryptions that do not hold: members {', '.join(map(str, refused))}"] if refused
                      else []), f"{out} holds the portfolio and its salt."])


# -- on the chain ------------------------------------------------------------------------------------------------------
@committee.command("register")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--committee", "committee_file", type=FILE, required=True, help="Committee, of `certify`.")
@reporting
def register(deployment: Path, endpoint: Endpoint, committee_file: Path) -> Outcome:
    """Register a committee's key, or that its members have renewed their shares (admin; the first at once, all others
    after its delay: run the same command again)."""
    from committee.files import hexed
    from committee.group import Committee

    from .contract_governance import stepped
    found = Committee.load(committee_file)
    _, there = opened(deployment, endpoint)
    generation = there.escrow.generation()
    members, digest = list(found.verification), found.digest
    facts = {"committee": hexed(digest), "threshold": found.threshold, "members": len(members)}
    if generation and there.escrow.committee(generation).key == found.key:
        step = there.authority.perform(there.escrow, "renewCommittee", generation, members, found.threshold, digest)
        return stepped(step, f"new shares of the key of generation {generation}",
                       {**facts, "generation": generation, "renewed": True})
    wanted = there.escrow.context_of_committee(generation + 1)
    if found.possession is None or found.key_context != wanted:
        raise BadInput("context of the committee's key", hexed(found.key_context), f"{hexed(wanted)}, that of "
                       f"generation {generation + 1} (`escrow show`): its roster has to name it", source=committee_file)
    shown = (found.possession.commitment, found.possession.response)
    common = (found.key, shown, members, found.threshold, digest)
    step = there.authority.perform(there.escrow, "foundCommittee", *common) if not generation else \
        there.authority.perform(there.escrow, "registerCommittee", generation + 1, *common)
    return stepped(step, f"committee of generation {generation + 1}",
                   {**facts, "generation": generation + 1, "renewed": False})


@committee.command("requests")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--out", type=OUTPUT, help="Directory to write each order's request to, as `decrypt` takes it: LOT.json.")
@reporting
def requests(deployment: Path, endpoint: Endpoint, out: Path | None) -> Outcome:
    """What was ordered to be disclosed, and to whom. Answer these requests and no others: here a proof has shown that
    whoever posted an escrow made it. Exit code 1 if one waits."""
    from committee.files import point_text

    from .. import escrowing
    system, there = opened(deployment, endpoint)
    found, rows = [], []
    for order in escrowing.ordered(system, there, progress=progress):
        path = None
        if out is not None and order.posted is not None:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{order.lot}.json"
            if not path.exists():
                order.posted.request.save(path)
        waits = order.commitment == there.ledger.commitment_of(order.account) \
            and not (order.published if not order.recipients else order.seats)
        to = [point_text(key) for key in order.recipients]
        found.append({"lot": str(order.lot), "account": order.account, "version": order.version,
                      "commitment": str(order.commitment), "recipients": to, "everybody": not to,
                      "delivered": order.seats, "published": order.published, "waits": waits,
                      "escrowed": order.posted is not None, "request": None if path is None else str(path)})
        rows.append((order.lot, order.account, f"{len(to)} keys" if to else "EVERYBODY", "waits" if waits else "done",
                     path or ("-" if order.posted is not None else "no escrow: venue or owner has to")))
    return Outcome({"requests": found}, table(rows, ("lot", "account", "for", "state", "request")) if rows else
                   ["Nothing was ordered."], not any(one["waits"] for one in found))
