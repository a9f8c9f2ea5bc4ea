"""The collateral vault: who may take what out, and what tokens cannot do to it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from revmchain import Refusal, account, refused, vault_artifacts
from vaultworld import CAP, COIN_ID, FACTORS, LAG, NOBODY, ONE, QUOTE_ID, START, VaultWorld, build

A, B, C, STRANGER = account(0x1A), account(0x1B), account(0x1C), account(0xDD)
HOUR = 3600


@pytest.fixture(scope="module")
def built() -> VaultWorld:
    return build()


@pytest.fixture
def w(built: VaultWorld):
    epoch = built.epoch
    snapshot = built.machine.evm.snapshot()
    yield built
    built.machine.evm.revert(snapshot)
    built.machine.at(START)
    built.epoch = epoch


@pytest.fixture
def funded(w: VaultWorld) -> VaultWorld:
    """The owner has 1,000 quote units against a margin of 400."""
    w.deposit(w.owner, 1_000)
    w.register(w.owner, 400)
    return w


# -- deposits ----------------------------------------------------------------------------------------------------------
def test_a_deposit_raises_balance_and_value_and_no_version(funded: VaultWorld) -> None:
    assert funded.manager("versionOf", funded.owner) == 1
    funded.deposit(funded.owner, 10, funded.coin)
    assert (funded.balance(funded.owner), funded.balance(funded.owner, funded.coin)) == (1_000, 10)
    assert funded.value(funded.owner) == 1_015
    assert funded.manager("versionOf", funded.owner) == 1
    assert [to_checksum_address(t) for t in funded.vault("holdingsOf", funded.owner)] == \
        [funded.quote.address, funded.coin.address]


def test_others_add_only_what_is_held_or_the_quote_asset(w: VaultWorld) -> None:
    w.deposit(A, 5, sender=STRANGER)
    w.give(STRANGER, 5, w.coin)
    with refused("AssetNotHeld", A.lower(), w.coin.address.lower()):
        w.vault("deposit", A, w.coin.address, 5, sender=STRANGER)
    w.deposit(A, 1, w.coin)
    w.vault("deposit", A, w.coin.address, 5, sender=STRANGER)
    assert w.balance(A, w.coin) == 6


def test_a_dust_deposit_kills_no_proof_in_flight(funded: VaultWorld) -> None:
    wish = funded.wish(600)
    cover = funded.cover(wish, 400)
    funded.deposit(funded.owner, 1, sender=STRANGER)
    funded.withdraw(wish, cover)


def test_deposits_are_never_paused_and_caps_hold(w: VaultWorld) -> None:
    w.vault("pause", 1, 3600, sender=w.guardian)
    w.vault("lowerCap", w.coin.address, 10, sender=w.risk)
    w.deposit(A, 10, w.coin)
    w.give(A, 2, w.coin)
    with refused("CapExceeded", w.coin.address.lower(), 11, 10):
        w.vault("deposit", A, w.coin.address, 1, sender=A)
    w.manager("setCalled", A, True)
    w.vault("deposit", A, w.coin.address, 1, sender=A)             # a called account is topped up whatever the cap
    with refused("CapNotLower"):
        w.vault("lowerCap", w.coin.address, 10, sender=w.risk)
    with refused("CapNotHigher"):
        w.vault("raiseCap", w.coin.address, 10, sender=w.risk)
    w.vault("raiseCap", w.coin.address, 11, sender=w.risk)
    assert w.vault("assetOf", w.coin.address)[:3] == (COIN_ID, 11, 11)


def test_what_is_not_listed_is_refused_and_a_closed_asset_can_leave(w: VaultWorld) -> None:
    other = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    w.give(A, 5, other)
    with refused("AssetNotListed"):
        w.vault("deposit", A, other.address, 5, sender=A)
    w.deposit(A, 5, w.coin)
    w.vault("closeAsset", w.coin.address, sender=w.risk)
    w.give(A, 5, w.coin)
    with refused("AssetNotListed"):
        w.vault("deposit", A, w.coin.address, 5, sender=A)
    w.flat(w.wish(5, account=A, token=w.coin.address))
    assert w.coin("balanceOf", A) == 10
    w.vault("openAsset", w.coin.address, sender=w.admin)
    w.vault("deposit", A, w.coin.address, 5, sender=A)


def test_nothing_nobody_and_too_much_are_refused(w: VaultWorld) -> None:
    w.give(A, 1 << 97)
    with refused("NoAmount"):
        w.vault("deposit", A, w.quote.address, 0, sender=A)
    with refused("NoReceiver"):
        w.vault("deposit", NOBODY, w.quote.address, 1, sender=A)
    with refused("AmountTooWide"):
        w.vault("deposit", A, w.quote.address, 1 << 96, sender=A)
    w.vault("raiseCap", w.quote.address, (1 << 96) - 1, sender=w.risk)
    w.vault("deposit", A, w.quote.address, (1 << 96) - 1, sender=A)
    with refused("AmountTooWide"):
        w.vault("deposit", A, w.quote.address, 1, sender=A)
    assert w.value(A) == (1 << 96) - 1


def test_eight_assets_one_place_for_the_quote(w: VaultWorld) -> None:
    tokens = [w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin) for _ in range(8)]
    for number, token in enumerate(reversed(tokens)):                # in an order that is not that of ids
        w.vault("listAsset", token.address, 100 - number, CAP, sender=w.admin)
    for token in tokens[:7]:
        w.deposit(A, 3, token)
    w.give(A, 3, tokens[7])
    with refused("TooManyAssets", A.lower()):
        w.vault("deposit", A, tokens[7].address, 3, sender=A)
    w.deposit(A, 3)
    factors = [(1, ONE, ONE), *((100 - n, (n + 1) * ONE, 9 * ONE) for n in range(7, -1, -1))]
    w.publish(START + 1, factors)
    listed = [to_checksum_address(t) for t in w.vault("holdingsOf", A)]
    assert listed == [w.quote.address, *(t.address for t in tokens[:7])]
    assert w.vault("valueOf", A, START + 1, factors) == 3 + 3 * sum(range(2, 9))
    w.flat(w.wish(3, account=A, token=tokens[3].address))             # out of the middle
    assert [to_checksum_address(t) for t in w.vault("holdingsOf", A)] == \
        [t for t in listed if t != tokens[3].address]
    w.vault("deposit", A, tokens[7].address, 3, sender=A)


def test_what_an_account_holds_is_what_came_in_and_did_not_go_out(w: VaultWorld) -> None:
    """Assets come and go in any order: the first of the chain, the last, one between, the only one."""
    rng = random.Random(7)
    ids = [3, 11, 12, 40, 77, 1 << 20, (1 << 31) - 1]
    tokens = {id: w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin) for id in ids}
    for id, token in tokens.items():
        w.vault("listAsset", token.address, id, CAP, sender=w.admin)
    tokens[QUOTE_ID] = w.quote
    factors = [(id, (id % 7 + 1) * ONE, 9 * ONE) for id in sorted(tokens) if id != 40]
    w.publish(START + 1, factors)
    held: dict[int, int] = {}
    for _ in range(120):
        id = rng.choice(sorted(tokens))
        if id in held and rng.random() < 0.6:
            amount = rng.choice([held[id], rng.randint(1, held[id])])
            w.flat(w.wish(amount, account=A, token=tokens[id].address))
            held[id] -= amount
        else:
            amount = rng.randint(1, 9)
            w.deposit(A, amount, tokens[id])
            held[id] = held.get(id, 0) + amount
        held = {id: amount for id, amount in sorted(held.items()) if amount}
        assert [to_checksum_address(t) for t in w.vault("holdingsOf", A)] == [tokens[id].address for id in held]
        assert {id: w.balance(A, tokens[id]) for id in tokens} == {id: held.get(id, 0) for id in tokens}
        assert w.vault("valueOf", A, START + 1, factors) == sum(
            amount * (id % 7 + 1) for id, amount in held.items() if id != 40)


def test_values_of_many_accounts_are_those_of_each(w: VaultWorld) -> None:
    w.deposit(A, 7)
    w.deposit(A, 5, w.coin)
    w.deposit(B, 9, w.coin)
    for who in ([], [B], [A, C, B, A]):
        assert list(w.vault("valuations", who, w.epoch, FACTORS)) == [w.value(one) for one in who]
    assert list(w.vault("valuations", [A], w.epoch, [(5, 2 * ONE, ONE)])) == [10], "it compares them with nothing"
    with refused("FactorsOutOfOrder"):
        w.vault("valuations", [], w.epoch, [FACTORS[1], FACTORS[0]])


def test_a_factor_has_no_more_bits_than_its_type(w: VaultWorld) -> None:
    """Of an id that has them nobody holds anything."""
    w.deposit(A, 7)
    w.deposit(A, 5, w.coin)
    for function, who in (("valuationOf", A), ("valuations", [A])):
        data = w.vault.data(function, who, w.epoch, [(QUOTE_ID, 1 << 79, ONE), (COIN_ID, ONE, ONE)])

        def value(word: int, byte: int, bit: int = 1, data: bytes = data) -> int:
            wide = bytearray(data)
            wide[len(data) + 32 * word + byte] |= bit
            return int.from_bytes(w.machine.raw(w.vault.address, bytes(wide), A)[-32:], "big")
        assert value(-1, 0, 0) == 7 * 2**15 + 5
        if function == "valuationOf":
            assert value(-3, 27) == 7 * 2**15
        for word, byte in ((-6, 27), (-5, 21), (-5, 0), (-2, 21), (-2, 0)):
            with pytest.raises(Refusal):
                value(word, byte)


# -- value -------------------------------------------------------------------------------------------------------------
def test_value_is_rounded_down_once(w: VaultWorld) -> None:
    factors = [(1, ONE - 1, ONE), (5, ONE // 2 + 1, ONE)]
    w.publish(START + 1, factors)
    w.deposit(A, 1)
    w.deposit(A, 1, w.coin)
    assert w.vault("valueOf", A, START + 1, factors) == (2 * ONE - ONE // 2) // ONE == 1
    w.deposit(A, 1, w.coin)
    assert w.vault("valueOf", A, START + 1, factors) == 2


def test_only_the_signed_list_counts_and_it_rises(w: VaultWorld) -> None:
    w.deposit(A, 7)
    with refused("WrongFactors"):
        w.vault("valueOf", A, w.epoch, FACTORS[:2])
    with refused("WrongFactors"):
        w.vault("valueOf", A, w.epoch + 1, FACTORS)
    for bad in ([FACTORS[1], FACTORS[0]], [FACTORS[0], FACTORS[0]], [(0, ONE, ONE), FACTORS[0]]):
        w.publish(START + 5, bad)
        with refused("FactorsOutOfOrder"):
            w.vault("valueOf", A, START + 5, bad)
    w.publish(START + 6, FACTORS[1:])
    assert w.vault("valueOf", A, START + 6, FACTORS[1:]) == 0       # an asset without a factor counts nothing


# -- withdrawals by cover ----------------------------------------------------------------------------------------------
def test_what_stays_must_be_covered_to_the_unit(funded: VaultWorld) -> None:
    wish = funded.wish(601)
    with refused("ClaimAboveValue", 400, 399):
        funded.withdraw(wish)
    wish = funded.wish(600)
    funded.withdraw(wish)
    assert funded.balance(funded.owner) == 400
    assert funded.quote("balanceOf", funded.owner) == 0
    assert funded.manager("versionOf", funded.owner) == 2
    funded.deposit(funded.owner, 600)
    with refused("WrongVersion"):
        funded.withdraw(wish)


def test_a_withdrawal_is_valued_by_the_signed_factors_alone(funded: VaultWorld) -> None:
    """Whoever withdraws brings the factors: raised ones would let out what stands for a margin."""
    wish = funded.wish(601)
    epoch, claimed, _, proof = funded.cover(wish, 400)
    raised = [(FACTORS[0][0], 2 * ONE, 2 * ONE), *FACTORS[1:]]
    with refused("WrongFactors"):
        funded.withdraw(wish, (epoch, claimed, raised, proof))
    with refused("ClaimAboveValue", 400, 399):
        funded.withdraw(wish, (epoch, claimed, FACTORS, proof))
    assert funded.balance(funded.owner) == 1_000


def test_a_claim_is_paid_when_its_epoch_is_final_and_once(funded: VaultWorld) -> None:
    wish = funded.wish(600, to=B)
    funded.withdraw(wish)
    claim = funded.claim(wish)
    with refused("NotMature", funded.epoch):
        funded.vault("redeem", claim)
    funded.finalise(funded.epoch)
    funded.vault("redeem", claim, sender=STRANGER)
    assert funded.quote("balanceOf", B) == 600
    for call in ("redeem", "cancel"):
        with refused("NoSuchClaim"):
            funded.vault(call, claim, sender=funded.owner)
    assert funded.vault("assetOf", funded.quote.address)[1] == 400


@pytest.mark.parametrize("place", range(8))
def test_a_claim_with_another_word_does_not_exist(funded: VaultWorld, place: int) -> None:
    wish = funded.wish(600, to=B)
    funded.withdraw(wish)
    funded.finalise(funded.epoch)
    claim = list(funded.claim(wish))
    claim[place] = STRANGER if isinstance(claim[place], str) else claim[place] + 1
    with refused("NoSuchClaim"):
        funded.vault("redeem", tuple(claim))


def test_an_owner_takes_a_claim_back(funded: VaultWorld) -> None:
    wish = funded.wish(600)
    funded.withdraw(wish)
    with refused("NotRefuted", funded.epoch):
        funded.vault("cancel", funded.claim(wish), sender=STRANGER)
    funded.vault("cancel", funded.claim(wish), sender=funded.owner)
    assert funded.balance(funded.owner) == 1_000
    funded.finalise(funded.epoch)
    for call in ("redeem", "cancel"):
        with refused("NoSuchClaim"):
            funded.vault(call, funded.claim(wish), sender=funded.owner)


def test_under_a_refuted_epoch_nothing_is_paid_and_anyone_puts_it_back(funded: VaultWorld) -> None:
    wish = funded.wish(600)
    funded.withdraw(wish)
    funded.freeze(funded.epoch)
    claim = funded.claim(wish)
    with refused("NotMature"):
        funded.vault("redeem", claim)
    funded.pass_time(6 * HOUR - 1)
    with refused("NotRefuted"):                                     # a freeze that lapses is shorter
        funded.vault("cancel", claim, sender=STRANGER)
    funded.pass_time(1)
    funded.oracle("silence", True)
    with refused("OracleSilent"):                                   # a call that failed for want of gas proves nothing
        funded.vault("cancel", claim, sender=STRANGER)
    funded.oracle("silence", False)
    funded.vault("cancel", claim, sender=STRANGER)
    assert funded.balance(funded.owner) == 1_000


def test_with_a_second_cover_under_a_final_epoch_it_is_paid_at_once(funded: VaultWorld) -> None:
    final = funded.epoch
    funded.finalise(final)
    funded.pass_time(45 * 60)
    fresh = funded.publish()
    wish = funded.wish(600)
    first, second = funded.cover(wish, 400), funded.cover(wish, 400, final)
    with refused("NotMature", fresh):
        funded.withdraw(wish, second, first)
    funded.pass_time(1)
    with refused("StaleEpoch", final, 45 * 60):
        funded.withdraw(wish, first, second)
    funded.pass_time(-1)
    with refused("ProofDoesNotHold"):
        funded.withdraw(wish, first, (*second[:3], [1] * 8))
    with refused("ProofDoesNotHold"):
        funded.withdraw(wish, (*first[:3], [1] * 8), second)
    for covers in ([], [first, second, second]):
        with refused("CoversMissing", len(covers)):
            funded.vault("withdraw", tuple(wish.values()), covers, b"", sender=funded.owner)
    funded.withdraw(wish, first, second)
    assert funded.quote("balanceOf", funded.owner) == 600
    assert funded.vault("queuedAt", b"\0" * 32) == 0


@pytest.mark.parametrize("change", ["amount", "to", "fee", "token"])
def test_a_proof_is_for_one_withdrawal(funded: VaultWorld, change: str) -> None:
    funded.deposit(funded.owner, 500, funded.coin)
    wish = funded.wish(100, fee=2)
    cover = funded.cover(wish, 400)
    other = {"amount": 99, "to": B, "fee": 3, "token": funded.coin.address}[change]
    with refused("ProofDoesNotHold"):
        funded.withdraw({**wish, change: other}, cover)
    funded.withdraw(wish, cover)


def test_a_vault_says_for_which_domain_it_wants_signatures(w: VaultWorld) -> None:
    """EIP-5267: name, version, chain and contract; no salt, no extensions."""
    fields, name, version, chain, contract, salt, extensions = w.vault("eip712Domain")
    assert (fields, name, version, chain) == (b"\x0f", "Tailproof CollateralVault", "1", 1)
    assert (to_checksum_address(contract), salt, extensions) == (w.vault.address, bytes(32), ())


def test_no_proof_is_consent(funded: VaultWorld) -> None:
    wish = funded.wish(100, to=STRANGER)
    with refused("NotOwner"):
        funded.withdraw(wish, sender=STRANGER)
    with refused("NotOwner"):
        funded.withdraw(wish, sender=STRANGER, consent=funded.consent(wish, Account.from_key(b"\x09" * 32)))
    for change in ({"amount": 101}, {"to": B}, {"fee": 1}, {"deadline": START + 1}):
        with refused("NotOwner"):
            funded.withdraw({**wish, **change}, sender=STRANGER, consent=funded.consent(wish))


def test_somebody_carries_it_for_a_fee(funded: VaultWorld) -> None:
    wish = funded.wish(100, to=B, fee=7)
    consent = funded.consent(wish)
    funded.pass_time(1)
    with refused("ConsentExpired"):
        funded.withdraw(wish, sender=funded.relayer, consent=consent)
    funded.pass_time(-1)
    funded.withdraw(wish, sender=funded.relayer, consent=consent)
    funded.finalise(funded.epoch)
    funded.vault("redeem", funded.claim(wish, carrier=funded.relayer))
    assert funded.quote("balanceOf", B) == 93
    assert funded.vault("owed", funded.relayer, funded.quote.address) == 7
    with refused("NoReceiver"):
        funded.vault("collect", funded.quote.address, NOBODY, sender=funded.relayer)
    funded.vault("collect", funded.quote.address, C, sender=funded.relayer)
    assert funded.quote("balanceOf", C) == 7
    with refused("NoAmount"):
        funded.vault("collect", funded.quote.address, C, sender=funded.relayer)


def test_signed_withdrawals_can_be_revoked(funded: VaultWorld) -> None:
    wish = funded.wish(100, to=B)
    before = funded.consent(wish)
    kept = (funded.balance(funded.owner), funded.vault("immatureOf", funded.owner), funded.vault("lotOf", funded.owner))
    funded.vault("revokeConsents", sender=STRANGER)                                    # somebody else's
    assert (funded.vault("nonceOf", STRANGER), funded.vault("nonceOf", funded.owner)) == (1, 0)
    funded.vault("revokeConsents", sender=funded.owner)
    funded.vault("revokeConsents", sender=funded.owner)
    assert funded.vault("nonceOf", funded.owner) == 2
    assert kept == (funded.balance(funded.owner), funded.vault("immatureOf", funded.owner),
                    funded.vault("lotOf", funded.owner))
    for consent in (before, replace(funded.signed(wish), nonce=1).sign(funded.owner_key)):
        with refused("NotOwner"):
            funded.withdraw(wish, sender=funded.relayer, consent=consent)
    funded.withdraw(wish, sender=funded.relayer, consent=funded.consent(wish))


def test_revoking_leaves_gains_lots_and_assets_as_they_are(w: VaultWorld) -> None:
    """They share a word."""
    w.deposit(A, 5)
    w.deposit(A, 6, w.coin)
    w.give(w.venue, 1_000, spender=w.desk)
    w.desk("postBond", w.venue, 500, sender=w.venue)
    w.desk("fundClearing", w.venue, 500, sender=w.venue)
    w.register(A, 0)
    w.settle((A, 100))
    w.manager("setCalled", A, True)
    w.vault("lock", A, 9, sender=w.coordinator)
    for nonce in (1, 2):
        w.vault("revokeConsents", sender=A)
        assert (w.vault("nonceOf", A), w.balance(A), w.balance(A, w.coin)) == (nonce, 105, 6)
        assert (w.vault("immatureOf", A), w.vault("lotOf", A)) == (100, 9)
        with refused("LotOpen"):
            w.withdraw(w.wish(1, account=A), sender=A)
    w.vault("release", A, sender=w.coordinator)
    w.manager("setCalled", A, False)
    assert w.vault("nonceOf", A) == 2
    w.withdraw(w.wish(1, account=A), sender=A)


def test_a_contract_consents_by_erc1271(w: VaultWorld) -> None:
    wallet = w.machine.deploy(vault_artifacts()["TestWallet"], sender=w.admin)
    w.deposit(wallet.address, 50, sender=STRANGER)
    w.register(wallet.address)
    wish = w.wish(50, account=wallet.address, to=B)
    with refused("NotOwner"):
        w.flat(wish, sender=STRANGER)
    wallet("sign", w.digest(wish))
    w.flat(wish, sender=STRANGER)
    assert w.quote("balanceOf", B) == 50


def test_bad_wishes(funded: VaultWorld) -> None:
    for name, change in (("NoAmount", {"amount": 0}), ("NoReceiver", {"to": NOBODY}),
                         ("FeeAboveAmount", {"fee": 101}), ("InsufficientBalance", {"amount": 1_001})):
        with refused(name):
            funded.withdraw({**funded.wish(100), **change})
    other = funded.machine.deploy(vault_artifacts()["TestToken"], sender=funded.admin)
    with refused("AssetNotListed"):
        funded.withdraw(funded.wish(1, token=other.address))


def test_what_stops_a_withdrawal_by_cover_but_not_a_flat_one(funded: VaultWorld) -> None:
    w = funded
    w.manager("setCalled", w.owner, True)
    with refused("AccountIsCalled"):
        w.withdraw(w.wish(1))
    w.manager("setCalled", w.owner, False)
    w.oracle("trip", True)
    with refused("BreakerTripped"):
        w.withdraw(w.wish(1))
    w.vault("pause", 1, 3600, sender=w.guardian)
    with refused("ClassIsPaused"):
        w.withdraw(w.wish(1))
    w.deposit(A, 50)
    w.register(A)
    w.oracle("silence", True)
    w.flat(w.wish(50, account=A))
    assert w.quote("balanceOf", A) == 50


# -- withdrawals of flat accounts --------------------------------------------------------------------------------------
def test_a_flat_account_takes_all_at_once(w: VaultWorld) -> None:
    w.deposit(A, 50)
    w.register(A)
    wish = w.wish(50, account=A, to=B)
    for other in ({"account": B}, {"version": 2}, {"action": b"\1" * 32}):
        with refused("ProofDoesNotHold"):
            w.flat(wish, **other)
    with refused("NotOwner"):
        w.flat(wish, sender=STRANGER)
    w.flat(wish)
    assert w.quote("balanceOf", B) == 50
    assert w.balance(A) == 0
    assert w.vault("holdingsOf", A) == ()
    with refused("InsufficientBalance"):
        w.flat(wish)
    w.deposit(A, 50)
    with refused("WrongVersion"):
        w.flat(wish)


def test_an_account_with_positions_is_not_flat(funded: VaultWorld) -> None:
    with refused("ProofDoesNotHold"):
        funded.flat(funded.wish(1))


def test_before_registration_an_owner_needs_no_proof_and_nobody_else_gets_anything(w: VaultWorld) -> None:
    w.deposit(w.owner, 50)
    wish = w.wish(20)
    with refused("WrongVersion"):
        w.flat(wish, sender=STRANGER, consent=w.consent(wish))
    w.vault("withdrawFlat", tuple(wish.values()), [0] * 8, b"", sender=w.owner)
    assert w.quote("balanceOf", w.owner) == 20
    w.register(w.owner, 10)
    with refused("WrongVersion"):
        w.vault("withdrawFlat", tuple(wish.values()), [0] * 8, b"", sender=w.owner)


# -- the coordinator ---------------------------------------------------------------------------------------------------
def test_coordination_is_for_the_coordinator_alone(funded: VaultWorld) -> None:
    w = funded
    calls = (("lock", (w.owner, 7)), ("release", (w.owner,)), ("transferBasket", (w.owner, B)),
             ("pay", (w.owner, w.quote.address, 1, B)), ("book", ([w.owner], [-5], 0)),
             ("listAsset", (B, 77, 1)), ("closeAsset", (w.coin.address,)), ("openAsset", (w.coin.address,)),
             ("raiseCap", (w.coin.address, CAP + 1)), ("lowerCap", (w.coin.address, 1)), ("pause", (1, 60)))
    for sender in (STRANGER, w.owner, w.venue):
        for function, arguments in calls:
            with refused("AccessManagedUnauthorized"):
                w.vault(function, *arguments, sender=sender)


def test_a_locked_account_keeps_all_until_its_basket_moves(funded: VaultWorld) -> None:
    w = funded
    w.deposit(w.owner, 5, w.coin)
    with refused("NoLot"):
        w.vault("transferBasket", w.owner, B, sender=w.coordinator)
    with refused("NoLot"):
        w.vault("pay", w.owner, w.quote.address, 1, B, sender=w.coordinator)
    with refused("NoLot"):
        w.vault("lock", w.owner, 0, sender=w.coordinator)
    with refused("NoLot", w.owner.lower()):
        w.vault("lock", w.owner, 7, sender=w.coordinator)
    for who in (w.owner, B):
        w.manager("setCalled", who, True)
    with refused("NoLot", w.owner.lower()):
        w.vault("lock", w.owner, 0, sender=w.coordinator)           # of one who is called neither
    w.vault("lock", w.owner, 7, sender=w.coordinator)
    with refused("LotOpen", w.owner.lower(), 7):
        w.vault("lock", w.owner, 8, sender=w.coordinator)
    with refused("LotOpen"):
        w.withdraw(w.wish(1))
    with refused("LotOpen"):
        w.flat(w.wish(1))
    w.manager("publishMargin", w.owner, True)
    with refused("LotOpen"):
        w.settle((w.owner, -100))
    w.deposit(w.owner, 1, sender=STRANGER)
    w.vault("pay", w.owner, w.quote.address, 101, C, sender=w.coordinator)
    assert w.vault("owed", C, w.quote.address) == 101
    w.vault("lock", B, 9, sender=w.coordinator)
    with refused("LotOpen"):
        w.vault("transferBasket", w.owner, B, sender=w.coordinator)
    w.vault("release", B, sender=w.coordinator)
    w.vault("transferBasket", w.owner, B, sender=w.coordinator)
    assert (w.balance(w.owner), w.balance(B), w.balance(B, w.coin)) == (0, 900, 5)
    assert w.vault("holdingsOf", w.owner) == ()
    w.vault("release", w.owner, sender=w.coordinator)
    w.vault("collect", w.quote.address, C, sender=C)
    assert w.quote("balanceOf", C) == 101


def test_the_oracles_clock_stands_still_while_nobody_can_liquidate_and_for_no_other_reason(w: VaultWorld) -> None:
    for other in (0, 1, 3):
        w.vault("pause", other, 3 * HOUR, sender=w.guardian)
    assert w.oracle("stoppedUntil") == 0
    w.vault("pause", 2, 2 * HOUR, sender=w.guardian)
    assert w.oracle("stoppedUntil") == w.vault("pausedUntil", 2) == START + 2 * HOUR
    w.pass_time(HOUR)
    for other in (0, 1, 3):
        w.vault("unpause", other, sender=w.guardian)
    assert w.oracle("stoppedUntil") == START + 2 * HOUR
    w.vault("unpause", 2, sender=w.guardian)
    assert w.oracle("stoppedUntil") == 0


# -- tokens ------------------------------------------------------------------------------------------------------------
def test_a_fee_on_transfer_is_refused(w: VaultWorld) -> None:
    w.give(A, 1_000, w.coin)
    w.coin("setFee", 100)
    with refused("TransferMismatch", w.coin.address.lower(), 1_000, 0, 990):
        w.vault("deposit", A, w.coin.address, 1_000, sender=A)


def test_a_token_that_says_it_moved_what_it_did_not(w: VaultWorld) -> None:
    w.give(A, 1_000, w.coin)
    w.coin("setIdle", True)
    with refused("TransferMismatch", w.coin.address.lower(), 1_000, 0, 0):
        w.vault("deposit", A, w.coin.address, 1_000, sender=A)
    w.coin("setIdle", False)
    w.vault("deposit", A, w.coin.address, 1_000, sender=A)
    w.coin("setIdle", True)
    wish = w.wish(10, account=A, token=w.coin.address)
    with refused("TransferMismatch"):
        w.flat(wish)
    assert w.balance(A, w.coin) == 1_000


def test_a_token_that_takes_more_than_it_is_asked_takes_nothing_from_others(w: VaultWorld) -> None:
    w.deposit(A, 100, w.coin)
    w.deposit(B, 100, w.coin)
    w.coin("setInverseTax", 5_000)
    with refused("TransferMismatch"):
        w.flat(w.wish(100, account=A, token=w.coin.address))


def test_a_blacklisted_receiver_blocks_nobody_and_loses_nothing(funded: VaultWorld) -> None:
    wish = funded.wish(100, to=B)
    funded.withdraw(wish)
    funded.finalise(funded.epoch)
    funded.quote("setBlacklisted", B, True)
    with pytest.raises(Exception, match="Revert"):
        funded.vault("redeem", funded.claim(wish))
    funded.vault("cancel", funded.claim(wish), sender=funded.owner)
    again = funded.wish(100, to=C)
    funded.withdraw(again)
    funded.vault("redeem", funded.claim(again))
    assert funded.quote("balanceOf", C) == 100


def test_a_rebase_closes_the_asset_and_touches_no_other(w: VaultWorld) -> None:
    w.deposit(A, 100, w.coin)
    w.deposit(A, 100)
    with refused("AssetNotShort"):
        w.vault("reportShort", w.coin.address)
    w.coin("seize", w.vault.address, 1)
    w.give(B, 10, w.coin)
    with refused("AssetShort", w.coin.address.lower(), 99, 100):
        w.vault("deposit", B, w.coin.address, 10, sender=B)
    w.vault("reportShort", w.coin.address, sender=STRANGER)
    with refused("AssetNotListed"):
        w.vault("deposit", B, w.coin.address, 10, sender=B)
    w.flat(w.wish(100, account=A))
    assert w.quote("balanceOf", A) == 100


def test_a_token_that_calls_back_gets_nowhere(w: VaultWorld) -> None:
    """As ERC-777's hooks do: in the middle of deposit and payment the vault takes no other call."""
    w.deposit(A, 100, w.coin)
    w.give(A, 100, w.coin)
    wish = w.wish(5, account=w.coin.address, token=w.coin.address, to=w.coin.address)
    w.deposit(w.coin.address, 5, sender=STRANGER)
    callbacks = (w.vault.data("deposit", w.coin.address, w.quote.address, 5),
                 w.vault.data("withdrawFlat", tuple(wish.values()), [0] * 8, b""),
                 w.vault.data("withdraw", tuple(wish.values()), [w.cover(wish, 0)], b""),
                 w.vault.data("redeem", w.claim(wish)), w.vault.data("cancel", w.claim(wish)),
                 w.vault.data("collect", w.quote.address, A))
    for data in callbacks:
        w.coin("setHook", w.vault.address, data)
        w.vault("deposit", A, w.coin.address, 1, sender=A)
        assert not w.coin("hookSucceeded")
        assert w.machine.named(w.coin("hookError")).name == "ReentrancyGuardReentrantCall"


