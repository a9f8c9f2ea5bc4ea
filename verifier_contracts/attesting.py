"""Margins of a system of contracts, as whoever proves or shows one needs them: the ledger, and the key that it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verifier_contracts.bindings import VerifierFacts
from verifier_contracts.chain import Receipt
from verifier_contracts.ledger import Source
from verifier_contracts.system import Contracts

SLOT = "margin"


@dataclass(frozen=True)
class PublicMargin:
    """An account, as far as its margin is public.

    margin : last proven, in 10⁻⁶ quote units; epoch_id : of that proof; version : of the account, 0 for one never
    registered; attested_at : time of the attestation, 0 while this version has none that shows its margin.
    """

    margin: int
    epoch_id: int
    version: int
    attested_at: int


class _Overtaken(Exception):
    """Another was faster."""


class Attesting:
    """A ledger with its registry of verifiers and its oracle."""

    def __init__(self, there: Contracts) -> None:
        self._there, self.chain, self.address = there, there.chain, there.ledger.address
        self.oracle = there.oracle

    def key_digest(self) -> bytes:
        """Of the margin key in force; refused as NoVerifier."""
        return self._there.registry.active(SLOT).key_digest

    def verifier(self) -> str:
        """The verifier in force."""
        return self._there.registry.active(SLOT).verifier

    def circuit_digest(self) -> bytes:
        """Of the constraint system that the verifier in force says it is of."""
        return VerifierFacts.of(self.chain, self.verifier()).circuit_digest

    def max_epoch_age(self) -> int:
        """Seconds after which an epoch attests nothing."""
        return self._there.ledger.max_epoch_age()

    def commitment_of(self, account: str) -> int:
        """The registered commitment, 0 if there is none or it is void."""
        return self._there.ledger.commitment_of(account)

    def state_of(self, account: str) -> PublicMargin:
        """The account, its margin where one is public: `attested_at` is 0 where none is."""
        word = self._there.ledger.state_of(account)
        public = word.source is not None and word.source < Source.COVER
        return PublicMargin(word.value if public else 0, word.epoch_id, word.version, word.attested_at if public else 0)

    def check(self, function: str, *arguments: Any, sender: str | None = None) -> bytes:
        """Run `attest` without effect: raises what sending it would raise."""
        account, epoch_id, version, margin, words = arguments
        return self._there.ledger.check(function, account, epoch_id, version, margin, 0, list(words), sender=sender)

    def attest(self, account: str, epoch_id: int, version: int, margin: int, words: Sequence[int], *,
               sender: str | None = None) -> Receipt | None:
        """Show a margin by a proof of the key in force. None, and nothing is sent, if it stands when this sender's turn
        has come: the ledger would take it without a word, and it would only cost gas."""
        def look(_transaction: str | None, _creates: str | None) -> None:
            if self.stands(account, epoch_id, version, margin):
                raise _Overtaken

        try:
            return self._there.ledger.attest(account, epoch_id, version, margin, words, sender=sender, before=look)
        except _Overtaken:
            return None

    def stands(self, account: str, epoch_id: int, version: int, margin: int) -> bool:
        """Whether the ledger holds this margin for this epoch and version."""
        state = self.state_of(account)
        return bool(state.attested_at) and (state.epoch_id, state.version, state.margin) == (epoch_id, version, margin)
