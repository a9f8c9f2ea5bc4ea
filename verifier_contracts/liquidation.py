"""The contracts that call accounts, close parts of them, and sell what is left."""

from __future__ import annotations

from verifier_contracts.bindings import Contract


class SilenceCalls(Contract):
    """Calls of accounts that nobody has covered: slowly, and in the order of their notes."""

    name = "SilenceCalls"


class PartialClose(Contract):
    """The times of owner and venue, shortfalls, and forced closes."""

    name = "PartialClose"


class LiquidationCoordinator(Contract):
    """Lots: opened, disclosed, awarded, void or failed."""

    name = "LiquidationCoordinator"