# -- settlement --------------------------------------------------------------------------------------------------------
@pytest.fixture
def venue(funded: VaultWorld) -> VaultWorld:
    """Two accounts at a venue whose bond is 500 and whose clearing account holds 1,000."""
    w = funded
    w.deposit(A, 1_000)
    w.register(A, 300)
    w.manager("publishMargin", A, True)
    for who in (w.venue, STRANGER):
        w.give(who, 10_000, spender=w.desk)
    w.desk("postBond", w.venue, 500, sender=STRANGER)
    w.desk("fundClearing", w.venue, 1_000, sender=STRANGER)
    return w


def test_settlement_is_zero_sum_against_the_clearing_account(venue: VaultWorld) -> None:
    venue.settle((A, -300), (venue.owner, 200))
    assert (venue.balance(A), venue.balance(venue.owner)) == (700, 1_200)
    assert venue.desk("clearingOf", venue.venue) == (1_100, 1_000)
    assert venue.quote("balanceOf", venue.desk.address) == venue.desk("held") == 1_600
    assert venue.vault("assetOf", venue.quote.address)[1] == venue.quote("balanceOf", venue.vault.address) == 1_900
    assert (venue.manager("settlements", A), venue.manager("settlements", venue.owner)) == (1, 1)


def test_a_debit_is_bounded_by_the_public_margin_over_a_day(venue: VaultWorld) -> None:
    with refused("DebitAboveBound", A.lower(), 400, 300):
        venue.settle((A, -400))
    venue.settle((A, -300))
    venue.desk("requestSettlement", sender=A)
    venue.pass_time(24 * HOUR - 1)
    with refused("DebitAboveBound", A.lower(), 301, 300):
        venue.settle((A, -1))
    venue.pass_time(1)
    venue.settle((A, -1))
    assert venue.desk("debitedOf", A) == 1


