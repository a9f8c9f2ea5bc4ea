"""Whether a system of contracts is, byte for byte, what our sources compile to, wired and governed as its file says.

Code is compared with immutables in their places, each by its name: two of them exchanged are another code. What lies
in storage is asked of code that by then is known to be ours: pointers, the role of every restricted function, who holds
roles. Who *ever* got a role is read from the AccessManager's events, so that a hand which the file does not name is
seen; that a node leaves no event out is its word.

What this cannot show: that the keys are honest (give them: the verifiers' code is then compared with what they
generate), who the accounts are, and what happens after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.creation import compile_verifier
from verifier_contracts.errors import ContractRefused
from verifier_contracts.events import read_events
from verifier_contracts.governance import Role, role_name
from verifier_contracts.role_table import FUNCTIONS, selector
from verifier_contracts.system import CONTRACTS, GOVERNED, Contracts, System
from verifier_contracts.token import Token

if TYPE_CHECKING:
    from prover import VerificationKey

_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_DOMAINS: Mapping[str, str] = {"oracle": "Tailproof RiskOracle", "desk": "Tailproof CommitmentDesk",
                               "vault": "Tailproof CollateralVault"}
"""What signatures for a contract name; a foreign one would have people sign for another contract."""


class Check(NamedTuple):
    """One comparison. said : by the file, or made here; found : on the chain."""

    what: str
    said: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.said == self.found


def system_authenticity(chain: Chain, system: System, keys: Mapping[str, VerificationKey] | None = None, *,
                        report: Callable[[str, int, int], object] = lambda stage, done, total: None) -> list[Check]:
    """A deployment against what is there.

    Parameters
    ----------
    keys : verification keys that the caller trusts, by slot: of these slots the verifiers' code is compared too.

    Raises
    ------
    BadInput : the chain is another, there is no code where a contract should be, or one answers like another contract.
    NodeError : the node does not tell what happened.
    """
    return [check for checks in parts_of(chain, system, keys, report=report).values() for check in checks]


def parts_of(chain: Chain, system: System, keys: Mapping[str, VerificationKey] | None = None, *,
             report: Callable[[str, int, int], object] = lambda stage, done, total: None) -> dict[str, list[Check]]:
    """The same by what it is about: code, settings, verifiers, functions, hands."""
    system.require_there(chain)
    there = system.bind(chain)
    told = Token(chain, system.quote_token).told()
    decimals = 6 if told is None else told[1]                    # if it tells no more, a guess: a wrong one is no match
    return {
        "code": [Check(f"{name}'s code", _digest(expected_code(system, name, decimals)), _digest(chain.code(address)))
                 for name, address in system.contracts.items()],
        "settings": [Check(*row) for row in system.claims(chain)],
        "verifiers": _verifiers(there, system, keys or {}), "functions": _functions(there),
        "hands": _hands(there, system, report)}


def expected_code(system: System, name: str, decimals: int = 6) -> bytes:
    """The code that a contract of this system has, with every immutable in its place.

    decimals : of the quote token, as it says itself.
    """
    return compile_contracts()[CONTRACTS[name]].deployed(immutables(system, name, decimals))


def immutables(system: System, name: str, decimals: int = 6) -> Mapping[str, bytes]:
    """Values of a contract's immutables by their names in the source, 32 bytes each."""
    fixed, form = system.settings, system.settings.layout
    facts = system.facts().get(name, {})
    own: dict[str, object] = {fact: said for fact, said in facts.items() if "(" not in fact}
    if name != "ledger":
        own.pop("authority", None)                               # which OpenZeppelin keeps in storage
    if name == "oracle":
        del own["court"]                                         # which is named later: storage
    if name == "court":
        del own["leafLayout"]
        own |= {"_lanes": form.lanes, "_width": form.width, "_valueBits": form.value_bits, "_values": form.values,
                "_underlyings": form.underlyings, "_cashId": form.cash_id}
    if name == "vault":
        del own["allocator"]                                     # installed later: storage
    if name == "fund":
        del own["watch"], own["allocator"]                       # the same
    if name == "closes":
        own |= {"_finalEpochAge": fixed.final_epoch_age, "_maxEpochAge": fixed.max_epoch_age}
    if name in ("settlement", "fund", "house", "coordinator", "unwinder"):
        own["_one"] = 10**decimals % (1 << 256)                  # a token may say 255 by now: then the code differs
    if name == "ledger":
        own |= {"_buffers": sum(buffer << 16 * step for step, buffer in enumerate(fixed.buffers)),
                "_lives": sum(life << 32 * step for step, life in enumerate(fixed.lives))}
    values = {fact: _word(said) for fact, said in own.items()}
    if name in _DOMAINS:
        values |= _domain(_DOMAINS[name], system.chain_id, system.contracts[name])
    return values


