"""Who may call what: the functions that roles guard, as a deployment sets them on the one AccessManager.

What is restricted and not named here is ADMIN's. An account has one delay for all that a role lets it do, so what RISK
may do at once and what it may do after a delay are two roles, both held by the same account; and verifiers are
announced by a role without a delay, since the registry makes them wait by itself.

Precondition of what is said about clocks: liquidation is paused by the vault alone, which stops the oracle's clock in
the same transaction. Were `stopClock` the guardian's, it could pause liquidation and let deadlines run, or stop
deadlines and let liquidation go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak

from verifier_contracts.artifacts import Artifact
from verifier_contracts.governance import Role

FUNCTIONS: Mapping[str, Mapping[str, Role]] = {
    "registry": {"announce": Role.ANNOUNCER, "cancel": Role.GUARDIAN, "distrust": Role.GUARDIAN},
    "oracle": {"installCourt": Role.ADMIN, "rotateSigners": Role.ADMIN, "setReference": Role.ADMIN,
               "setLimits": Role.ADMIN, "assignForfeited": Role.ADMIN, "holdEpoch": Role.GUARDIAN,
               "revokeSigners": Role.GUARDIAN, "stopClock": Role.VAULT, "resumeClock": Role.VAULT,
               "tightenLimits": Role.RISK},
    "marks": {"setCurve": Role.ADMIN, "tightenCurve": Role.RISK},
    "desk": {"reassignAccount": Role.ADMIN, "absolve": Role.ADMIN, "pause": Role.GUARDIAN, "unpause": Role.GUARDIAN,
             "callBySilence": Role.SILENCE, "forceTransition": Role.CLOSING, "handOver": Role.COORDINATOR,
             "breach": Role.COORDINATOR},
    "escrow": {"foundCommittee": Role.ANNOUNCER, "registerCommittee": Role.ADMIN, "renewCommittee": Role.ADMIN,
               "orderDisclosure": Role.COORDINATOR},
    "vault": {"listAsset": Role.ADMIN, "openAsset": Role.ADMIN, "lowerCap": Role.RISK, "closeAsset": Role.RISK,
              "raiseCap": Role.LOOSENING, "pause": Role.GUARDIAN, "unpause": Role.GUARDIAN, "lock": Role.COORDINATOR,
              "release": Role.COORDINATOR, "transferBasket": Role.COORDINATOR, "pay": Role.COORDINATOR,
              "book": Role.SETTLEMENT, "installAllocator": Role.ADMIN},
    "settlement": {"settle": Role.VENUE, "withdrawClearing": Role.VENUE, "slashBond": Role.COORDINATOR,
                   "pause": Role.GUARDIAN,
                   "unpause": Role.GUARDIAN},
    "fund": {"install": Role.ADMIN, "setCaps": Role.ADMIN, "setTarget": Role.ADMIN, "tightenCaps": Role.RISK,
             "cover": Role.COORDINATOR},
    "allocator": {"recordLoss": Role.COORDINATOR},
    "house": {"open": Role.COORDINATOR, "showShortfall": Role.COORDINATOR, "voidLot": Role.COORDINATOR,
              "settle": Role.COORDINATOR, "takeSeat": Role.LIQUIDATOR, "blindBid": Role.LIQUIDATOR,
              "raiseBounds": Role.RISK, "setBounds": Role.ADMIN, "setFundAgent": Role.ADMIN},
    "coordinator": {"releaseLot": Role.ADMIN},
    "unwinder": {"listProtocol": Role.ADMIN, "suspend": Role.RISK},
}
"""By the contract's name in a deployment and the function's: the role."""


def selector(artifact: Artifact, function: str) -> bytes:
    """The four bytes that call a function."""
    entry: Any = next(entry for entry in artifact.abi if entry["type"] == "function" and entry["name"] == function)
    return keccak(text=abi_to_signature(entry))[:4]