def test_a_hidden_margin_bounds_by_the_owners_word_which_is_0_at_first(venue: VaultWorld) -> None:
    with refused("DebitAboveBound", venue.owner.lower(), 100, 0):
        venue.settle((venue.owner, -100))
    venue.desk("setDebitCap", 100, sender=venue.owner)
    venue.settle((venue.owner, -100))
    assert venue.desk("settlingOf", venue.owner) == (START, False, 100)


def test_settlement_is_daily_and_in_quanta_unless_asked_for(venue: VaultWorld) -> None:
    with refused("NotInQuanta", A.lower(), -50, 100):
        venue.settle((A, -50))
    venue.settle((A, -100))
    venue.settle((A, 0))                                            # nothing to settle can be said at any time
    venue.pass_time(24 * HOUR - 1)
    with refused("SettledTooSoon", A.lower(), START + 24 * HOUR):
        venue.settle((A, -100))
    venue.desk("requestSettlement", sender=A)
    venue.settle((A, -33))
    with refused("SettledTooSoon"):
        venue.settle((A, -33))
    venue.pass_time(24 * HOUR)
    venue.settle((A, -100))


def test_gains_are_bounded_by_the_bond_over_a_day(venue: VaultWorld) -> None:
    with refused("GainsAboveBond", venue.venue.lower(), 600, 500):
        venue.settle((A, 300), (venue.owner, 300))
    venue.settle((A, 300), (venue.owner, 200))
    venue.desk("requestSettlement", sender=A)
    venue.pass_time(24 * HOUR - 1)
    with refused("GainsAboveBond"):
        venue.settle((A, 1))
    venue.pass_time(1)
    venue.settle((A, 1))
    assert venue.desk("outflowOf", venue.venue) == 1


