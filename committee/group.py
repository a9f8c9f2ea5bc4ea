"""A committee: one public key, a share of its secret for each member, and how it comes to be.

From the dealings that all members took, in one order, follows everything public: the key, each member's verification
key Y_j = x_j B, and a digest that names it all. A member's `Confirmation` says that he came to that digest, shows that
he has his share, and carries his part of the proof of possession of a new key:

    T = sum_i T_i,   c = challenge(P, T),   s_i = k_i + c a_i,   s = sum_i s_i,   so that s B = T + c P.

Each dealer's own secret a_i was proven before (`Dealing`), so no key is made out of others', and a nonce is used once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from committee.dealing import Complaint, Dealer, Dealing, shared_secret
from committee.files import (
    digest_of,
    hexed,
    point_text,
    possession_json,
    read_bytes32,
    read_key,
    read_possession,
    read_secret,
)
from committee.members import MOST_MEMBERS, Identity, Roster
from committee.proofs import POSSESSION, Possession, answers, challenge, respond
from committee.sharing import combined, committed_at, weights
from primitives import babyjubjub, jsonio
from primitives.babyjubjub import BASE, IDENTITY, SUBGROUP_ORDER, Point, multiply, require_scalar
from primitives.errors import BadInput, Said
from primitives.jsonio import Node

COMMITTEE, SHARE, CONFIRMATION = "tailproof.committee/1", "tailproof.share/1", "tailproof.confirmation/1"


@dataclass(frozen=True)
class Committee:
    """What everybody may know.

    roster : its members.  key : P, what escrows are encrypted to.  verification : Y_j of each member.
    key_context, possession : what the key was made for, and the proof that its secret is shared; a renewal keeps both.
    origin : digest of what it came from: the roster and the dealings taken.
    """

    roster: Roster
    key: Point
    verification: tuple[Point, ...]
    key_context: bytes
    origin: bytes
    possession: Possession | None = None

    @cached_property
    def digest(self) -> bytes:
        """Names it, whether certified or not."""
        return digest_of({key: value for key, value in self.to_json().items() if key != "possession"})

    @property
    def threshold(self) -> int:
        return self.roster.threshold

    def to_json(self) -> dict[str, Any]:
        """As `load` reads it, once there is a proof of possession."""
        proof = {} if self.possession is None else {"possession": possession_json(self.possession)}
        return {"schema": COMMITTEE, "roster": self.roster.to_json(), "key": point_text(self.key),
                "verification": [point_text(point) for point in self.verification],
                "key_context": hexed(self.key_context), "origin": hexed(self.origin), **proof}

    @staticmethod
    def load(path: str | Path) -> Committee:
        """A certified committee whose parts fit.

        Raises
        ------
        BadInput : malformed, without possession of its key, or shares of another key: verification keys that do not
            interpolate to it.
        """
        node = Node.read(path)
        parts = node.document(COMMITTEE, {"roster", "key", "verification", "key_context", "origin", "possession"})
        roster = Roster.of(parts["roster"])
        n = len(roster.members)
        found = Committee(roster, read_key(parts["key"]),
                          tuple(read_key(each) for each in parts["verification"].array(at_least=n, at_most=n)),
                          read_bytes32(parts["key_context"]), read_bytes32(parts["origin"]),
                          read_possession(parts["possession"]))
        assert found.possession is not None
        if not found.possession.holds(found.key, found.key_context):
            raise BadInput("possession", Said("a proof that does not hold"), "one of the key's secret", source=path)
        for begin in range(n - roster.threshold + 1):
            places = range(begin + 1, begin + 1 + roster.threshold)
            if combined(weights(places), [found.verification[place - 1] for place in places]) != found.key:
                raise BadInput("verification", Said(f"members {begin + 1} to {begin + roster.threshold}"),
                               "keys of shares of the key", source=path)
        return found

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, self.to_json())


@dataclass(frozen=True)
class Share:
    """A member's secret.  committee : digest.  member : his number.  share : x_j in [1, l)."""

    committee: bytes
    member: int
    share: int

    def save(self, path: str | Path) -> None:
        """To a new file, mode 0600."""
        jsonio.write(path, {"schema": SHARE, "committee": hexed(self.committee), "member": self.member,
                            "share": str(self.share)}, mode=0o600)

    @staticmethod
    def load(path: str | Path, committee: Committee | None = None) -> Share:
        """Errors as `read_secret`; or it is another committee's, or of an earlier generation of this one."""
        def parse(node: Node) -> Share:
            parts = node.document(SHARE, {"committee", "member", "share"})
            return Share(read_bytes32(parts["committee"]), parts["member"].integer(1, MOST_MEMBERS),
                         require_scalar("share", parts["share"].decimal(1, SUBGROUP_ORDER - 1)))
        found = read_secret(path, parse)
        if committee is not None:
            if found.committee != committee.digest:
                raise BadInput("committee of the share", hexed(found.committee),
                               f"{hexed(committee.digest)}: it is of another committee, or was renewed since",
                               source=path)
            if found.member > len(committee.verification) \
                    or multiply(found.share, BASE) != committee.verification[found.member - 1]:
                raise BadInput("share", "(hidden)", f"that of member {found.member}", source=path)
        return found


