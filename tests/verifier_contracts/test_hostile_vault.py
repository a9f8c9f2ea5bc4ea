"""Attacks on collateral, by coordinators, venues, carriers, markers and tokens: each fails, and shows what stops it.

Numbers are those of docs/attacks.md.
"""

from __future__ import annotations

import pytest
from revmchain import account, refused, vault_artifacts
from vaultworld import CAP, FACTORS, LAG, POOL_ID, VaultWorld, build

HOUR = 3_600
A, B, STRANGER = account(0xB1), account(0xB2), account(0xB9)
GROWTH, UNITS = 1_000, 10**6


@pytest.fixture
def w() -> VaultWorld:
    """An owner with 1,000 at a venue that she has registered with."""
    world = build()
    world.deposit(world.owner, 1_000)
    world.register(world.owner)
    return world


def venue_of(w: VaultWorld, bond: int = 500) -> None:
    for who in (w.venue, STRANGER):
        w.give(who, 10**9, spender=w.desk)
    w.desk("postBond", w.venue, bond, sender=STRANGER)
    w.desk("fundClearing", w.venue, 1_000, sender=STRANGER)


# -- hands -------------------------------------------------------------------------------------------------------------
def test_a_coordinator_alone_keeps_and_takes_nothing(w: VaultWorld) -> None:
    """Collateral changes hands on a proof, never on anybody's word: a lot is of a called account."""
    with refused("NoLot", w.owner.lower()):
        w.vault("lock", w.owner, 7, sender=w.coordinator)
    for function, arguments in (("transferBasket", (w.owner, B)), ("pay", (w.owner, w.quote.address, 1, B))):
        with refused("NoLot"):
            w.vault(function, *arguments, sender=w.coordinator)
    w.flat(w.wish(1_000))
    assert w.quote("balanceOf", w.owner) == 1_000


# -- settlement --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "decimals"), [("TestToken", 6), ("SilentToken", 2)])
def test_a_debit_bound_is_in_the_quote_assets_own_units(name: str, decimals: int) -> None:
    """A margin is in millionths: of a token with two decimals it would otherwise allow ten thousand times as much."""
    a = dict(vault_artifacts())
    w = build(lambda: {**a, "TestToken": a[name]})
    w.deposit(A, 10**7)
    w.register(A, 3_000_000)
    w.manager("publishMargin", A, True)
    venue_of(w)
    bound = 3 * 10**decimals
    assert w.desk("debitBoundOf", A) == bound
    w.desk("requestSettlement", sender=A)
    with refused("DebitAboveBound", A.lower(), bound + 1, bound):
        w.settle((A, -bound - 1))
    w.settle((A, -bound))


def test_a_stolen_venues_key_takes_its_bond_a_day_however_many_accounts_it_uses(w: VaultWorld) -> None:
    """Gains of accomplices and withdrawals of the clearing account draw on the same bond; what was paid in is no way
    around it, nor is a second account, nor letting the bond go."""
    venue_of(w, bond=500)
    victims = [account(0xC00 + n) for n in range(4)]
    for who in victims:
        w.deposit(who, 1_000)
        w.register(who, 1_000)
        w.manager("publishMargin", who, True)
    for who in (A, B):
        w.register(who)
    w.settle(*[(who, -1_000) for who in victims])
    w.settle((A, 300), (B, 200))
    with refused("GainsAboveBond"):
        w.settle((w.owner, 100))
    w.pass_time(LAG)
    before = w.quote("balanceOf", w.venue)
    w.desk("withdrawClearing", 1_000, w.venue, sender=w.venue)      # what was paid in
    with refused("GainsAboveBond"):
        w.desk("withdrawClearing", 1, w.venue, sender=w.venue)
    w.desk("fundClearing", w.venue, 50, sender=STRANGER)
    w.desk("withdrawClearing", 50, w.venue, sender=w.venue)
    with refused("GainsAboveBond"):
        w.desk("withdrawClearing", 1, w.venue, sender=w.venue)
    w.desk("releaseBond", 500, sender=w.venue)
    w.pass_time(24 * HOUR)
    with refused("GainsAboveBond"):
        w.desk("withdrawClearing", 1, w.venue, sender=w.venue)
    assert w.quote("balanceOf", w.venue) - before == 1_050


