"""Assets that epochs have no factors for: curves, marks, shares of pools and of interest-bearing vaults."""

from __future__ import annotations

import json
import random
from math import isqrt
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from revmchain import Contract, account, refused, vault_artifacts
from vaultworld import CAP, FACTORS, ONE, POOL_ID, START, VaultWorld, build

from verifier_contracts.compiler import Artifact, node_modules

A, STRANGER = account(0x1A), account(0xDD)
LIFE = 1800
CURVE = (100, 500, 2_000)
"""1 % to leave, and 5 % more times s / (1 - s); up to a fifth of the supply counts."""


@pytest.fixture(scope="module")
def built() -> VaultWorld:
    return build()


@pytest.fixture
def w(built: VaultWorld):
    epoch, snapshot = built.epoch, built.machine.evm.snapshot()
    yield built
    built.machine.evm.revert(snapshot)
    built.machine.at(START)
    built.epoch = epoch


def take(w: VaultWorld, token: str, adapter: Contract, curve: tuple[int, int, int] = CURVE) -> None:
    w.marks("setCurve", POOL_ID, (adapter.address, *curve), sender=w.admin)
    w.vault("listAsset", token, POOL_ID, CAP, sender=w.admin)


def mark(w: VaultWorld, epoch: int | None = None) -> tuple[int, int, int]:
    w.marks("mark", POOL_ID, w.epoch if epoch is None else epoch, FACTORS, sender=STRANGER)
    return tuple(w.marks("markOf", POOL_ID))


@pytest.fixture
def plain(w: VaultWorld) -> tuple[VaultWorld, Contract]:
    """Coins of a second kind, for which an adapter answers what a test says; the account holds 100."""
    token = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    adapter = w.machine.deploy(vault_artifacts()["TestAdapter"], token.address, sender=w.admin)
    take(w, token.address, adapter)
    adapter("set", 4 * ONE, 1_000)
    w.deposit(A, 100, token)
    return w, adapter