def _domain(name: str, chain_id: int, address: str) -> Mapping[str, bytes]:
    """What OpenZeppelin's EIP712 keeps: parts of the domain, and its separator while chain and address are these."""
    hashed, version = keccak(text=name), keccak(text="1")
    separator = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"],
                              [_DOMAIN, hashed, version, chain_id, address]))
    return {"_cachedDomainSeparator": separator, "_cachedChainId": _word(chain_id), "_cachedThis": _word(address),
            "_hashedName": hashed, "_hashedVersion": version, "_name": _short(name), "_version": _short("1")}


def _short(text: str) -> bytes:
    """OpenZeppelin's `ShortString`: up to 31 bytes from the left, their number in the last."""
    return text.encode().ljust(31, b"\0") + bytes([len(text)])


def _word(value: object) -> bytes:
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    assert isinstance(value, int)
    return int(value).to_bytes(32, "big")


def _digest(code: bytes) -> str:
    return "0x" + keccak(code).hex()


def _verifiers(there: Contracts, system: System, keys: Mapping[str, VerificationKey]) -> list[Check]:
    """The verifiers in force, and the code of those whose keys are given."""
    checks = []
    for one in system.verifiers:
        try:
            active = there.registry.active(one.slot)
            found: object = active.verifier
        except ContractRefused as refused:
            found = str(refused)
        checks.append(Check(f"verifier of {one.slot} in force", one.verifier, found))
        if one.slot in keys:
            expected = compile_verifier(keys[one.slot], one.statement, one.circuit_digest).runtime
            checks.append(Check(f"verifier of {one.slot}: its code", _digest(expected),
                                _digest(there.chain.code(one.verifier))))
    return checks


def _functions(there: Contracts) -> list[Check]:
    """The role of every restricted function, and that nothing is closed or slowed down besides."""
    authority, checks = there.authority, []
    for name in GOVERNED:
        contract = there.named(name)
        checks += [Check(f"{name}.{function} is", role_name(role),
                         role_name(authority.role_of(contract.address, selector(contract.artifact, function))))
                   for function, role in FUNCTIONS.get(name, {}).items()]
        checks.append(Check(f"{name} is closed", False, authority.is_closed(contract.address)))
    checks += [Check(f"{role_name(role)} is granted by", role_name(Role.ADMIN), role_name(authority.admin_of(role)))
               for role in Role]
    wanted = {Role.LOOSENING: Role.GUARDIAN}
    checks += [Check(f"{role_name(role)} is cancelled by", role_name(wanted.get(role, Role.ADMIN)),
                     role_name(authority.guardian_of(role))) for role in Role]
    return checks


def _hands(there: Contracts, system: System, report: Callable[[str, int, int], object]) -> list[Check]:
    """Who holds roles and with which delay: those of the file, and nobody else who was ever granted one."""
    authority = there.authority
    granted = read_events(there.chain, {"authority": authority}, system.block, names={"RoleGranted"}, report=report)
    expected = {(int(one.role), one.holder): one.delay for one in system.grants}
    seen = {(int(event.arguments["roleId"]), str(event.arguments["account"])) for event in granted.events}
    checks = []
    for role, holder in sorted({*expected, *seen}):
        member, delay = authority.has_role(role, holder)
        said = expected.get((role, holder))
        if said is None and not member:
            continue                                             # who had it, and has it no more
        checks.append(Check(f"{role_name(role)}: {holder}", "not held" if said is None else f"after {said} s",
                            f"after {delay} s" if member else "not held"))
    return checks