def test_one_owners_word_does_not_outlive_the_window(w: VaultWorld) -> None:
    """What settlement may take is a sum over 24 hours, whatever the cap was when it took."""
    venue_of(w)
    w.desk("setDebitCap", 300, sender=w.owner)
    w.settle((w.owner, -300))
    w.desk("setDebitCap", 299, sender=w.owner)
    w.desk("requestSettlement", sender=w.owner)
    for passed in (0, 24 * HOUR - 1):
        w.pass_time(passed)
        with refused("DebitAboveBound"):
            w.settle((w.owner, -1))
    w.pass_time(1)
    w.settle((w.owner, -299))


# -- marks -------------------------------------------------------------------------------------------------------------
def test_marking_often_does_not_stop_interest(w: VaultWorld) -> None:
    """The growth of a minute is less than a unit of a rate of six digits: rounded away each time it never comes."""
    shares = w.machine.deploy(vault_artifacts()["TestShares"], w.coin.address, sender=w.admin)
    w.give(A, UNITS, w.coin, spender=shares)
    shares("deposit", UNITS, A, sender=A)
    adapter = w.machine.deploy(vault_artifacts()["Erc4626Adapter"], w.marks.address, w.vault.address, shares.address,
                               GROWTH, UNITS, sender=w.admin)
    w.marks("setCurve", POOL_ID, (adapter.address, 0, 0, 10_000), sender=w.admin)
    w.coin("mint", shares.address, UNITS)
    first = adapter("rate")
    for _ in range(24 * 60):
        w.pass_time(60)
        w.publish()
        w.marks("mark", POOL_ID, w.epoch, FACTORS, sender=STRANGER)
    grown = adapter("rate")
    assert first + first * GROWTH // 10**6 <= grown <= first + 2 * first * GROWTH // 10**6


# -- tokens ------------------------------------------------------------------------------------------------------------
def test_a_token_that_returns_nothing_moves_like_any_other(w: VaultWorld) -> None:
    token = w.machine.deploy(vault_artifacts()["SilentToken"], sender=w.admin)
    w.vault("listAsset", token.address, 9, CAP, sender=w.admin)
    w.deposit(w.owner, 500, token)
    w.flat(w.wish(200, token=token.address))
    assert (token("balanceOf", w.owner), w.balance(w.owner, token)) == (200, 300)


def test_a_rebase_upwards_is_nobodys(w: VaultWorld) -> None:
    w.deposit(w.owner, 500, w.coin)
    w.coin("mint", w.vault.address, 1_000)
    value = w.value(w.owner)
    w.deposit(A, 10, w.coin)
    with refused("AssetNotShort"):
        w.vault("reportShort", w.coin.address, sender=STRANGER)
    assert (w.value(w.owner), w.balance(A, w.coin), w.vault("assetOf", w.coin.address)[1]) == (value, 10, 510)
    with refused("InsufficientBalance"):
        w.flat(w.wish(501, token=w.coin.address))


def test_a_withdrawal_to_the_vault_itself_loses_nothing(w: VaultWorld) -> None:
    with refused("TransferMismatch"):
        w.flat(w.wish(100, to=w.vault.address))
    wish = w.wish(100, to=w.vault.address)
    w.withdraw(wish)
    w.finalise(w.epoch)
    claim = w.claim(wish)
    with refused("TransferMismatch"):
        w.vault("redeem", claim, sender=STRANGER)
    w.vault("cancel", claim, sender=w.owner)
    assert w.balance(w.owner) == 1_000