# -- curves and marks --------------------------------------------------------------------------------------------------
def value(unit: int, supply: int, amount: int, curve: tuple[int, int, int]) -> int:
    """What `AssetMarks.valueOf` says, by the formula of the design."""
    base, slope, largest = curve
    amount = min(amount, supply * largest // 10**4)
    if slope == 0:
        return amount * unit * (10**4 - base) // 10**4
    rest = supply - amount
    return amount * unit * ((10**4 - base) * rest - slope * amount) // (10**4 * rest) if rest else 0


def test_a_mark_counts_after_the_cost_of_leaving(plain) -> None:
    w, _ = plain
    assert w.value(A) == 0                                          # nobody has marked it
    assert mark(w) == (4 * ONE, 1_000, START)
    assert w.value(A) == value(4 * ONE, 1_000, 100, CURVE) // ONE == 393
    w.deposit(A, 10)
    assert w.value(A) == 403


def test_more_units_never_count_less(plain) -> None:
    w, adapter = plain
    rng = random.Random(5)
    for _ in range(60):
        unit, supply = rng.getrandbits(rng.randint(1, 80)), rng.getrandbits(rng.randint(4, 120)) + 1
        adapter("set", unit, supply)
        mark(w)
        before = -1
        for amount in sorted(rng.randint(0, min(supply, (1 << 96) - 1)) for _ in range(8)):
            got = w.marks("valueOf", POOL_ID, amount, w.epoch)
            assert got == value(unit, supply, amount, CURVE)
            assert got >= before
            before = got


def test_beyond_the_largest_share_nothing_counts(plain) -> None:
    w, _ = plain
    mark(w)
    most = w.marks("valueOf", POOL_ID, 200, w.epoch)
    assert w.marks("valueOf", POOL_ID, 199, w.epoch) < most
    assert w.marks("valueOf", POOL_ID, 201, w.epoch) == w.marks("valueOf", POOL_ID, 10**6, w.epoch) == most


def test_curves_that_would_punish_a_deposit_are_refused(w: VaultWorld) -> None:
    adapter = w.machine.deploy(vault_artifacts()["TestAdapter"], w.coin.address, sender=w.admin)
    for curve in ((100, 0, 0), (100, 0, 10_001), (10_000, 0, 1), (100, 500, 7_810), (0, 10_000, 2_930), (0, 1, 10_000)):
        with refused("CurveNotMonotone", *curve):
            w.marks("setCurve", 77, (adapter.address, *curve), sender=w.admin)
    for number, curve in enumerate(((100, 0, 10_000), (100, 500, 7_800), (0, 10_000, 2_928))):
        w.marks("setCurve", 77 + number, (adapter.address, *curve), sender=w.admin)


def test_curves_are_set_once_and_only_tightened(plain) -> None:
    w, adapter = plain
    with refused("CurveAlreadySet", POOL_ID):
        w.marks("setCurve", POOL_ID, (adapter.address, *CURVE), sender=w.admin)
    with refused("SettingMissing", "adapter"):
        w.marks("setCurve", POOL_ID + 1, (A, *CURVE), sender=w.admin)
    for looser in ((99, 500, 2_000), (100, 499, 2_000), (100, 500, 2_001)):
        with refused("CurveLooser", POOL_ID):
            w.marks("tightenCurve", POOL_ID, *looser, sender=w.risk)
    w.marks("tightenCurve", POOL_ID, 200, 600, 1_000, sender=w.risk)
    assert w.marks("curveOf", POOL_ID)[1:] == (200, 600, 1_000)
    with refused("NoCurve"):
        w.marks("tightenCurve", 99, 1, 1, 1, sender=w.risk)
    for call in (("setCurve", 99, (adapter.address, *CURVE)), ("tightenCurve", POOL_ID, 300, 600, 1_000)):
        with refused("AccessManagedUnauthorized"):
            w.marks(*call, sender=STRANGER)


def test_the_vault_lists_what_the_marks_speak_of(w: VaultWorld) -> None:
    adapter = w.machine.deploy(vault_artifacts()["TestAdapter"], w.coin.address, sender=w.admin)
    other = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    with refused("NoCurve", POOL_ID):
        w.vault("listAsset", other.address, POOL_ID, CAP, sender=w.admin)
    w.marks("setCurve", POOL_ID, (adapter.address, *CURVE), sender=w.admin)
    with refused("WrongMarks", POOL_ID, other.address.lower()):
        w.vault("listAsset", other.address, POOL_ID, CAP, sender=w.admin)


def test_a_stale_mark_counts_nothing(plain) -> None:
    w, _ = plain
    first = w.epoch
    mark(w)
    w.pass_time(LIFE)
    later = w.publish()
    assert w.value(A) == 393                                        # as old as may be
    w.pass_time(1)
    w.publish()
    assert w.value(A) == 0
    with refused("StaleEpoch", first, LIFE):
        mark(w, first)
    mark(w, later)
    assert w.value(A) == 393


def test_marks_go_forward_unless_their_epoch_is_frozen(plain) -> None:
    w, _ = plain
    first = w.epoch
    w.pass_time(600)
    second = w.publish()
    mark(w)
    with refused("OlderThanMark", first, second):
        mark(w, first)
    w.freeze(second)
    with refused("FrozenEpoch", second):
        w.value(A, first)
    with refused("FrozenEpoch", second):
        mark(w)
    mark(w, first)
    assert w.value(A, first) == 393
    with refused("UnknownEpoch"):
        mark(w, second + 1)


def test_what_an_adapter_says_must_fit(plain) -> None:
    w, adapter = plain
    for unit, supply in ((1 << 80, 1), (1, 1 << 128)):
        adapter("set", unit, supply)
        with refused("MarkTooWide", unit, supply):
            mark(w)
    adapter("set", (1 << 80) - 1, (1 << 128) - 1)
    assert mark(w) == ((1 << 80) - 1, (1 << 128) - 1, START)
    with refused("WrongFactors"):
        w.marks("mark", POOL_ID, w.epoch, FACTORS[:2])
    with refused("NoCurve", 5):
        w.marks("mark", 5, w.epoch, FACTORS)


def test_settings_of_marks(w: VaultWorld) -> None:
    good = [w.authority.address, w.oracle.address, LIFE]
    for place, name in enumerate(("authority", "oracle", "markLife")):
        bad = [*good[:place], 0 if place == 2 else A, *good[place + 1:]]
        with refused("SettingMissing", name):
            w.machine.deploy(vault_artifacts()["AssetMarks"], *bad, sender=w.admin)


# -- pools -------------------------------------------------------------------------------------------------------------
WINDOW = 3_600


def pool_value(r0: int, r1: int) -> int:
    return 2 * isqrt(r0 * r1) * isqrt(FACTORS[0][1] * FACTORS[1][1])


def pool_adapter(w: VaultWorld, pair: Contract, floor: int) -> Contract:
    adapter = w.machine.deploy(vault_artifacts()["ConstantProductAdapter"], w.marks.address, w.vault.address,
                               pair.address, floor, WINDOW, sender=w.admin)
    take(w, pair.address, adapter)
    return adapter


def test_a_pool_counts_at_its_fair_value_once_it_was_deep_for_the_window(w: VaultWorld) -> None:
    pair = w.machine.deploy(vault_artifacts()["TestPair"], w.quote.address, w.coin.address, sender=w.admin)
    r0, r1, supply = 10**12 + 7, 3 * 10**11 + 1, 10**11
    pair("setPool", r0, r1, supply)
    depth = pool_value(r0, r1)
    adapter = pool_adapter(w, pair, depth)
    assert mark(w)[0] == 0                                          # seen for the first time
    average = 0
    for passed in (1_000, 1_000):
        w.pass_time(passed)
        w.publish()
        average = (average * (WINDOW - passed) + depth * passed) // WINDOW
        assert mark(w)[:2] == (depth // supply * average // depth, supply)
        assert adapter("average") == average
    w.pass_time(WINDOW)
    w.publish()
    assert mark(w)[0] == depth // supply
    pair("setPool", 4 * r0, 4 * r1, supply)                          # depth for one transaction buys nothing
    w.pass_time(10)
    w.publish()
    mark(w)
    pair("setPool", r0 // 2, r1 // 2, supply)                        # a pool that empties counts less at once
    half = pool_value(r0 // 2, r1 // 2)
    assert mark(w)[0] == half // supply * half // depth
    assert adapter("average") <= depth
    pair("setLocked", True)
    with pytest.raises(Exception, match="Revert"):
        mark(w)
    with refused("NotMarks", STRANGER.lower()):
        adapter("mark", FACTORS, sender=STRANGER)


def test_a_pool_of_something_else_is_refused(w: VaultWorld) -> None:
    other = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    for tokens, floor, window in (((w.quote.address, other.address), 1, 1), ((other.address, w.coin.address), 1, 1),
                                  ((w.quote.address, w.coin.address), 0, 1), ((w.quote.address, w.coin.address), 1, 0)):
        pair = w.machine.deploy(vault_artifacts()["TestPair"], *tokens, sender=w.admin)
        with refused("PairNotTaken"):
            w.machine.deploy(vault_artifacts()["ConstantProductAdapter"], w.marks.address, w.vault.address,
                             pair.address, floor, window, sender=w.admin)
    pair = w.machine.deploy(vault_artifacts()["TestPair"], w.quote.address, w.coin.address, sender=w.admin)
    pair("setPool", 10**6, 10**6, 10**6)
    pool_adapter(w, pair, 1)
    w.publish(START + 1, FACTORS[1:])
    w.pass_time(1)
    with refused("FactorMissing", 1):
        w.marks("mark", POOL_ID, START + 1, FACTORS[1:])


def uniswap(name: str) -> Artifact:
    """A contract of npm's @uniswap/v2-core, as its authors compiled it."""
    path = Path(node_modules()) / "@uniswap" / "v2-core" / "build" / f"{name}.json"
    if not path.is_file():
        pytest.skip("npm's @uniswap/v2-core (1.0.1) is not installed")
    data: Any = json.loads(path.read_text())
    return Artifact(name, data["abi"], bytes.fromhex(data["bytecode"]), b"")


@pytest.fixture
def real(w: VaultWorld) -> tuple[VaultWorld, Contract]:
    """Uniswap's own pool of 10^12 quote units and as many coins, marked for longer than the window; A holds a tenth."""
    factory = w.machine.deploy(uniswap("UniswapV2Factory"), w.admin, sender=w.admin)
    place = factory("createPair", w.quote.address, w.coin.address, sender=w.admin)
    pair = Contract(w.machine, uniswap("UniswapV2Pair"), to_checksum_address(place))
    for token in (w.quote, w.coin):
        token("mint", pair.address, 10**12)
    pair("mint", A, sender=A)
    pool_adapter(w, pair, 10**12 * ONE)
    mark(w)
    w.pass_time(WINDOW)
    w.publish()
    mark(w)
    pair("approve", w.vault.address, 1 << 255, sender=A)
    w.vault("raiseCap", pair.address, 10**18, sender=w.risk)
    w.vault("deposit", A, pair.address, pair("totalSupply") // 10, sender=A)
    return w, pair


def test_uniswaps_pool_counts_at_its_fair_value(real) -> None:
    w, pair = real
    unit, supply, _ = w.marks("markOf", POOL_ID)
    assert supply == pair("totalSupply") == 10**12
    assert unit == pool_value(10**12, 10**12) // supply
    assert w.value(A) == value(unit, supply, 10**11, CURVE) // ONE


def test_a_trade_in_uniswaps_pool_moves_no_value(real) -> None:
    w, pair = real
    before = w.value(A)
    for token, mine in ((w.quote, 9 * 10**12), (w.coin, 2 * 10**13)):
        r0, r1, _ = pair("getReserves")
        first = to_checksum_address(pair("token0")) == token.address
        into, out_of = (r0, r1) if first else (r1, r0)
        token("mint", pair.address, mine)
        out = mine * 997 * out_of // (into * 1000 + mine * 997)
        pair("swap", 0 if first else out, out if first else 0, STRANGER, b"", sender=STRANGER)
        mark(w)
        assert before <= w.value(A) <= before * 1004 // 1000         # the pool earned its fees, and no more
        before = w.value(A)


def test_a_donation_raises_the_value_by_less_than_it_costs(real) -> None:
    w, pair = real
    before = w.value(A)
    w.quote("mint", pair.address, 10**12)
    mark(w)
    assert 0 < w.value(A) - before < 10**12 // 10


def test_nobody_marks_in_the_middle_of_a_flash_swap(real) -> None:
    w, pair = real
    thief = w.machine.deploy(vault_artifacts()["FlashCaller"], sender=w.admin)
    for token in (w.quote, w.coin):
        token("mint", thief.address, 10**12)
    thief("run", pair.address, 10**11, w.marks.address, w.marks.data("mark", POOL_ID, w.epoch, FACTORS))
    assert not thief("succeeded")
    assert b"LOCKED" in thief("answer")
    mark(w)


# -- interest ----------------------------------------------------------------------------------------------------------
GROWTH = 1_000
"""Parts per million a day."""
UNITS = 10**6
RATE = 10**6


@pytest.fixture
def shares(w: VaultWorld) -> tuple[VaultWorld, Contract, Contract]:
    """An interest-bearing vault over the coin, with a million shares; A has put all of them into ours."""
    shares = w.machine.deploy(vault_artifacts()["TestShares"], w.coin.address, sender=w.admin)
    w.give(A, UNITS, w.coin, spender=shares)
    shares("deposit", UNITS, A, sender=A)
    adapter = w.machine.deploy(vault_artifacts()["Erc4626Adapter"], w.marks.address, w.vault.address, shares.address,
                               GROWTH, UNITS, sender=w.admin)
    take(w, shares.address, adapter, (0, 0, 10_000))
    shares("approve", w.vault.address, UNITS, sender=A)
    w.vault("deposit", A, shares.address, UNITS, sender=A)
    return w, shares, adapter


def test_shares_count_at_their_rate(shares) -> None:
    w, _, adapter = shares
    assert adapter("rate") == RATE
    assert mark(w)[:2] == (FACTORS[1][1], UNITS)
    assert w.value(A) == UNITS * 3 // 2
    with refused("NotMarks"):
        adapter("mark", FACTORS, sender=STRANGER)


def test_a_donation_buys_no_rate_and_a_loss_counts_at_once(shares) -> None:
    w, vault, adapter = shares
    w.coin("mint", vault.address, UNITS)
    mark(w)
    assert adapter("rate") == RATE                                  # not a second has passed
    w.pass_time(86_400)
    w.publish()
    mark(w)
    assert adapter("rate") == RATE + RATE * GROWTH // 10**6
    w.coin("seize", vault.address, UNITS * 3 // 2)
    mark(w)
    assert adapter("rate") == RATE * (UNITS // 2 + 1) // (UNITS + 1)
    assert w.value(A) == UNITS * (adapter("rate") * FACTORS[1][1] // RATE) // ONE


def test_a_vault_of_few_shares_counts_nothing(shares) -> None:
    w, vault, _ = shares
    mark(w)
    assert w.value(A) > 0
    w.flat(w.wish(1, account=A, token=vault.address))
    vault("redeem", 1, A, A, sender=A)
    mark(w)
    assert w.value(A) == 0


def test_shares_of_something_else_are_refused(w: VaultWorld) -> None:
    other = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    for token, growth, least in ((other, 1, 1), (w.coin, 0, 1), (w.coin, 1, 0)):
        shares = w.machine.deploy(vault_artifacts()["TestShares"], token.address, sender=w.admin)
        with refused("SharesNotTaken", token.address.lower()):
            w.machine.deploy(vault_artifacts()["Erc4626Adapter"], w.marks.address, w.vault.address, shares.address,
                             growth, least, sender=w.admin)
