"""What the vault's functions cost, whole transactions on the embedded chain. The ledger is a mock, so that a withdrawal
lacks what verification costs: 208,000 of the 234,504 that a bare one takes as a transaction."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.abi import get_abi_input_types
from eth_utils.address import to_checksum_address
from revmchain import factors_hash, vault_artifacts
from vaultworld import ADMIN, CAP, COVER, DESK, FACTORS, FLAT, LAG, QUANTUM, QUOTE_ID, START, VENUE

from verifier_contracts.abi import decode_result, encode_call
from verifier_contracts.chain import Chain
from verifier_contracts.withdrawal import Withdrawal

VERIFICATION = 208_000
TOLERANCE = 150
"""Addresses and hashes are in the calldata, where a zero byte costs less."""
PINNED = {
    "deposit, first of an account": 126_234,
    "deposit, after the first": 69_423,
    "deposit, after the first, by another": 69_485,
    "withdraw": 109_061,
    "withdraw, two assets": 111_648,
    "withdraw, paid at once": 143_014,
    "redeem": 73_692,
    "cancel": 36_050,
    "withdrawFlat": 95_902,
    "settle one account": 310_870,
}


@pytest.fixture(scope="module")
def report() -> dict[str, int]:
    chain = Chain.embedded(timestamp=START)
    me, venue, other = chain.senders[:3]
    a = vault_artifacts()
    found: dict[str, int] = {}

    def deploy(name: str, *arguments: object) -> str:
        entry = next((e for e in a[name].abi if e["type"] == "constructor"), {"type": "constructor", "inputs": []})
        receipt = chain.send(None, a[name].creation + encode(get_abi_input_types(entry), arguments), sender=me)
        assert receipt.contract is not None
        return to_checksum_address(receipt.contract)

    def call(name: str, to: str, function: str, *arguments: object, sender: str = me) -> int:
        return chain.send(to, encode_call(a[name], function, arguments), sender=sender, gas_cap=3_000_000).gas_used

    def ask(name: str, to: str, function: str, *arguments: object) -> object:
        return decode_result(a[name], function, chain.call(to, encode_call(a[name], function, arguments)))

    oracle, manager, quote, coin = deploy("MockOracle"), deploy("MockManager"), deploy("TestToken"), deploy("TestToken")
    authority = deploy("Authority", me)
    marks = deploy("AssetMarks", authority, oracle, 1800)
    vault = deploy("CollateralVault", authority, (oracle, manager, marks, quote, QUOTE_ID, CAP))
    desk = deploy("VenueSettlement", authority, vault, QUANTUM, 10_000)
    for to, name, function, role, who in ((vault, "CollateralVault", "book", DESK, desk),
                                          (desk, "VenueSettlement", "settle", VENUE, venue)):
        call("Authority", authority, "setTargetFunctionRole", to, [encode_call(a[name], function, [[], []] + [0] *
             (function == "book"))[:4]], role)
        call("Authority", authority, "grantRole", role, who, 0)
    assert ADMIN == 0
    call("MockManager", manager, "setVault", vault)
    call("CollateralVault", vault, "listAsset", coin, 5, CAP)
    call("MockOracle", oracle, "publish", START, factors_hash(FACTORS), LAG)
    for token in (quote, coin):
        for who in (me, other):
            call("TestToken", token, "mint", who, 10**9)
            call("TestToken", token, "approve", vault, (1 << 256) - 1, sender=who)
    call("TestToken", quote, "mint", venue, 10**9)
    call("TestToken", quote, "approve", desk, 1 << 250, sender=venue)
    found["deposit, first of an account"] = call("CollateralVault", vault, "deposit", me, quote, 10_000)
    found["deposit, after the first"] = call("CollateralVault", vault, "deposit", me, quote, 10_000)
    found["deposit, after the first, by another"] = call("CollateralVault", vault, "deposit", me, quote, 10_000,
                                                         sender=other)
    call("MockManager", manager, "register", me, venue, 0)

    def covers(w: Withdrawal, count: int) -> list[tuple[object, ...]]:
        word = ask("MockManager", manager, "proofOf", COVER, me, START, w.version, w.action_hash(), 0)
        return [(START, 0, FACTORS, [word, *[(1 << 254) - 1] * 7])] * count

    def withdraw(count: int = 1) -> tuple[int, tuple[object, ...]]:
        version = int(str(ask("MockManager", manager, "versionOf", me)))
        w = Withdrawal(chain.chain_id, vault, me, quote, 100, me, 0, version, 0)
        gas = call("CollateralVault", vault, "withdraw", w.as_tuple(), covers(w, count), b"")
        return gas, (me, quote, 100, me, 0, me, START, version)

    found["withdraw"], claim = withdraw()
    found["cancel"] = call("CollateralVault", vault, "cancel", claim)
    _, claim = withdraw()
    call("CollateralVault", vault, "deposit", me, coin, 10_000)
    found["withdraw, two assets"], _ = withdraw()
    call("MockOracle", oracle, "set", START, True, False)
    found["redeem"] = call("CollateralVault", vault, "redeem", claim)
    found["withdraw, paid at once"], _ = withdraw(2)
    version = int(str(ask("MockManager", manager, "versionOf", me)))
    w = Withdrawal(chain.chain_id, vault, me, quote, 100, me, 0, version, 0)
    word = ask("MockManager", manager, "proofOf", FLAT, me, 0, version, w.action_hash(), 0)
    found["withdrawFlat"] = call("CollateralVault", vault, "withdrawFlat", w.as_tuple(), [word, *[(1 << 254) - 1] * 7],
                                 b"")
    call("VenueSettlement", desk, "setDebitCap", 1_000)
    found["settle one account"] = call("VenueSettlement", desk, "settle", [me], [-100], sender=venue)
    return found


def test_gas_is_pinned(report: dict[str, int]) -> None:
    assert set(report) == set(PINNED)
    for action, gas in report.items():
        assert gas == pytest.approx(PINNED[action], abs=TOLERANCE), (action, gas)


def test_gas_is_within_the_bounds(report: dict[str, int]) -> None:
    assert report["deposit, after the first"] <= 75_000
    assert report["deposit, after the first, by another"] <= 75_000
    assert report["withdraw"] + VERIFICATION <= 325_000
    assert report["withdraw, two assets"] - report["withdraw"] <= 2_600