def test_a_gain_stays_until_the_lag_is_over_and_supports_no_withdrawal(venue: VaultWorld) -> None:
    w = venue
    w.settle((w.owner, 500))
    assert (w.balance(w.owner), w.vault("immatureOf", w.owner), w.value(w.owner)) == (1_500, 500, 1_500)
    w.pass_time(LAG - 1)
    with refused("GainNotMature", w.owner.lower(), 1_001, 1_000):
        w.withdraw(w.wish(1_001))
    with refused("ClaimAboveValue", 400, 399):
        w.withdraw(w.wish(601))
    w.pass_time(1)
    assert w.vault("immatureOf", w.owner) == 0
    w.withdraw(w.wish(1_100))
    assert w.balance(w.owner) == 400


def test_a_flat_exit_takes_the_principal_and_later_the_gain(venue: VaultWorld) -> None:
    w = venue
    w.deposit(B, 100)
    w.register(B)
    w.settle((B, 300))
    with refused("GainNotMature"):
        w.flat(w.wish(101, account=B))
    w.flat(w.wish(100, account=B))
    w.pass_time(LAG)
    w.flat(w.wish(300, account=B))
    assert w.quote("balanceOf", B) == 400


def test_a_shorter_lag_lets_no_earlier_gain_go(venue: VaultWorld) -> None:
    w = venue
    w.settle((w.owner, 100))
    w.publish(START + 1, lag=1)
    w.desk("requestSettlement", sender=w.owner)
    w.settle((w.owner, 100))
    w.pass_time(LAG - 1)
    assert w.vault("immatureOf", w.owner) == 200
    w.pass_time(1)
    assert w.vault("immatureOf", w.owner) == 0


