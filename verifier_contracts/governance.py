"""The AccessManager that governs all contracts: who has which role, with what delay, and operations that wait.

A role is held with an execution delay. Where it is 0 its holder calls at once. Otherwise the very call is scheduled
first, is public meanwhile, can be cancelled by the role's guardian, and is made by the same holder once it is ready and
before it expires: `AccessManager.perform` does whichever comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from verifier_contracts.abi import encode_call
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt


class Role(IntEnum):
    """Role ids, as in Roles.sol. VAULT and SETTLEMENT are those contracts' own; LOOSENING is what RISK may do after a
    delay; ANNOUNCER announces verifiers, without one, since the registry has its own. LIQUIDATOR bids for lots. What
    liquidation may do is three contracts': SILENCE calls, CLOSING forces fills, COORDINATOR sells."""

    ADMIN = 0
    GUARDIAN = 1
    RISK = 2
    VENUE = 3
    PUBLISHER = 4
    COORDINATOR = 5
    VAULT = 6
    SETTLEMENT = 7
    LOOSENING = 8
    ANNOUNCER = 9
    LIQUIDATOR = 10
    SILENCE = 11
    CLOSING = 12


PUBLIC = (1 << 64) - 1
"""The role that everybody has."""


def role_name(role: int) -> str:
    """"guardian"; of a role without a name its number."""
    return "everybody" if role == PUBLIC else Role(role).name.lower() if role in list(Role) else f"role {role}"


@dataclass(frozen=True)
class Access:
    """How an account holds a role.

    since : from when; 0: not at all; in the future: granted and waiting.  delay : seconds between scheduling and
    execution.  pending_delay, effect : what the delay becomes, and when; 0 if nothing changes.
    """

    since: int
    delay: int
    pending_delay: int
    effect: int


class Step(NamedTuple):
    """How far an operation is.

    receipt : of what was sent; None where nothing could be sent yet.
    ready : first second at which it can be executed, 0 once it has been.  expires : first at which it no longer can.
    """

    receipt: Receipt | None
    ready: int = 0
    expires: int = 0

    @property
    def done(self) -> bool:
        """Whether it has been executed."""
        return self.ready == 0


