"""What travels between trader, venue, relayer and auditor, and what the trader keeps to herself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from circuits import statements
from circuits.statements.leaf_field import Preset as LeafPreset
from primitives.jsonio import Node
from prover import Proof
from prover.files.snarkjs import proof_to_json
from verifier_contracts.context import MARGIN, Context
from verifier_contracts.epoch_content import EpochContent

from .. import raw_leaves
from ..batching import Batch, Margin, Place
from ..bundle import Bundle
from ..closing import Offer
from ..consents import read_consent
from ..freezing import Freeze, Release
from ..guarding import Allowance
from ..keeping import read_journal
from ..keys import NOTE, KeyDirectory
from ..lots_page import read_page
from ..sealed_bid import load_sealed_bid
from ..secret import Opening
from ..signing import SignedContent
from ..trading import SignedFills
from ..wallet import parse as parse_wallet
from .observed import Format
from .outputs import reading

_WHO = "0x" + "11" * 20
_DIGEST = "22" * 32
_STATEMENT = "margin-full-256x16"
# Generators of both groups: points of the right kind, and a proof of nothing.
_G1 = (1, 2)
_G2 = ((10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634),
       (8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531))


def opening_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.opening/1", "statement": _STATEMENT, "commitment": "7", "salt": "8",
             "slots": [{"id": "9", "lots": -1}]}]


def consent_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.consent/2", "chain_id": 1, "desk": _WHO, "account": _WHO, "venue": _WHO,
             "commitment": "7", "version": 1, "nonce": 0, "deadline": 2, "signature": "0x" + "ab" * 65}]


def content_examples() -> Sequence[Any]:
    return [EpochContent(2, 3, 7, *(bytes.fromhex(_DIGEST),) * 3, (1,), 0, 13_200, bytes(32)).to_json()]


def signature_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.epoch-signature/1", "chain_id": 1, "oracle": _WHO, "signer": _WHO,
             "content": content_examples()[0], "signature": "0x" + "ab" * 65}]


def key_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.key/1", "statement": _STATEMENT, "r1cs_digest": _DIGEST,
             "key_digest": "0x" + _DIGEST, "setup": "ceremony"}]


def bundle_examples() -> Sequence[Any]:
    context = Context(MARGIN, 1, _WHO, bytes.fromhex(_DIGEST), _WHO, 1, 1, bytes(32))
    proof = Proof(_G1, _G2, _G1)
    made = Bundle(_STATEMENT, _DIGEST, True, {"context": 1, "margin": 2}, context, proof).to_json()
    return [made, {**made, "proof": {key: value for key, value in proof_to_json(proof).items() if key != "curve"}}]


def fills_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.fills/1", "statement": "transition-16", "chain_id": 1, "desk": _WHO, "account": _WHO,
             "venue": _WHO, "version": 2, "cash": "-250", "fills": [{"id": "9", "lots": -1}], "nonce": "8",
             "signature": "0x" + "ab" * 65}]


def sealed_bid_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.sealed-bid/1", "chain_id": 1, "house": _WHO, "lot_id": "7", "lot": "0x" + _DIGEST,
             "bidder": _WHO, "price": "-5", "salt": "0x" + _DIGEST}]


def release_examples() -> Sequence[Any]:
    return [{**freeze_examples()[0], "schema": Release.schema, "kind": 1, "leaf_id": "9"}]


def leaves_examples() -> Sequence[Any]:
    full = {"schema": raw_leaves.SCHEMA, "statement": "leaf-field-tiny", "regime": 0}
    grid = {**full, "statement": "leaf-field-grid-tiny", "regime": 1}

    def leaf(statement: str, kind: str) -> dict[str, Any]:
        count = LeafPreset(statements.get(statement).shape, raw_leaves.NAMES[kind]).elements
        return {"place": 1, "kind": kind, "elements": ["9"] * count}
    return [{**full, "leaves": [leaf("leaf-field-tiny", "leaf"), {"place": 0, "digest": "7"}]},
            {**full, "leaves": [leaf("leaf-field-tiny", "mark")]},
            {**grid, "leaves": [], "assets": [leaf("leaf-field-grid-tiny", "asset")]}]


def freeze_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.freeze/1", "chain_id": 1, "oracle": _WHO, "epoch_id": 1, "signer": _WHO,
             "signature": "0x" + "ab" * 65}]


OPENING = Format(
    "opening", "What opens a commitment; secret, mode 0600 (JSON)", "opening.secret.json", opening_examples,
    reading(Opening.load, "opening.json"),
    {"schema": "says what the file is", "statement": "statement that the commitment is for",
     "commitment": "what is registered", "salt": "what hides the portfolio in it", "slots": "the portfolio",
     "slots[].id": "instrument id; 0 of an empty slot", "slots[].lots": "signed number of lots"})

SEALED_BID = Format(
    "sealed-bid", "A price that a bidder commits to; secret until revealed, mode 0600 (JSON)", "bid.secret.json",
    sealed_bid_examples, reading(load_sealed_bid, "bid.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "house": "contract, an address",
     "lot_id": "the lot's number", "lot": "hash of its terms, 32 bytes, 0x-hex", "bidder": "whose bid, an address",
     "price": "quote units that he pays; below 0 the fund pays him", "salt": "32 bytes that hide the price, 0x-hex"})

def lots_examples() -> Sequence[Any]:
    place = {"bidder": _WHO, "price": "-5", "fund": True, "commitment": None, "delivered": False, "revealed": False,
             "forfeited": False, "passed_over": False}
    lot = {"lot_id": "7", "account": _WHO, "digest": "0x" + _DIGEST, "epoch_id": 5, "version": 1, "value": "40",
           "margin": "0", "horizon": 13_200, "stage": "blind", "bond": "9", "step": "1", "reserve": "38",
           "shortfall_shown": False, "starts": {
               "disclosure": 9, "commit": 10, "sealed": 11, "reveal": 12, "clearing": 13},
           "extensions": 0, "places": [place], "best": None, "winner": None, "price": None, "award_ends": None}
    sold = {**lot, "stage": "settled", "places": [place, {**place, "fund": False, "commitment": "0x" + _DIGEST}],
            "best": "39", "winner": _WHO, "price": "39", "award_ends": 99}
    return [{"schema": "tailproof.lots/1", "chain_id": 1, "house": _WHO, "quote": _WHO, "live_time": 8,
             "lots": [lot, sold]}]


LOTS = Format(
    "lots", "The public page of lots, or one of them: what the chain shows everybody (JSON)", "lots.json",
    lots_examples, reading(read_page, "lots.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "house": "contract, an address",
     "quote": "token of prices and bonds, an address", "live_time": "of the page, live seconds",
     "lots": "in the order of their opening", "lots[].lot_id": "its number", "lots[].account": "that is sold",
     "lots[].digest": "hash of its terms, 32 bytes, 0x-hex: bids name it",
     "lots[].epoch_id": "of value and margin", "lots[].version": "of the account's state",
     "lots[].value": "V as the vault counts it, haircuts off, 10⁻⁶ quote units",
     "lots[].margin": "M, 10⁻⁶ quote units; 0 where nobody has shown it",
     "lots[].horizon": "wall time that the epoch's scenarios cover, s", "lots[].stage": "of the auction",
     "lots[].bond": "behind each bid, quote units", "lots[].step": "by which a bid must beat another, quote units",
     "lots[].reserve": "price that counts without a shortfall, quote units",
     "lots[].shortfall_shown": "whether a lower one counts too",
     "lots[].starts": "first live second of each stage after the blind one",
     **{f"lots[].starts.{stage}": meaning for stage, meaning in (
         ("disclosure", "the opening is delivered"), ("commit", "prices are committed to"), ("sealed", "nothing"),
         ("reveal", "prices are shown"), ("clearing", "the winner is named"))},
     "lots[].extensions": "of the blind stage, by late bids", "lots[].places": "of the shortlist, the fund's first",
     "lots[].places[].bidder": "an address", "lots[].places[].price": "that binds him, quote units; below 0 the fund "
     "pays him", "lots[].places[].fund": "whether it is the fund's place",
     "lots[].places[].commitment": "to a price, 0x-hex; null if there is none",
     "lots[].places[].delivered": "whether the opening came in time", "lots[].places[].revealed": "his price",
     "lots[].places[].forfeited": "his bond", "lots[].places[].passed_over": "no candidate any more",
     "lots[].best": "highest price of a candidate, quote units", "lots[].winner": "who is named, an address",
     "lots[].price": "that he pays, quote units", "lots[].award_ends": "last live second in which he carries it away"})

FILLS = Format(
    "fills", "Fills of an account, signed by its venue; secret, mode 0600 (JSON)", "fills.json", fills_examples,
    reading(SignedFills.load, "fills.json"),
    {"schema": "says what the file is", "statement": "transition statement whose places the digest is over",
     "chain_id": "EIP-155 id", "desk": "contract, an address", "account": "whose fills, an address",
     "venue": "who signs, an address", "version": "of the account's state after them",
     "cash": "that they move, 10⁻⁶ quote units", "fills": "lots and cash together",
     "fills[].id": "instrument id", "fills[].lots": "signed number of lots", "nonce": "what hides the fills in their "
     "digest",
     "signature": "EIP-712 signature, or what an ERC-1271 contract takes"})

FREEZE = Format(
    "freeze", "A publisher's signature that an epoch be frozen for good (JSON)", "freeze.json", freeze_examples,
    reading(Freeze.load, "freeze.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "oracle": "contract, an address",
     "epoch_id": "of the published epoch", "signer": "publisher, an address", "signature": "EIP-712 signature"})

RELEASE = Format(
    "release", "A publisher's signature that a leaf may be missing: nobody holds what it was of (JSON)", "release.json",
    release_examples, reading(Release.load, "release.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "oracle": "contract, an address",
     "epoch_id": "of the published epoch", "kind": "tag of the kind of leaf: 1 an instrument's, 12 its mark's",
     "leaf_id": "instrument id", "signer": "publisher, an address", "signature": "EIP-712 signature"})

LEAVES = Format(
    "leaves", "Leaves of a published epoch as they are, for what no epoch directory can hold (JSON)", "leaves.json",
    leaves_examples, reading(raw_leaves.load, "leaves.json"),
    {"schema": "says what the file is", "statement": "leaf-field statement of their shape",
     "regime": "as the root says it", "leaves": "of the instruments' tree; what is not there is 0",
     "assets": "of the tree of assets, on a grid alone",
     **{f"{tree}[].{name}": meaning for tree in ("leaves", "assets") for name, meaning in (
         ("place", "in the tree, from 0"), ("kind", "of leaf"), ("elements", "of the leaf, the id first"),
         ("elements[]", "residue, below r"), ("digest", "instead of kind and elements: of a leaf that is not shown"))
        if (tree, name) != ("assets", "digest")}})

CONSENT = Format(
    "consent", "An owner's signed consent to a commitment (JSON)", "consent.json", consent_examples,
    reading(read_consent, "consent.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "desk": "contract of commitments, an address",
     "account": "owner, an address", "venue": "venue, an address", "commitment": "what is agreed to",
     "version": "of the account's state after it", "nonce": "of the owner, which she raises to revoke",
     "deadline": "Unix seconds until which it may be used",
     "signature": "EIP-712 signature, or what an ERC-1271 contract takes"})


def wallet_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.wallet/1", "kdf": "scrypt", "work": 17, "salt": _DIGEST, "cipher": "aes-256-gcm",
             "nonce": "22" * 12, "ciphertext": "22", "tag": "22" * 16}]


WALLET = Format(
    "wallet", "Openings by account and version, encrypted; mode 0600 (JSON)", "wallet.json", wallet_examples,
    lambda document: parse_wallet(Node(document)),
    {"schema": "says what the file is", "kdf": "what makes a key of the passphrase", "work": "log2 of scrypt's N; r is "
     "8, p is 1", "salt": "of scrypt, hex", "cipher": "what encrypts; everything beside ciphertext and tag, as "
     "canonical JSON, is its associated data", "nonce": "of GCM, hex", "ciphertext": "hex", "tag": "of GCM, hex"})


def batch_examples() -> Sequence[Any]:
    return [Batch("batch-4", _DIGEST, True, Place(1, _WHO, bytes.fromhex(_DIGEST), 1), 7, (Margin(_WHO, 1, 7, 2),), 8,
                  Proof(_G1, _G2, _G1)).to_json()]


BATCH = Format(
    "batch", "Margins of many accounts in one proof; it holds nothing private (JSON)", "batch.json", batch_examples,
    reading(Batch.load, "batch.json"),
    {"schema": "says what the file is", "statement": "batch statement proven", "r1cs_digest": "SHA-256 of its "
     "constraint system, hex", "setup": "how the key was made", "chain_id": "EIP-155 id",
     "manager": "ledger, an address",
     "key_digest": "of the verification key", "epoch_id": "of the published epoch", "epoch_root": "field element",
     "digest": "H(BATCH; y), field element", "margins": "in the order of the proof",
     "margins[].account": "an address",
     "margins[].version": "of its state", "margins[].commitment": "field element",
     "margins[].margin": "10⁻⁶ quote units",
     "proof": "Groth16, as snarkjs writes it", "proof.pi_a": "point of G1: x, y, 1",
     "proof.pi_b": "point of G2: x, y, (1, 0); two parts each", "proof.pi_c": "point of G1: x, y, 1",
     "proof.protocol": "says which proof system", "proof.curve": "snarkjs's name of BN254"})


def _read_content(path: Path) -> object:
    return EpochContent.from_json(Node.read(path))


_CONTENT = {
    "schema": "says what the file is", "id": "Unix seconds of publication, the epoch's name on the chain",
    "deadline": "last Unix second of it", "root": "of the epoch", "model_id": "keccak256 of the model file",
    "data_root": "keccak tree of the same rows", "factors_hash": "of the list of collateral factors",
    "marks": "of the first four underlyings, 10⁻⁶ quote units; 0 where there is none",
    "regime": "correlation regime", "lag_seconds": "wall time that the scenarios cover",
    "previous": "digest of the content published before; 0 for the first"}

EPOCH_CONTENT = Format(
    "epoch-content", "What publishers sign of an epoch (JSON)", "content.json", content_examples,
    reading(_read_content, "content.json"), _CONTENT)

EPOCH_SIGNATURE = Format(
    "epoch-signature", "One publisher's signature of it, for whoever brings a quorum (JSON)", "signature.json",
    signature_examples, reading(SignedContent.load, "signature.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "oracle": "contract, an address",
     "signer": "publisher, an address", "content": "what is signed",
     **{f"content.{name}": meaning for name, meaning in _CONTENT.items()},
     "signature": "EIP-712 signature: r, s, v, with s low"})


def _read_key(path: Path) -> object:
    return KeyDirectory.load(path.parent)


KEY = Format(
    "key", "What a key directory says of its key (JSON)", NOTE, key_examples, reading(_read_key, NOTE),
    {"schema": "says what the file is", "statement": "statement that it proves",
     "r1cs_digest": "SHA-256 of its constraint system, hex", "key_digest": "of the verification key",
     "setup": "how the key was made"})


def journal_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.keeper-journal/1", "chain_id": 1, "coordinator": _WHO, "sender": _WHO, "day": 20_000,
             "used": "123456"}]


KEEPER_JOURNAL = Format(
    "keeper-journal", "What a keeper has signed for today (JSON)", "journal.json", journal_examples,
    reading(read_journal, "journal.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "coordinator": "contract, an address",
     "sender": "who pays, an address", "day": "since 1970, UTC", "used": "gas limits of what was signed on that day"})

def allowance_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.guard-journal/1", "chain_id": 1, "account": _WHO, "sender": _WHO, "day": 20_000,
             "used": "1000000000"}]


GUARD_JOURNAL = Format(
    "guard-journal", "What a guard has deposited today (JSON)", "allowance.json", allowance_examples,
    reading(lambda path: read_journal(path, Allowance.SCHEMA, Allowance.ABOUT), "allowance.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "account": "that is guarded, an address",
     "sender": "whose money it is, an address", "day": "since 1970, UTC",
     "used": "quote units that were deposited on that day"})

def offer_examples() -> Sequence[Any]:
    return [{"schema": "tailproof.close-offer/1", "account": _WHO, "instrument": "BTC-SPOT", "lots": -400,
             "price": "29001.720625", "concession": "0"}]


CLOSE_OFFER = Format(
    "close-offer", "What a venue's books take of a called account (JSON)", "offer.json", offer_examples,
    reading(Offer.load, "offer.json"),
    {"schema": "says what the file is", "account": "whose, an address", "instrument": "symbol",
     "lots": "at most; above 0 the account buys them, below it sells", "price": "of one unit of the underlying",
     "concession": "quote units that all of the lots concede against the marks"})

BUNDLE = Format(
    "bundle", "A proven margin, for relayer and auditor; it holds nothing private (JSON)", "bundle.json",
    bundle_examples, reading(Bundle.load, "bundle.json"),
    {"schema": "says what the file is", "statement": "statement proven",
     "context.statement": "which public inputs the context stands before",
     "r1cs_digest": "SHA-256 of its constraint system, hex", "setup": "how the key was made",
     "public_inputs": "in no order; the statement names them", "public_inputs.<INPUT>": "field element",
     "context": "what the public input of that name hashes (A3)", "context.chain_id": "EIP-155 id",
     "context.manager": "contract, an address", "context.key_digest": "of the verification key",
     "context.account": "owner, an address", "context.epoch_id": "of the published epoch",
     "context.version": "of the account's state", "context.action_hash": "of an action bound to the proof, or 0",
     "proof": "Groth16, as snarkjs writes it", "proof.pi_a": "point of G1: x, y, 1",
     "proof.pi_b": "point of G2: x, y, (1, 0); two parts each", "proof.pi_c": "point of G1: x, y, 1",
     "proof.protocol": "says which proof system", "proof.curve": "snarkjs's name of BN254"},
    {"public_inputs": "INPUT"})