def test_gains_go_with_a_basket_and_stay_as_long(venue: VaultWorld) -> None:
    w = venue
    w.settle((w.owner, 500))
    w.manager("setCalled", w.owner, True)
    w.vault("lock", w.owner, 3, sender=w.coordinator)
    w.vault("transferBasket", w.owner, C, sender=w.coordinator)
    assert (w.balance(C), w.vault("immatureOf", C), w.vault("immatureOf", w.owner)) == (1_500, 500, 0)
    w.pass_time(LAG)
    assert w.vault("immatureOf", C) == 0


def test_gains_of_two_moments_wait_in_another_account_until_the_later(venue: VaultWorld) -> None:
    """The later moment replaces the earlier: no bit of that is left in the word."""
    w, between = venue, 112
    earlier, later = START + LAG, START + LAG + between
    assert earlier | later > later
    w.settle((w.owner, 100))
    w.pass_time(between)
    w.desk("requestSettlement", sender=w.owner)
    w.settle((w.owner, 100))
    w.manager("setCalled", w.owner, True)
    w.vault("lock", w.owner, 3, sender=w.coordinator)
    w.vault("transferBasket", w.owner, C, sender=w.coordinator)
    w.machine.at(later - 1)
    assert w.vault("immatureOf", C) == 200
    w.machine.at(later)
    assert w.vault("immatureOf", C) == 0


