"""What a change of parameters asks of the contracts: calls where a function takes it, and for all else what does.

A call that only tightens is RISK's at once; one that loosens is ADMIN's or waits. Which is which the contracts say
themselves (`verifier_contracts.role_table`): a change is brought as tightening wherever they would take it as that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from verifier_contracts.abi import encode_call
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.governance import Role, role_name
from verifier_contracts.role_table import FUNCTIONS
from verifier_contracts.system import CONTRACTS
from verifier_contracts.system_config import SystemConfig

from .parameters import changes
from .proposals import Proposal

if TYPE_CHECKING:
    from verifier_contracts.system import System

ADJUSTABLE = ("system.oracle.required_lag", "system.oracle.min_interval", "system.oracle.heartbeat",
              "system.oracle.move_limits", "system.publishers.signers", "system.publishers.quorum",
              "system.vault.quote_cap", "system.vault.assets", "system.liquidation.fund_caps",
              "system.liquidation.seat_bond", "system.liquidation.least_bond", "system.liquidation.kappa",
              "system.liquidation.fund_agent")
"""Paths of parameters that a function of a contract changes; with all below them."""
_ELSEWHERE: Mapping[str, str] = {
    "model": "takes force with the first epoch that publishers sign under it (`oracle sign`): roots bind its digest",
    "contingencies": "take force with the first epoch that publishers sign under them: they are in its leaves",
    "system.roles": "`contract grant` and `contract revoke`", "system.delays": "`contract grant --delay`",
    "system.verifiers": "`contract rotate`"}
FIXED = "fixed by a constructor, for ever: another system has to be deployed"


@dataclass(frozen=True)
class ParameterCall:
    """A call. contract : name in the deployment; to : its address.  role : who may make it, "admin".
    delay : seconds that it waits between scheduling and execution, as the parameters before have it.
    """

    contract: str
    to: str
    function: str
    arguments: tuple[Any, ...]
    role: str
    delay: int
    data: bytes

    def to_json(self) -> dict[str, Any]:
        """Integers as decimal strings."""
        return {"contract": self.contract, "to": self.to, "function": self.function,
                "arguments": _plain(self.arguments), "role": self.role, "delay": self.delay,
                "data": "0x" + self.data.hex()}


def calls(proposal: Proposal, deployed: System) -> tuple[list[ParameterCall], dict[str, str]]:
    """Calls that bring the contracts from before to after; and by path of what no call changes, what does.

    Parameters
    ----------
    deployed : where the contracts are; its oracle is looked at by who calls.
    """
    before, after = proposal.before.system, proposal.after.system
    left = {one.path: _elsewhere(one.path) for one in changes(proposal.before, proposal.after)
            if not any(one.path == path or one.path.startswith(f"{path}.") for path in ADJUSTABLE)}
    if before is None or after is None:
        return [], left
    ids = {asset.token: asset.id for asset in before.vault.assets}
    if any(ids.get(asset.token, asset.id) != asset.id for asset in after.vault.assets):
        left["system.vault.assets[].id"] = FIXED
    return [_call(deployed, before, contract, function, *arguments)
            for contract, function, arguments in _wanted(before, after, deployed)], left


def _elsewhere(path: str) -> str:
    return next((how for start, how in _ELSEWHERE.items() if path == start or path.startswith(f"{start}.")), FIXED)


def _call(deployed: System, before: SystemConfig, contract: str, function: str, *arguments: Any) -> ParameterCall:
    role = FUNCTIONS[contract][function]
    delay = {Role.ADMIN: before.delays.admin, Role.LOOSENING: before.delays.loosening}.get(role, 0)
    artifact = compile_contracts()[CONTRACTS[contract]]
    return ParameterCall(contract, deployed.contracts[contract], function, arguments, role_name(role), delay,
                         encode_call(artifact, function, arguments))


def _wanted(before: SystemConfig, after: SystemConfig, deployed: System) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    yield from _oracle(before, after)
    yield from _caps_of_assets(before, after, deployed)
    old, new = before.liquidation, after.liquidation
    if new.caps != old.caps:
        caps = (new.caps.account, new.caps.epoch, new.caps.day)
        lower = all(a <= b for a, b in zip(caps, (old.caps.account, old.caps.epoch, old.caps.day), strict=True))
        yield "fund", "tightenCaps" if lower else "setCaps", (caps,)
    bounds, present = ((one.seat_bond, one.least_bond, one.kappa) for one in (new, old))
    if bounds != present:
        raised = all(a >= b for a, b in zip(bounds, present, strict=True))
        yield "house", "raiseBounds" if raised else "setBounds", (bounds,)
    if new.fund_agent != old.fund_agent:
        yield "house", "setFundAgent", (new.fund_agent,)


def _oracle(before: SystemConfig, after: SystemConfig) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    old, new = before.oracle.limits, after.oracle.limits
    if new != old:
        tighter = (new.required_lag >= old.required_lag and new.min_interval == old.min_interval
                   and new.heartbeat == old.heartbeat
                   and all(a <= b for a, b in zip(new.move_limits, old.move_limits, strict=True)))
        yield "oracle", "tightenLimits" if tighter else "setLimits", (new.words(),)
    if replace(after.publishers, stake=before.publishers.stake) != before.publishers:
        yield "oracle", "rotateSigners", (list(after.publishers.signers), after.publishers.quorum)


def _caps_of_assets(before: SystemConfig, after: SystemConfig, deployed: System
                    ) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    old, new = ({deployed.quote_token: one.vault.quote_cap, **{asset.token: asset.cap for asset in one.vault.assets}}
                for one in (before, after))
    ids = {asset.token: asset.id for asset in after.vault.assets}
    for token, cap in new.items():
        if token not in old:
            yield "vault", "listAsset", (token, ids[token], cap)
        elif cap != old[token]:
            yield "vault", "lowerCap" if cap < old[token] else "raiseCap", (token, cap)
    for token in sorted(old.keys() - new.keys()):
        yield "vault", "closeAsset", (token,)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, int) else value
