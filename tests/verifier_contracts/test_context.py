"""`context` off chain equals `context` on chain, and every field of it counts (A3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from verifier_contracts.context import Context
from verifier_contracts.ledger import LedgerLens, MarginLedger

ACCOUNT = "0x4a62316623ad457F02cDC5D997deD67a383EC569"
MANAGER = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
EXAMPLE = Context("margin", 31337, MANAGER, b"\x01" * 32, ACCOUNT, 1_800_000_000, 3, b"\x02" * 32)


@pytest.mark.parametrize(("epoch", "version", "action"), [
    (1_800_000_000, 1, bytes(32)), (0, 0, b"\xff" * 32), (2**40 - 1, 2**40 - 1, b"\x80" + bytes(31))],
    ids=["typical", "zero", "largest"])
def test_equals_the_contracts(ledgers, epoch, version, action):
    digest = ledgers.keys["margin"].verification_key.digest()
    ours = Context("margin", ledgers.chain.chain_id, ledgers.ledger.address, digest, ledgers.owner.address, epoch,
                   version, action)
    lens = LedgerLens(ledgers.chain, ledgers.lens.address, MarginLedger(ledgers.chain, ledgers.ledger.address))
    assert ours.field_element() == lens.context_of("margin", ledgers.owner.address, epoch, version, action)


def test_every_field_counts():
    values = {EXAMPLE.field_element()}
    for change in ({"statement": "cover"}, {"chain_id": 1}, {"manager": ACCOUNT}, {"key_digest": b"\x03" * 32},
                   {"account": MANAGER}, {"epoch_id": 1_800_000_001}, {"version": 4}, {"action_hash": bytes(32)}):
        values.add(replace(EXAMPLE, **change).field_element())
    assert len(values) == 9
    assert all(0 <= value < 2**248 for value in values)


@given(st.integers(1, 2**53 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1),
       st.binary(min_size=32, max_size=32))
def test_json_round_trip(chain_id, epoch, version, digest):
    context = Context("margin", chain_id, MANAGER, digest, ACCOUNT, epoch, version)
    assert Context.from_json(context.to_json()) == context


@pytest.mark.parametrize(("field", "value"), [
    ("statement", "margin-full-256x16"), ("statement", None), ("statement", ""), ("chain_id", -1), ("chain_id", "1"),
    ("epoch_id", 2**40), ("version", 2**40), ("version", True),
    ("account", "0x12"), ("account", ACCOUNT.replace("F", "f", 1)), ("manager", None), ("key_digest", "0x12"),
    ("action_hash", "0x" + "00" * 33), ("key_digest", "0x" + "AB" * 32)])
def test_malformed_json_is_refused_by_field(field, value):
    data = EXAMPLE.to_json() | {field: value}
    with pytest.raises(BadInput) as caught:
        Context.from_json(data, source="bundle.json")
    assert field in caught.value.field
    assert caught.value.source == "bundle.json"


def test_missing_and_unknown_members_are_refused():
    for data in ({}, EXAMPLE.to_json() | {"extra": 1}, []):
        with pytest.raises(BadInput):
            Context.from_json(data)


@pytest.mark.parametrize(("field", "value"), [
    ("statement", "margin-toy"), ("statement", ""), ("chain_id", -1), ("epoch_id", 2**40),
    ("version", -1), ("account", "nobody"), ("key_digest", b"\x01"),
    ("manager", MANAGER.replace("E", "e", 1))])
def test_a_field_out_of_bounds_is_refused(field, value):
    with pytest.raises(BadInput, match=field):
        replace(EXAMPLE, **{field: value})


def test_addresses_may_come_in_one_case():
    assert replace(EXAMPLE, account=ACCOUNT.lower()) == EXAMPLE
    assert replace(EXAMPLE, account="0x" + ACCOUNT[2:].upper()) == EXAMPLE
