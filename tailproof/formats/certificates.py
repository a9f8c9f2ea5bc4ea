"""What counterparty, venue, custodian, protocol and trader exchange to show solvency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuits import statements
from circuits.clauses.collateral import Holding
from primitives.jsonio import Node

from ..balances import BOOK_SCHEMA, Entry, MemberBalances, book_of, tree_of
from ..certificate import Certificate
from ..challenge import Asked, Challenge
from ..collateral_opening import HOLDINGS_SCHEMA, CollateralOpening, holdings_of
from ..custody import KINDS, Attestation, BalanceRoot, Membership
from ..group_certificate import GroupCertificate
from ..member_opening import MemberOpening
from .exchange import BUNDLE, bundle_examples
from .observed import Format
from .outputs import reading, saved

_SCHEMA = {"schema": "says what the file is"}
_WHO, _VENUE, _CUSTODIAN = ("0x" + digit * 40 for digit in "123")
_STATEMENT, _NETTING = (next(name for name in statements.names() if name.startswith(kind))
                        for kind in ("solvency-", "netting-"))


def challenge_examples() -> Sequence[Any]:
    asked = ("0x" + "22" * 32, "Bank A", _WHO, 500, 2, bytes(32))
    made = Challenge(_STATEMENT, *asked, _VENUE, _CUSTODIAN, epoch_root=7).to_json()
    return [made, Challenge(_NETTING, *asked, members=(Asked(_VENUE, _WHO),)).to_json()]


def attestation_examples() -> Sequence[Any]:
    return [Attestation(kind=kind, signer=signer, account=_WHO, commitment=7, as_of=1, until=2,
                        signature=bytes(65)).to_json()
            for kind, signer in zip(KINDS, (_VENUE, _CUSTODIAN), strict=True)]


def holdings_examples() -> Sequence[Any]:
    return [{"schema": HOLDINGS_SCHEMA, "holdings": [{"symbol": "USDC", "balance": "7", "debt": "0"}]}]


def collateral_opening_examples() -> Sequence[Any]:
    return [saved(CollateralOpening(_STATEMENT, _CUSTODIAN, _WHO, 8, (Holding(9, 7, 0),)).save)]


def certificate_examples() -> Sequence[Any]:
    made = {"schema": "tailproof.certificate/1", "bundle": bundle_examples()[0],
            "attestations": list(attestation_examples())}
    made["bundle"]["context"]["account"] = made["bundle"]["context"]["manager"] = _WHO
    return [made]


_ATTESTATION = {
    **_SCHEMA, "kind": "what the commitment is to", "signer": "venue or custodian, an address",
    "account": "whose it is, an address", "commitment": "field element", "as_of": "first Unix second at which it is so",
    "until": "last one", "signature": "EIP-712 signature of no chain: r, s, v, with s low"}



def membership_examples() -> Sequence[Any]:
    return [Membership(signer=_VENUE, group=_WHO, account=_WHO, place=1, commitment=7, as_of=1, until=2,
                       signature=bytes(65)).to_json()]


def root_examples() -> Sequence[Any]:
    return [BalanceRoot(signer=_VENUE, epoch_number=1, root=7, as_of=1, until=2, signature=bytes(65)).to_json()]


def book_examples() -> Sequence[Any]:
    return [{"schema": BOOK_SCHEMA, "accounts": [{"account": _WHO, "place": 1, "holdings": [
        {"symbol": "USDC", "balance": "7", "debt": "0"}]}]}]


def member_balances_examples() -> Sequence[Any]:
    _, (told,) = tree_of(statements.get(_NETTING), _VENUE, 1, [Entry(_WHO, 1, (Holding(9, 7, 0),))])
    return [saved(told.save)]


def member_opening_examples() -> Sequence[Any]:
    return [saved(MemberOpening(_NETTING, _VENUE, _WHO, 8, ((9, -1),)).save)]


def group_certificate_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.group-certificate/1", "bundle": certificate_examples()[0]["bundle"],
             "members": [{"membership": membership_examples()[0], "balances": root_examples()[0]}]}]


_SIGNED = {"as_of": "first Unix second at which it is so", "until": "last one",
           "signature": "EIP-712 signature of no chain: r, s, v, with s low"}
_MEMBERSHIP = {**_SCHEMA, **_SIGNED, "signer": "protocol, an address", "group": "its owner, an address",
               "account": "on this protocol, an address", "place": "in the protocol's trees of balances",
               "commitment": "to its positions, field element"}
_ROOT = {**_SCHEMA, **_SIGNED, "signer": "protocol, an address",
         "epoch_number": "Unix seconds of the epoch's valuation", "root": "of the tree, field element"}
_BUNDLE = {"bundle": "the proof, for no chain and no contract",
           **{f"bundle.{key}": said for key, said in BUNDLE.keys.items()},
           "bundle.context.action_hash": "digest of the challenge"}
_HELD = {"balance": "owned, in base units of the token", "debt": "owed, in base units"}

FORMATS = (
    Format("challenge", "What a counterparty asks to be shown (JSON)", "challenge.json", challenge_examples,
           reading(Challenge.load, "challenge.json"),
           {**_SCHEMA, "statement": "solvency statement", "key_digest": "of the verification key that she uses",
            "asker": "a name for people", "account": "who is asked, an address",
            "buffer": "required beyond the margin, in basis points of it",
            "until": "last Unix second at which an answer counts", "nonce": "32 random bytes",
            "venue": "whose signature counts for positions, an address",
            "custodian": "whose signature counts for collateral, an address",
            "epoch_root": "epoch that it must be under", "members": "instead, of a group: in the order of places",
            "members[].protocol": "whose signatures count for this member, an address",
            "members[].account": "its account there, an address"}),
    Format("attestation", "A keeper's signature of a commitment to positions or collateral (JSON)", "attestation.json",
           attestation_examples, lambda document: Attestation.of(Node(document)), _ATTESTATION),
    Format("holdings", "What a custodian keeps for an account (JSON)", "holdings.json", holdings_examples,
           lambda document: holdings_of(Node(document).document(HOLDINGS_SCHEMA, {"holdings"})["holdings"], None),
           {**_SCHEMA, "holdings": "by asset", "holdings[].symbol": "as the epoch's collateral file has it",
            "holdings[].balance": "owned, in base units of the token", "holdings[].debt": "owed, in base units"}),
    Format("collateral-opening", "What opens a commitment to collateral; secret, mode 0600 (JSON)",
           "collateral.secret.json", collateral_opening_examples, reading(CollateralOpening.load, "collateral.json"),
           {**_SCHEMA, "statement": "solvency statement that it is for", "custodian": "who keeps it, an address",
            "account": "whose it is, an address", "commitment": "what the custodian signs",
            "salt": "what hides the rest in it", "holdings": "by asset", "holdings[].asset": "id",
            "holdings[].balance": "owned, in base units", "holdings[].debt": "owed, in base units"}),
    Format("certificate", "The answer to a challenge; it shows no amount and no position (JSON)", "certificate.json",
           certificate_examples, reading(Certificate.load, "certificate.json"),
           {**_SCHEMA, **_BUNDLE, "attestations": "of positions, then of collateral",
            **{f"attestations[].{key}": said for key, said in _ATTESTATION.items()}},
           {"bundle.public_inputs": "INPUT"}),
    Format("balances", "What a protocol keeps for its accounts; its own secret (JSON)", "balances.json", book_examples,
           lambda document: book_of(Node(document), None),
           {**_SCHEMA, "accounts": "all that are attested", "accounts[].account": "an address",
            "accounts[].place": "in the trees, the same in all epochs", "accounts[].holdings": "by asset",
            "accounts[].holdings[].symbol": "as the epoch's collateral file has it",
            **{f"accounts[].holdings[].{key}": said for key, said in _HELD.items()}}),
    Format("balance-root", "A protocol's signature of what it keeps for all accounts at an epoch (JSON)", "root.json",
           root_examples, lambda document: BalanceRoot.of(Node(document)), _ROOT),
    Format("member-balances", "What one account is told of a tree of balances; secret, mode 0600 (JSON)",
           "0x….secret.json", member_balances_examples, reading(MemberBalances.load, "balances.json"),
           {**_SCHEMA, "statement": "netting statement that it is for", "protocol": "who keeps it, an address",
            "account": "whose it is, an address", "epoch_number": "Unix seconds of the epoch's valuation",
            "place": "of its leaf", "salt": "what hides the holdings in it", "holdings": "by asset",
            "holdings[].asset": "id", **{f"holdings[].{key}": said for key, said in _HELD.items()},
            "path": "by level, from the leaves", "path[]": "eight nodes", "path[][]": "field element"}),
    Format("member-opening", "What opens a member's commitment; secret, mode 0600 (JSON)", "member.secret.json",
           member_opening_examples, reading(MemberOpening.load, "opening.json"),
           {**_SCHEMA, "statement": "netting statement that it is for", "protocol": "where, an address",
            "account": "whose it is there, an address", "commitment": "what the protocol signs",
            "salt": "what hides the positions in it", "slots": "the positions", "slots[].id": "instrument id",
            "slots[].lots": "signed number of lots"}),
    Format("membership", "A protocol's signature of an account's group, place and positions (JSON)", "membership.json",
           membership_examples, lambda document: Membership.of(Node(document)), _MEMBERSHIP),
    Format("group-certificate", "A group's answer to a challenge; of amounts it shows the margin (JSON)",
           "certificate.json", group_certificate_examples, reading(GroupCertificate.load, "certificate.json"),
           {**_SCHEMA, **_BUNDLE, "members": "in the order of places",
            "members[].membership": "signed by the member's protocol", "members[].balances": "the same",
            **{f"members[].membership.{key}": said for key, said in _MEMBERSHIP.items()},
            **{f"members[].balances.{key}": said for key, said in _ROOT.items()}},
           {"bundle.public_inputs": "INPUT"}),
)
