"""A node is asked with a price or an opening only where the contract would take it: to be asked is to read."""

from __future__ import annotations

from typing import Any

import pytest

from verifier_contracts.auction import AuctionHouse, SealedPrice
from verifier_contracts.errors import ContractRefused
from verifier_contracts.escrow import Escrow

WHO = "0x" + "12" * 20
BID = SealedPrice(1, WHO, 4, b"\1" * 32, WHO, 987_654, b"\2" * 32)


def binding(kind: Any, refused: str | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Any]]:
    """One whose trial ends in a refusal, and all that is asked or sent by it."""
    made, asked = kind.__new__(kind), list[Any]()

    def attempt(self: Any, *arguments: Any, **_: Any) -> None:
        asked.append(arguments)
        if refused is not None:
            raise ContractRefused(refused)
    monkeypatch.setattr(kind, "attempt", attempt)
    monkeypatch.setattr(kind, "transact", lambda self, *arguments, **_: asked.append(("sent", *arguments)))
    return made, asked


@pytest.mark.parametrize(("refused", "goes_on"), [("WrongStage", False), ("NoCommitment", False), ("OtherBid", True),
                                                  (None, True)])
def test_a_price_is_not_asked_about_before_it_may_be_revealed(
        refused: str | None, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    house, asked = binding(AuctionHouse, refused, monkeypatch)
    if goes_on:
        house.reveal(BID, sender=WHO)
        assert asked.pop() == ("sent", "reveal", 4, WHO, 987_654, BID.salt)
    else:
        with pytest.raises(ContractRefused, match=refused):
            house.reveal(BID, sender=WHO)
    assert asked == [("reveal", 4, WHO, 0, bytes(32))]


@pytest.mark.parametrize(("refused", "goes_on"), [("NotOrdered", False), ("ProofRejected", True)])
def test_an_opening_is_not_asked_about_before_everybody_may_read_it(
        refused: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    escrow, asked = binding(Escrow, refused, monkeypatch)
    if goes_on:
        escrow.publish(4, [7, 8, 9], [1] * 8, sender=WHO)
        assert asked.pop()[:4] == ("sent", "publishOpening", 4, [7, 8, 9])
    else:
        with pytest.raises(ContractRefused, match=refused):
            escrow.publish(4, [7, 8, 9], [1] * 8, sender=WHO)
    assert asked == [("publishOpening", 4, [0, 0, 0], [0] * 8)]