class AccessManager(Contract):
    """Roles, delays, and operations that wait."""

    name = "Authority"

    # -- reading -------------------------------------------------------------------------------------------------------
    def has_role(self, role: int, account: str) -> tuple[bool, int]:
        """Whether it has the role now, and its execution delay in seconds."""
        member, delay = self.read("hasRole", role, account)
        return bool(member), int(delay)

    def access(self, role: int, account: str) -> Access:
        """How an account holds a role."""
        return Access(*self.read("getAccess", role, account))

    def can_call(self, caller: str, target: str, selector: bytes) -> tuple[bool, int]:
        """Whether an account may call a function at once, and else after which delay; (False, 0): not at all."""
        immediate, delay = self.read("canCall", caller, target, selector)
        return bool(immediate), int(delay)

    def role_of(self, target: str, selector: bytes) -> int:
        """The role that a restricted function asks for."""
        return int(self.read("getTargetFunctionRole", target, selector))

    def is_closed(self, target: str) -> bool:
        """Whether nobody may call what is restricted there."""
        return bool(self.read("isTargetClosed", target))

    def admin_of(self, role: int) -> int:
        """The role that grants and revokes this one."""
        return int(self.read("getRoleAdmin", role))

    def guardian_of(self, role: int) -> int:
        """The role that cancels operations of this one."""
        return int(self.read("getRoleGuardian", role))

    def grant_delay(self, role: int) -> int:
        """Seconds from a grant until it counts."""
        return int(self.read("getRoleGrantDelay", role))

    def target_admin_delay(self, target: str) -> int:
        """Seconds that changes of who may call what there have to wait."""
        return int(self.read("getTargetAdminDelay", target))

    def expiration(self) -> int:
        """Seconds for which an operation that is ready can be executed."""
        return int(self.read("expiration"))

    def scheduled_for(self, operation: bytes) -> int:
        """From when an operation can be executed; 0 if none waits, or it has expired."""
        return int(self.read("getSchedule", operation))

    # -- roles ---------------------------------------------------------------------------------------------------------
    def grant(self, role: int, account: str, delay: int = 0, *, sender: str | None = None) -> Step:
        """Grant a role, or change the delay of who has it (the role's admin). delay : seconds, of execution."""
        return self.perform(self, "grantRole", role, account, delay, sender=sender)

    def revoke(self, role: int, account: str, *, sender: str | None = None) -> Step:
        """Take a role (the role's admin)."""
        return self.perform(self, "revokeRole", role, account, sender=sender)

    def label(self, role: int, label: str, *, sender: str | None = None) -> Step:
        """Give a role a name that explorers show (role: admin)."""
        return self.perform(self, "labelRole", role, label, sender=sender)

    def assign(self, target: str, functions: Sequence[str], role: int, *, sender: str | None = None) -> Step:
        """Say which role functions of a contract ask for (role: admin). functions : signatures, "pause(uint8,uint40)".
        """
        selectors = [keccak(text=function)[:4] for function in functions]
        return self.perform(self, "setTargetFunctionRole", target, selectors, role, sender=sender)

    def set_grant_delay(self, role: int, delay: int, *, sender: str | None = None) -> Step:
        """How long grants of a role wait (role: admin); the change itself takes five days if it shortens."""
        return self.perform(self, "setGrantDelay", role, delay, sender=sender)

    def set_role_guardian(self, role: int, guardian: int, *, sender: str | None = None) -> Step:
        """Which role cancels operations of this one (role: admin)."""
        return self.perform(self, "setRoleGuardian", role, guardian, sender=sender)

    def set_role_admin(self, role: int, admin: int, *, sender: str | None = None) -> Step:
        """Which role grants and revokes this one (role: admin)."""
        return self.perform(self, "setRoleAdmin", role, admin, sender=sender)

    # -- operations ----------------------------------------------------------------------------------------------------
    def perform(self, contract: Contract, function: str, *arguments: Any, sender: str | None = None) -> Step:
        """Do a restricted call, or the next thing towards it: schedule it where the sender has the role with a delay,
        say how long it waits, make it once it is ready. The same call does each in turn.

        Raises
        ------
        ContractRefused : the sender has not the role (AccessManagedUnauthorized), or the contract refuses.
        """
        caller = checksummed(sender or self.chain.default_sender(), "sender")
        data = encode_call(contract.artifact, function, arguments)
        delay = self._delay(caller, contract, data, function, arguments)
        if not delay:                                        # at once, or never: the contract says which
            return Step(contract.transact(function, *arguments, sender=caller, pending=True))
        operation = self.operation(caller, contract.address, data)
        ready, receipt = self.scheduled_for(operation), None
        if ready and self.chain.next_time() >= ready:
            return Step(contract.transact(function, *arguments, sender=caller, pending=True))
        if not ready:
            receipt = self.transact("schedule", contract.address, data, 0, sender=caller)
            ready = self.scheduled_for(operation)
        return Step(receipt, ready, ready + self.expiration())

    def _delay(self, caller: str, contract: Contract, data: bytes, function: str, arguments: Sequence[Any]) -> int:
        """Of a call by somebody; 0: at once, or not at all. `canCall` does not speak of the manager's own functions."""
        if contract.address != self.address:
            return self.can_call(caller, contract.address, data[:4])[1]
        role = self.admin_of(arguments[0]) if function in ("grantRole", "revokeRole") else Role.ADMIN
        member, delay = self.has_role(role, caller)
        if function in ("setTargetFunctionRole", "setTargetClosed", "updateAuthority"):
            delay = max(delay, self.target_admin_delay(arguments[0]))
        return delay if member else 0

    def operation(self, caller: str, target: str, data: bytes) -> bytes:
        """Id of an operation: what its caller scheduled."""
        return bytes(self.read("hashOperation", caller, target, data))

    def cancel(self, caller: str, target: str, data: bytes, *, sender: str | None = None) -> Receipt:
        """Cancel what somebody scheduled (whoever did, the guardian of the function's role, an admin)."""
        return self.transact("cancel", caller, target, data, sender=sender)