# -- from dealings to a committee ------------------------------------------------------------------------------------
class BadShares(Exception):
    """Letters to a member that hold no share: the complaints about them."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__(f"letters of dealers {', '.join(str(each.dealer) for each in complaints)}")
        self.complaints = tuple(complaints)


@dataclass(frozen=True)
class Taken:
    """Dealings that stand: to one roster, of distinct dealers, none of them caught.

    old : the committee whose key is taken over, None for a new key.
    """

    roster: Roster
    dealings: tuple[Dealing, ...]
    old: Committee | None = None

    @classmethod
    def of(cls, roster: Roster, files: Sequence[str | Path], complaints: Sequence[Complaint] = (),
           old: Committee | None = None) -> Taken:
        """Read dealings, and leave out whom a complaint convicts.

        Raises
        ------
        BadInput : a dealing that does not hold, twice from one dealer, of nobody who may deal; a complaint that
            convicts nobody; a renewal of another committee; fewer dealers than a threshold: of the new one, so that
            one at least is honest where fewer than that are not, or of the old one, whose secret it takes.
        """
        previous = None if old is None else old.digest
        if roster.previous != previous:
            raise BadInput("previous of the roster", roster.previous and hexed(roster.previous),
                           "absent: a new key has none before" if previous is None else f"{hexed(previous)}, the "
                           "digest of the committee whose key is taken over")
        dealings: dict[int, Dealing] = {}
        for file in files:
            dealing = Dealing.of(Node.read(file), roster)
            if dealing.dealer in dealings:
                raise BadInput("dealer", dealing.dealer, "one who has dealt once", source=file)
            cls._require_dealer(dealing, roster, old, file)
            dealings[dealing.dealer] = dealing
        for complaint in complaints:
            accused = dealings.get(complaint.dealer)
            if accused is None or not complaint.upheld(accused, roster):
                raise BadInput(f"complaint of member {complaint.member}", complaint.dealer,
                               "about a dealer whose letter holds no share, with a proof that shows it")
        caught = {complaint.dealer for complaint in complaints}
        kept = tuple(dealings[number] for number in sorted(dealings) if number not in caught)
        needed = roster.threshold if old is None else old.threshold
        if len(kept) < needed:
            raise BadInput("number of dealings that stand", len(kept), f"{needed} or more")
        return cls(roster, kept, old)

    @staticmethod
    def _require_dealer(dealing: Dealing, roster: Roster, old: Committee | None, file: str | Path) -> None:
        if dealing.dealer > len((roster if old is None else old.roster).members):
            raise BadInput("dealer", dealing.dealer, "a member who may deal", source=file)
        if old is not None and dealing.commitments[0] != old.verification[dealing.dealer - 1]:
            raise BadInput("commitments[0]", point_text(dealing.commitments[0]),
                           f"{point_text(old.verification[dealing.dealer - 1])}: a renewal deals the old share",
                           source=file)
        if (dealing.nonce == IDENTITY) != (old is not None) or not babyjubjub.in_subgroup(dealing.nonce):
            raise BadInput("nonce", point_text(dealing.nonce), "a point of prime order for a new key, the identity in "
                           "a renewal", source=file)

    @cached_property
    def factors(self) -> list[int]:
        """What each dealer's secret counts for: all 1 for a new key, Lagrange's weights in a renewal."""
        dealers = [dealing.dealer for dealing in self.dealings]
        return [1] * len(dealers) if self.old is None else weights(dealers)

    @cached_property
    def committee(self) -> Committee:
        """What follows, not certified yet.

        Raises
        ------
        BadInput : the key or a verification key is the identity (with probability 2**-250), or a renewal's key is
            another, which its dealers' checks exclude.
        """
        columns = zip(*[dealing.commitments for dealing in self.dealings], strict=True)
        commitments = [combined(self.factors, column) for column in columns]
        verification = [committed_at(commitments, number) for number in range(1, len(self.roster.members) + 1)]
        key = commitments[0]
        for what, point in [("key", key), *((f"verification[{j}]", point) for j, point in enumerate(verification))]:
            babyjubjub.require_key(what, point)
        if self.old is not None and key != self.old.key:
            raise BadInput("key after the renewal", point_text(key), f"{point_text(self.old.key)}, as before")
        origin = digest_of([hexed(self.roster.digest), *(hexed(dealing.digest) for dealing in self.dealings)])
        context = self.roster.context if self.old is None else self.old.key_context
        return Committee(self.roster, key, tuple(verification), context, origin,
                         None if self.old is None else self.old.possession)

    def share(self, identity: Identity) -> Share:
        """A member's share, out of the letters to him.

        Raises
        ------
        BadShares : letters that hold none, with a complaint about each.
        BadInput : an identity that is no member's.
        """
        member = self.roster.number_of(identity.key)
        total, bad = 0, list[Complaint]()
        for factor, dealing in zip(self.factors, self.dealings, strict=True):
            part = dealing.share_for(self.roster, member, shared_secret(dealing, self.roster, identity))
            if part is None:
                bad.append(Complaint.about(dealing, self.roster, identity))
            else:
                total = (total + factor * part) % SUBGROUP_ORDER
        if bad:
            raise BadShares(bad)
        assert multiply(total, BASE) == self.committee.verification[member - 1]
        return Share(self.committee.digest, member, total)

    # -- confirmations ---------------------------------------------------------------------------------------------
    @cached_property
    def _proof(self) -> tuple[Point, int]:
        """T and the challenge of the key's proof of possession."""
        total = babyjubjub.total([dealing.nonce for dealing in self.dealings])
        return total, challenge(POSSESSION, self.committee.key_context, self.committee.key, total)

    def answering(self, member: int, dealer: Dealer | None) -> Dealer | None:
        """The dealer's secret as spent on this committee, to be saved before anything is confirmed; None if this member
        has nothing to answer.

        Raises
        ------
        BadInput : it is of another dealing; or it has answered for another committee: a second challenge answered with
            one nonce gives the secret away.
        """
        mine = next((dealing for dealing in self.dealings if dealing.dealer == member), None)
        if self.old is not None or mine is None:
            return None
        if dealer is None or multiply(dealer.nonce, BASE) != mine.nonce \
                or multiply(dealer.secret, BASE) != mine.commitments[0]:
            raise BadInput("dealer's secret", "(hidden)", f"that of the dealing of member {member}")
        if dealer.spent not in (None, self.committee.digest):
            raise BadInput("committee that this dealer has confirmed", hexed(dealer.spent or b""),
                           f"{hexed(self.committee.digest)}: a second answer would tell his secret; deal anew")
        return Dealer(dealer.roster, dealer.secret, dealer.nonce, self.committee.digest)

    def confirm(self, share: Share, answering: Dealer | None) -> Confirmation:
        """What a member says when he has his share.

        Parameters
        ----------
        answering : as `answering` gave it, and saved.
        """
        response = None
        if answering is not None:
            assert answering.spent == self.committee.digest
            response = respond(answering.nonce, answering.secret, self._proof[1])
        return Confirmation(self.committee.digest, share.member, Possession.of(share.share, self.committee.digest),
                            response)

    def certified(self, confirmations: Sequence[Confirmation]) -> Committee:
        """The committee with its proof of possession.

        Raises
        ------
        BadInput : a member came to another committee (dealers told different members different things), has not shown
            his share, or answers wrongly; a new key's dealer who does not answer (leave him out and begin anew); fewer
            confirmations than the threshold.
        """
        committee, by_member = self.committee, dict[int, Confirmation]()
        for confirmation in confirmations:
            member = confirmation.member
            if confirmation.committee != committee.digest:
                raise BadInput(f"committee that member {member} confirms", hexed(confirmation.committee),
                               f"{hexed(committee.digest)}: he took other dealings or complaints")
            if member in by_member or member > len(self.roster.members):
                raise BadInput("member of a confirmation", member, "a member, once")
            if not confirmation.possession.holds(committee.verification[member - 1], committee.digest):
                raise BadInput(f"possession of member {member}'s share", Said("a proof that does not hold"),
                               "one that does")
            by_member[member] = confirmation
        if len(by_member) < committee.threshold:
            raise BadInput("number of confirmations", len(by_member), f"{committee.threshold} or more: fewer members "
                           "decrypt nothing")
        if self.old is not None:
            return committee
        total, c = self._proof
        response = 0
        for dealing in self.dealings:
            told = by_member.get(dealing.dealer)
            if told is None or told.response is None:
                raise BadInput(f"response of dealer {dealing.dealer}", None, "given: without it there is no proof of "
                               "the key; begin anew without him if he is gone")
            if not answers(told.response, dealing.nonce, dealing.commitments[0], c, BASE):
                raise BadInput(f"response of dealer {dealing.dealer}", told.response, "the answer to the challenge")
            response = (response + told.response) % SUBGROUP_ORDER
        return Committee(committee.roster, committee.key, committee.verification, committee.key_context,
                         committee.origin, Possession(total, response))


@dataclass(frozen=True)
class Confirmation:
    """committee : digest that the member came to.  possession : of his share, under it.  response : his part of the
    proof of a new key, if he dealt."""

    committee: bytes
    member: int
    possession: Possession
    response: int | None = None

    def to_json(self) -> Mapping[str, Any]:
        return {"schema": CONFIRMATION, "committee": hexed(self.committee), "member": self.member,
                "possession": possession_json(self.possession),
                **({} if self.response is None else {"response": str(self.response)})}

    @staticmethod
    def load(path: str | Path) -> Confirmation:
        """Raises BadInput if malformed."""
        parts = Node.read(path).document(CONFIRMATION, {"committee", "member", "possession"}, {"response"})
        return Confirmation(read_bytes32(parts["committee"]), parts["member"].integer(1, MOST_MEMBERS),
                            read_possession(parts["possession"]),
                            parts["response"].decimal(0, SUBGROUP_ORDER - 1) if "response" in parts else None)

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, dict(self.to_json()))


