"""Whatever is shown to the ledger a second time, in another encoding, for another account or with too little gas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from ledger_world import GRACE, MINUTE, LedgerWorld
from world import refused

from primitives.errors import BadInput
from prover import Proof
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.context import STATEMENTS
from verifier_contracts.errors import ContractRefused, Reverted
from verifier_contracts.fees import gas_limit


def inputs_of(world: LedgerWorld, **context: object) -> list[int]:
    return [world.context("margin", **context), world.root, world.commitment, world.margin]     # type: ignore[arg-type]


def arguments(world: LedgerWorld, words: list[int], *, margin: int | None = None, epoch: int | None = None) -> list:
    return [world.owner.address, world.epoch if epoch is None else epoch, world.version(),
            world.margin if margin is None else margin, 0, words]


# -- encodings ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("index", range(8))
def test_a_coordinate_that_is_another_number_is_refused(ledgers, index):
    words = ledgers.margin_proof()
    for changed, reason in ((words[index] + 1, "PrecompileFailed"), (words[index] + BASE_MODULUS,
                                                                     "CoordinateOutOfField")):
        with refused(reason):
            ledgers.attest(proof=[*words[:index], changed, *words[index + 1:]])


def test_another_point_of_the_curve_is_refused(ledgers):
    words = ledgers.margin_proof()
    for index in (1, 7):                                # −A, −C
        with refused("ProofRejected"):
            ledgers.attest(proof=[*words[:index], BASE_MODULUS - words[index], *words[index + 1:]])
    with refused("ProofRejected"):                      # −B
        ledgers.attest(proof=[*words[:4], BASE_MODULUS - words[4], BASE_MODULUS - words[5], *words[6:]])
    with refused("ProofRejected"):                      # A and C exchanged
        ledgers.attest(proof=[*words[6:], *words[2:6], *words[:2]])
    for identity in (range(8), range(2), range(2, 6), range(6, 8)):
        with refused("ProofRejected"):
            ledgers.attest(proof=[0 if index in identity else word for index, word in enumerate(words)])


def test_margin_plus_r_cannot_be_said(ledgers):
    """The verifier alone would take margin + r for margin; here it does not fit the type."""
    words = ledgers.margin_proof(7)
    with pytest.raises(BadInput, match=r"margin of MarginLedger\.attest"):
        ledgers.ledger.check("attest", *arguments(ledgers, words, margin=7 + ORDER))
    data = encode_call(ledgers.ledger.artifact, "attest", arguments(ledgers, words, margin=7))
    ledgers.chain.call(ledgers.ledger.address, data)
    raw = data.replace((7).to_bytes(32, "big"), (7 + ORDER).to_bytes(32, "big"), 1)
    assert raw != data
    with pytest.raises(Reverted):
        ledgers.chain.call(ledgers.ledger.address, raw)


@pytest.mark.parametrize("length", [-32, -1])
def test_short_calldata_is_refused(ledgers, length):
    data = encode_call(ledgers.ledger.artifact, "attest", arguments(ledgers, ledgers.margin_proof()))
    ledgers.chain.call(ledgers.ledger.address, data)
    with pytest.raises(Reverted):
        ledgers.chain.call(ledgers.ledger.address, data[:length])


# -- other statements and accounts -------------------------------------------------------------------------------------
@pytest.mark.parametrize("statement", [name for name in STATEMENTS if name != "margin"])
def test_a_proof_of_another_statement_is_refused(ledgers, statement):
    """Even by the very key that `attest` takes, for the same account, epoch, version and action, and with the same
    numbers: a claim that collateral covers a margin is no margin."""
    key = ledgers.keys["margin"]
    _, *rest = inputs_of(ledgers)
    with refused("ProofRejected"):
        ledgers.attest(proof=proof_words(key.prove([ledgers.context(statement, key=key), *rest])))
    ledgers.attest()


def test_another_accounts_proof_is_refused(ledgers):
    """Even one with the very same commitment, registered by copying."""
    thief = Account.from_key(b"\x05" * 32)
    words = ledgers.margin_proof()
    ledgers.register(ledgers.commitment, owner=thief)
    with refused("ProofRejected"):
        ledgers.attest(account=thief.address, proof=words)


# -- replays -----------------------------------------------------------------------------------------------------------
def test_a_proof_of_other_bytes_attests_nothing_anew(ledgers):
    """Anyone can re-randomise a proof: A/u, u·B is as valid as A, B. What stands is keyed on (account, epoch,
    version), and a second one changes nothing, be its margin another."""
    inputs = inputs_of(ledgers)
    again = rerandomised(ledgers.keys["margin"].prove(inputs), 12345)
    ledgers.chain.call(ledgers.ledger.address, encode_call(ledgers.ledger.artifact, "attest",
                                                           arguments(ledgers, again)))
    ledgers.attest()
    before = ledgers.ledger.read("stateOf", ledgers.owner.address)
    ledgers.chain.travel_to(ledgers.chain.now() + MINUTE)
    ledgers.attest(proof=again)
    assert ledgers.ledger.read("stateOf", ledgers.owner.address) == before
    with refused("AlreadyAttested") as caught:
        ledgers.attest(ledgers.margin + 1)
    assert caught.value.arguments["value"] == ledgers.margin


def test_an_older_proof_submitted_first_does_not_kill_a_newer_one(ledgers):
    newer = ledgers.next_epoch(MINUTE)
    ledgers.attest()
    ledgers.attest(ledgers.margin + 5, epoch=newer)
    assert ledgers.reading()[:3] == (1, ledgers.margin + 5, newer)


def test_a_new_commitment_does_not_reopen_older_epochs(ledgers):
    newer = ledgers.next_epoch(MINUTE)
    assert MINUTE < GRACE
    ledgers.attest(epoch=newer)
    ledgers.register(ledgers.commitment)
    with refused("EpochOlderThanLast"):
        ledgers.attest()
    ledgers.attest(epoch=newer)


def test_an_equal_root_published_again_revives_no_proof(ledgers):
    words = ledgers.margin_proof()
    again = ledgers.next_epoch(MINUTE)
    with refused("ProofRejected"):
        ledgers.attest(epoch=again, proof=words)


def test_a_commitment_that_comes_back_revives_no_proof(ledgers):
    """A → B → A."""
    words = ledgers.margin_proof()
    ledgers.register(ledgers.commitment - 1)
    ledgers.register(ledgers.commitment)
    with refused("WrongVersion"):
        ledgers.attest(proof=words, version=1)
    with refused("ProofRejected"):
        ledgers.attest(proof=words, version=3)
    ledgers.attest()


# -- gas ---------------------------------------------------------------------------------------------------------------
def test_too_little_gas_reverts_and_records_nothing(ledgers):
    """From what a transaction costs before it runs up to the limit that suffices, a valid proof either passes or
    reverts: nowhere is it taken for a false one, nor a false one for true."""
    good, false = (arguments(ledgers, words) for words in (ledgers.margin_proof(),
                                                           ledgers.margin_proof(ledgers.margin + 1)))
    before = ledgers.ledger.read("stateOf", ledgers.owner.address)
    enough = ledgers.chain.estimate_gas(ledgers.ledger.address, encode_call(ledgers.ledger.artifact, "attest", good),
                                        sender=ledgers.relayer)
    for gas in [*range(45_000, enough - 6_000, 24_000), *range(enough - 6_000, enough - 2_500, 700)]:
        for call in (good, false):
            with pytest.raises(ContractRefused) as caught:
                ledgers.ledger.check("attest", *call, gas=gas)
            assert caught.value.name in {"OutOfGas", "NoReason", "PrecompileFailed", "FailedCall"}, caught.value
    ledgers.ledger.check("attest", *good, gas=gas_limit(enough))
    with refused("ProofRejected"):
        ledgers.ledger.check("attest", *false, gas=gas_limit(enough))
    with pytest.raises(ContractRefused) as mined:
        ledgers.ledger.transact("attest", *good, sender=ledgers.relayer, gas=enough - 5_000)
    assert mined.value.transaction is not None
    assert ledgers.ledger.read("stateOf", ledgers.owner.address) == before


def rerandomised(proof: Proof, u: int) -> list[int]:
    assert proof.a is not None
    assert proof.b is not None
    return proof_words(replace(proof, a=G1_GROUP.multiply(proof.a, pow(u, -1, ORDER)),
                               b=G2_GROUP.multiply(proof.b, u)))