def test_only_the_accounts_venue_settles(venue: VaultWorld) -> None:
    rival = account(0xB3)
    venue.authority("grantRole", 3, rival, 0, sender=venue.admin)
    with refused("NotVenueOfAccount", A.lower(), rival.lower()):
        venue.settle((A, -100), sender=rival)
    with refused("AccessManagedUnauthorized"):
        venue.settle((A, -100), sender=STRANGER)
    venue.desk("pause", 3, 60, sender=venue.guardian)
    for call in (lambda: venue.settle((A, -100)),
                 lambda: venue.desk("withdrawClearing", 1, C, sender=venue.venue)):
        with refused("ClassIsPaused"):
            call()


def test_batches_have_a_shape(venue: VaultWorld) -> None:
    with refused("LengthsDiffer", 1, 2):
        venue.desk("settle", [A], [1, 2], sender=venue.venue)
    with refused("TooManySettled", 65, 64):
        venue.settle(*[(A, 0)] * 65)
    venue.settle(*[(A, 0)] * 64)
    venue.desk("requestSettlement", sender=A)
    with refused("SettledTooSoon"):                                 # the same account twice in a batch
        venue.settle((A, -100), (A, -100))
    with refused("InsufficientBalance"):
        venue.desk("setDebitCap", 10**9, sender=A)
        venue.settle((A, -100_000))


def test_the_clearing_account_cannot_owe(venue: VaultWorld) -> None:
    venue.desk("postBond", venue.venue, 5_000, sender=STRANGER)
    with refused("ClearingShort", venue.venue.lower(), 1_100, 1_200):
        venue.settle((A, -100), (venue.owner, 1_200))
    venue.settle((A, -100), (venue.owner, 1_100))
    assert venue.desk("clearingOf", venue.venue) == (0, 0)


def test_what_a_venue_took_from_accounts_waits_and_is_bounded_by_its_bond(venue: VaultWorld) -> None:
    w = venue
    w.desk("setDebitCap", 10_000, sender=A)
    w.settle((A, -700))
    with refused("ClearingShort"):
        w.desk("withdrawClearing", 1_701, C, sender=w.venue)
    with refused("GainNotMature", w.venue.lower(), 1, 0):
        w.desk("withdrawClearing", 1_001, C, sender=w.venue)
    w.desk("withdrawClearing", 1_000, C, sender=w.venue)            # what was paid in goes at any time
    w.pass_time(LAG)
    with refused("GainsAboveBond", w.venue.lower(), 501, 500):
        w.desk("withdrawClearing", 501, C, sender=w.venue)
    w.desk("withdrawClearing", 500, C, sender=w.venue)
    assert w.desk("clearingOf", w.venue) == (200, 0)
    with refused("AccessManagedUnauthorized"):
        w.desk("withdrawClearing", 1, C, sender=STRANGER)


def test_a_bond_counts_until_it_is_let_go_and_leaves_a_week_later(venue: VaultWorld) -> None:
    w = venue
    with refused("BondShort"):
        w.desk("releaseBond", 501, sender=w.venue)
    with refused("NoAmount"):
        w.desk("takeBond", C, sender=w.venue)
    w.desk("releaseBond", 300, sender=w.venue)
    with refused("GainsAboveBond", w.venue.lower(), 300, 200):
        w.settle((A, 300))
    w.pass_time(7 * 24 * HOUR - 1)
    with refused("BondNotFree"):
        w.desk("takeBond", C, sender=w.venue)
    w.pass_time(1)
    w.desk("takeBond", C, sender=w.venue)
    assert w.quote("balanceOf", C) == 300
    assert w.desk("bondOf", w.venue) == (200, 0, 0)
    assert w.desk("held") == w.quote("balanceOf", w.desk.address)


# -- deployment and listing --------------------------------------------------------------------------------------------
def test_settings_that_are_missing(w: VaultWorld) -> None:
    good = [w.oracle.address, w.manager.address, w.marks.address, w.quote.address, QUOTE_ID, CAP]
    for place, name in ((0, "oracle"), (1, "manager"), (2, "marks"), (3, "token"), (4, "id")):
        bad = list(good)
        bad[place] = 0 if place == 4 else A
        with refused("SettingMissing", name):
            w.machine.deploy(vault_artifacts()["CollateralVault"], w.authority.address, tuple(bad), sender=w.admin)
    with refused("SettingMissing", "authority"):
        w.machine.deploy(vault_artifacts()["CollateralVault"], A, tuple(good), sender=w.admin)
    desk = [w.authority.address, w.vault.address, 100, 10_000]
    for place, name in enumerate(("authority", "vault", "quantum", "debitPerMargin")):
        bad = list(desk)
        bad[place] = A if place < 2 else 0
        with refused("SettingMissing", name):
            w.machine.deploy(vault_artifacts()["VenueSettlement"], *bad, sender=w.admin)


def test_ids_and_tokens_are_for_ever(w: VaultWorld) -> None:
    other = w.machine.deploy(vault_artifacts()["TestToken"], sender=w.admin)
    for token, number in ((w.coin.address, 77), (other.address, COIN_ID)):
        with refused("AssetAlreadyListed"):
            w.vault("listAsset", token, number, CAP, sender=w.admin)
    with refused("SettingMissing", "token"):
        w.vault("listAsset", A, 77, CAP, sender=w.admin)
    with refused("SettingMissing", "id"):
        w.vault("listAsset", other.address, 0, CAP, sender=w.admin)
