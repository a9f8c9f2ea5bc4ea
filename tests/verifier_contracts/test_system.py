"""The system as deployed: everything real, everything wired, nothing left in the deployer's hands."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from ledger_world import DAY, EMPTY, FACTORS, HOUR, MINUTE, Tested, send_contract
from system_world import AGENT, LAYOUT, QUOTE_ID, STAKE, USED, SystemWorld, config_for, proving_of, toy_keys
from toykey import ToyKey
from world import GENESIS, refused

from primitives.errors import BadInput
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import SOURCES
from verifier_contracts.governance import Role
from verifier_contracts.open_steps import open_steps
from verifier_contracts.role_table import FUNCTIONS, selector
from verifier_contracts.system import CONTRACTS, GOVERNED, System
from verifier_contracts.system_deployment import CREATION_GAS, INPUTS, SlotKey, deploy_system, registry_gas
from verifier_contracts.withdrawal import Withdrawal

EXIT, LIQUIDATE = 1, 2
HELD = 1_000_000_000


# -- wiring ------------------------------------------------------------------------------------------------------------
def test_every_pointer_is_what_it_must_be(system_world: SystemWorld) -> None:
    w = system_world
    assert [row for row in w.system.claims(w.chain) if row[1] != row[2]] == []
    assert w.at.ledger.read("vault").lower() == w.at.vault.address.lower()
    assert w.at.attestor.read("emptyCommitment") == EMPTY
    assert w.at.court.read("leafLayout") == tuple(LAYOUT)
    assert w.at.oracle.signers().signers == tuple(one.address for one in w.publishers)
    assert all(w.at.court.stake_of(one.address) == STAKE for one in w.publishers)
    assert [w.at.registry.active(slot).verifier for slot in w.keys] == [
        w.system.installed(slot).verifier for slot in w.keys]


def test_the_roles_are_the_configured_ones_and_the_deployer_has_none(system_world: SystemWorld) -> None:
    authority, config = system_world.at.authority, system_world.config
    assert authority.has_role(Role.ADMIN, config.roles.admin) == (True, 7 * DAY)
    assert authority.has_role(Role.LOOSENING, config.roles.risk) == (True, 2 * DAY)
    assert authority.has_role(Role.RISK, config.roles.risk) == (True, 0)
    assert authority.has_role(Role.GUARDIAN, config.roles.guardian) == (True, 0)
    assert not any(authority.has_role(role, system_world.deployer)[0] for role in Role)
    assert {(one.role, one.holder) for one in system_world.system.grants} >= {
        (Role.VAULT, system_world.vault.address), (Role.SETTLEMENT, system_world.system.contracts["settlement"])}
    at = system_world.system.contracts
    own = {Role.SILENCE: "silence", Role.CLOSING: "closes", Role.COORDINATOR: "coordinator"}
    for role in own:
        assert [name for name, address in at.items() if authority.has_role(role, address)[0]] == [own[role]]


def test_every_restricted_function_has_its_role_and_nothing_else_has_one(system_world: SystemWorld) -> None:
    """The table against the sources: a function that is added and restricted must be put into it."""
    inherited = {"oracle": ("RiskOracle",),
                 "vault": ("CollateralVault", "VaultAssets", "VaultGains", "PausableByClass"),
                 "settlement": ("VenueSettlement", "PausableByClass"), "desk": ("CommitmentDesk", "PausableByClass"),
                 "registry": ("VerifierRegistry",), "marks": ("AssetMarks",), "escrow": ("Escrow",),
                 "fund": ("InsuranceFund",), "allocator": ("LossAllocator",),
                 "house": ("AuctionHouse", "LiquidatorSeats"), "coordinator": ("LiquidationCoordinator",),
                 "unwinder": ("ProtocolUnwinder",)}
    for name, files in inherited.items():
        text = "\n".join((SOURCES / f"{file}.sol").read_text() for file in files)
        text = re.sub(r"//[^\n]*", "", text)
        found = {function for function, head in re.findall(r"function (\w+)\(([^{;]*)\{", text)
                 if re.search(r"\brestricted\b", head)}
        assert found == set(FUNCTIONS[name]), name
        contract = system_world.at.named(name)
        for function, role in FUNCTIONS[name].items():
            assert system_world.at.authority.role_of(contract.address, selector(contract.artifact, function)) == role
    elsewhere = [path.name for path in SOURCES.glob("*.sol")
                 if re.search(r"function \w+\([^{;]*\brestricted\b", re.sub(r"//[^\n]*", "", path.read_text()))
                 and path.stem not in {file for files in inherited.values() for file in files}]
    assert elsewhere == []


# -- it works: money through everything --------------------------------------------------------------------------------
def wish(w: SystemWorld, amount: int) -> Withdrawal:
    return Withdrawal(chain_id=w.chain.chain_id, vault=w.vault.address, account=w.owner.address,
                      token=w.coin.address, amount=amount, to=w.stranger, fee=0, version=w.version(),
                      deadline=w.deadline(), nonce=0)


def test_deposit_attest_cover_withdraw_and_be_paid_when_the_epoch_is_final(system_world: SystemWorld) -> None:
    w = system_world
    w.deposit(HELD)
    w.attest()
    assert w.status() == "Valid"
    w.cover(HELD)
    wanted = wish(w, HELD // 4)
    left = HELD - wanted.amount

    def withdraw(claimed: int) -> Any:
        proof = w.cover_proof(claimed, step=1, version=wanted.version, action=wanted.action_hash())
        return w.vault.transact("withdraw", wanted.as_tuple(), [(w.epoch, claimed, FACTORS, proof)],
                                wanted.sign(w.owner), sender=w.relayer)
    with refused("ClaimAboveValue"):
        withdraw(left + 1)
    withdraw(left)
    claim = (wanted.account, wanted.token, wanted.amount, wanted.to, 0, w.relayer, w.epoch, wanted.version)
    with refused("NotMature"):
        w.vault.transact("redeem", claim)
    w.settle()
    w.vault.transact("redeem", claim)
    assert w.coin.read("balanceOf", w.stranger) == wanted.amount


def test_a_refuted_epoch_proves_nothing_any_more(system_world: SystemWorld) -> None:
    from verifier_contracts.bindings import proof_words
    from verifier_contracts.oracle import CHALLENGE, LeafProof
    w = system_world
    w.attest()
    place = 2 + (1 << 16)
    context = w.at.court.context(w.challenger, w.epoch, 1, CHALLENGE)
    inputs = [context.field_element(), w.root, 5, place, 1 << 44]
    w.at.court.challenge_field(w.epoch, [LeafProof(5, place, 1 << 44, proof_words(w.keys["leaf-field"].prove(inputs)))],
                               sender=w.challenger)
    assert w.status() == "Frozen"


def test_settlement_books_into_the_vault_and_nobody_else_does(system_world: SystemWorld) -> None:
    w = system_world
    settlement = Tested(w.chain, w.system.contracts["settlement"], "VenueSettlement")
    w.deposit(HELD)
    w.coin.transact("mint", w.venue, 3 * HELD)
    w.coin.transact("approve", settlement.address, 2**256 - 1, sender=w.venue)
    settlement.transact("postBond", w.venue, HELD, sender=w.venue)
    settlement.transact("fundClearing", w.venue, HELD, sender=w.venue)
    settlement.transact("settle", [w.owner.address], [1_000], sender=w.venue)
    assert w.vault.read("balanceOf", w.owner.address, w.coin.address) == HELD + 1_000
    assert w.vault.read("immatureOf", w.owner.address) == 1_000
    for sender in (w.venue, w.admin, w.deployer, w.guardian):
        with refused("AccessManagedUnauthorized"):
            w.vault.transact("book", [w.owner.address], [1], 0, sender=sender)


# -- the clock and liquidation stop together ---------------------------------------------------------------------------
def test_a_pause_of_liquidation_stops_the_clock_and_goes_on_with_it(system_world: SystemWorld) -> None:
    w = system_world
    oracle = w.at.oracle
    w.vault.transact("pause", LIQUIDATE, HOUR, sender=w.guardian)
    before = oracle.live_time()
    w.later(3 * MINUTE)                                     # before an epoch is missing: nothing else stops it
    assert oracle.live_time() == before, "no deadline of a called account runs"
    w.vault.transact("unpause", LIQUIDATE, sender=w.guardian)
    after, then = oracle.live_time(), w.chain.now()
    w.later(2 * MINUTE)
    assert oracle.live_time() - after == w.chain.now() - then


def test_a_pause_of_exits_stops_no_clock(system_world: SystemWorld) -> None:
    w = system_world
    w.vault.transact("pause", EXIT, HOUR, sender=w.guardian)
    before, then = w.at.oracle.live_time(), w.chain.now()
    w.later(5 * MINUTE)
    assert w.at.oracle.live_time() - before == w.chain.now() - then


def test_nobody_stops_the_clock_alone_and_a_pause_that_cannot_stop_it_is_none(system_world: SystemWorld) -> None:
    w = system_world
    for sender in (w.guardian, w.admin, w.risk, w.deployer):
        for call in (("stopClock", HOUR), ("resumeClock",)):
            with refused("AccessManagedUnauthorized"):
                w.oracle.transact(*call, sender=sender)
    w.vault.transact("pause", LIQUIDATE, HOUR, sender=w.guardian)
    w.later(2 * HOUR)
    with refused("PausedTooRecently"):
        w.vault.transact("pause", LIQUIDATE, HOUR, sender=w.guardian)
    with refused("ClassNotPaused"):
        w.vault.transact("unpause", LIQUIDATE, sender=w.guardian)
    w.later(7 * DAY)
    # Without its role the vault could pause liquidation alone: it cannot.
    w.at.authority.revoke(Role.VAULT, w.vault.address, sender=w.admin)
    w.later(7 * DAY)
    w.at.authority.revoke(Role.VAULT, w.vault.address, sender=w.admin)
    with refused("AccessManagedUnauthorized"):
        w.vault.transact("pause", LIQUIDATE, HOUR, sender=w.guardian)
    assert w.vault.read("pausedUntil", LIQUIDATE) < w.chain.now()


# -- delays ------------------------------------------------------------------------------------------------------------
def test_tightening_is_at_once_loosening_after_two_days_and_the_rest_after_seven(system_world: SystemWorld) -> None:
    w = system_world
    token, authority = w.coin.address, w.at.authority
    w.vault.transact("lowerCap", token, 10**14, sender=w.risk)
    step = authority.perform(w.at.vault, "raiseCap", token, 10**15, sender=w.risk)
    assert not step.done
    assert step.ready - w.chain.now() == 2 * DAY
    with refused("AccessManagerNotReady"):
        w.vault.transact("raiseCap", token, 10**15, sender=w.risk)
    w.later(2 * DAY)
    assert authority.perform(w.at.vault, "raiseCap", token, 10**15, sender=w.risk).done
    # The guardian cancels what risk loosens.
    again = authority.perform(w.at.vault, "raiseCap", token, 2 * 10**15, sender=w.risk)
    assert not again.done
    from verifier_contracts.abi import encode_call
    data = encode_call(w.vault.artifact, "raiseCap", [token, 2 * 10**15])
    with refused("AccessManagerUnauthorizedCancel"):
        authority.cancel(w.risk, w.vault.address, data, sender=w.stranger)
    authority.cancel(w.risk, w.vault.address, data, sender=w.guardian)
    with refused("AccessManagerNotScheduled"):
        w.vault.transact("raiseCap", token, 2 * 10**15, sender=w.risk)
    # Admin.
    listed = authority.perform(w.at.vault, "openAsset", token, sender=w.admin)
    assert listed.ready - w.chain.now() == 7 * DAY
    grant = authority.grant(Role.GUARDIAN, w.stranger, sender=w.admin)
    assert grant.ready - w.chain.now() == 7 * DAY


def test_verifiers_are_announced_at_once_for_the_registry_waits_itself(system_world: SystemWorld) -> None:
    from ledger_world import candidate, statement_id

    from verifier_contracts.creation import deploy_verifier
    w = system_world
    key = ToyKey(4, seed="next margin")
    verifier = deploy_verifier(w.chain, key.verification_key, "margin-toy", b"\x01" * 32)
    said = candidate(w.chain, key, verifier, circuit_digest=b"\x01" * 32)
    with refused("AccessManagedUnauthorized"):
        w.registry.transact("announce", statement_id("margin"), said, sender=w.guardian)
    w.registry.transact("announce", statement_id("margin"), said, sender=w.admin)
    w.later(7 * DAY)
    w.registry.transact("activate", statement_id("margin"), said, sender=w.stranger)
    assert w.at.registry.active("margin").generation == 2


# -- the file ----------------------------------------------------------------------------------------------------------
def test_file_round_trip(system_world: SystemWorld, tmp_path: Any) -> None:
    path = tmp_path / "system.json"
    system_world.system.save(path)
    assert System.load(path) == system_world.system
    assert path.stat().st_size < 10_000


def test_a_lie_in_the_file_is_refused_by_its_field(system_world: SystemWorld) -> None:
    w = system_world
    other = send_contract(w.chain, "ProofCombiner", [])
    cases: list[tuple[System, str]] = [
        (replace(w.system, contracts={**w.system.contracts, "combiner": other.address}), "attestor.combiner"),
        (replace(w.system, contracts={**w.system.contracts, "lens": "0x" + "12" * 20}), "lens"),
        (replace(w.system, chain_id=5), "chain id"),
        (replace(w.system, verifiers=(replace(w.system.verifiers[0], insecure=False), *w.system.verifiers[1:])),
         "verifiers.margin.insecure")]
    for lie, field in cases:
        with pytest.raises(BadInput) as caught:
            lie.open(w.chain)
        assert caught.value.field == field


def test_every_word_of_the_file_is_compared_with_a_contract(system_world: SystemWorld) -> None:
    """Each setting, address and digest, changed: the comparison that `open` makes differs somewhere."""
    system = system_world.system
    found = {field: value for field, _, value in system.claims(system_world.chain)}

    def noticed(lie: System) -> bool:
        said = {f"{name}.{fact}": value for name, facts in lie.facts().items() for fact, value in facts.items()}
        return any(found[field] != value for field, value in said.items())

    assert not noticed(system)
    settings = {"max_epoch_age": 5, "buffers": (0, 2_000, 5_000, 9_999), "lives": (1, 2, 3, 4), "quantum": 99,
                "layout": LAYOUT._replace(width=49), "stake_required": 1, "empty_commitment": 1, "mark_life": 1,
                "finality_blocks": 9, "debit_per_margin": 1, "allows_insecure_setup": False, "exit_epoch_age": 1,
                "final_epoch_age": 1, "superseded_grace": 1, "slots": 9, "empty_fills": 5}
    terms = system.settings.liquidation
    assert {*settings, "liquidation"} == {one.name for one in fields(system.settings)}
    for one in fields(terms):
        lie = replace(terms, **{one.name: getattr(terms, one.name) + 1})
        assert noticed(replace(system, settings=replace(system.settings, liquidation=lie))), one.name
    for name, value in settings.items():
        assert noticed(replace(system, settings=replace(system.settings, **{name: value}))), name
    for name in set(CONTRACTS) - {"lens", "silence", "unwinder"}:          # which no other contract knows
        assert noticed(replace(system, contracts={**system.contracts, name: "0x" + "12" * 20})), name
    assert noticed(replace(system, quote_id=QUOTE_ID + 1))
    assert noticed(replace(system, quote_token=system.contracts["vault"]))


# -- refusals before anything is sent ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def bare() -> Chain:
    return Chain.embedded(timestamp=GENESIS)


def test_nothing_is_sent_for_a_bad_configuration(bare: Chain) -> None:
    keys = toy_keys()
    config, proving = config_for(bare), proving_of(keys)
    three = ToyKey(3, seed="three")
    wrong_inputs = {**proving.keys, "margin": SlotKey("m", three.verification_key, b"\x01" * 32, three.known_answer())}
    twice = {**proving.keys, "cover": replace(proving.keys["margin"], statement="cover-toy")}
    lying = {**proving.keys, "flat": replace(proving.keys["flat"], known=ToyKey(2, seed="other").known_answer())}
    cases: list[tuple[str, Any, Any, str | None]] = [
        ("chain_id", replace(config, chain_id=5), proving, None),
        ("verifiers.margin", replace(config, allow_insecure_setup=False), proving, None),
        ("verifiers.margin", config, replace(proving, keys=wrong_inputs), None),
        ("verifiers.cover", config, replace(proving, keys=twice), None),
        ("known answer", config, replace(proving, keys=lying), None),
        ("verifiers", config_for(bare, ["margin"]), proving, None),
        ("roles.admin", config, proving, config.roles.admin),
        ("vault.quote", replace(config, vault=replace(config.vault, quote="0x" + "12" * 20)), proving, None),
        ("sender", config, proving, "0x" + "12" * 20),
    ]
    for field, bad, proven, sender in cases:
        with pytest.raises(BadInput) as caught:
            deploy_system(bare, bad, proven, sender=sender)
        assert caught.value.field == field
    assert bare.block_number() == 0


def test_the_registry_fits_into_a_transaction_and_its_limit_is_enough(system_world: SystemWorld) -> None:
    limit = registry_gas(system_world.system.verifiers)
    assert len(system_world.system.verifiers) == len(USED) == 10
    assert limit <= CREATION_GAS
    block = next(block for number in range(1, 30) for block in [system_world.chain.web3.eth.get_block(number, True)]
                 if any(one["gas"] == limit for one in block["transactions"]))
    used = system_world.chain.web3.eth.get_transaction_receipt(block["transactions"][0]["hash"])
    assert used["contractAddress"] == system_world.system.contracts["registry"]
    assert used["gasUsed"] < limit * 97 // 100


def test_more_verifiers_than_a_transaction_can_examine_are_refused_before_anything_is_sent() -> None:
    chain = Chain.embedded(timestamp=GENESIS)
    keys = {slot: ToyKey(inputs, seed=f"every {slot}") for slot, inputs in INPUTS.items()}
    with pytest.raises(BadInput, match="12 slots") as caught:
        deploy_system(chain, config_for(chain, tuple(INPUTS)), proving_of(keys))
    assert "announce them afterwards" in str(caught.value)
    assert chain.block_number() == 0


def test_the_escrow_is_governed_as_the_others_are(system_world: SystemWorld) -> None:
    """The first committee needs no wait and no second one comes without; only the coordinator orders."""
    w = system_world
    assert w.escrow.read("generation") == 1, "founded by the announcer"
    with refused("AccessManagerNotScheduled"):
        w.escrow.transact("registerCommittee", 2, *w.committee(2), sender=w.admin)
    with refused("AccessManagedUnauthorized"):
        w.escrow.transact("orderDisclosure", 1, w.owner.address, [], sender=w.admin)
    w.govern("escrow", "registerCommittee", 2, *w.committee(2))
    assert w.escrow.read("generation") == 2
    w.govern("authority", "grantRole", Role.COORDINATOR, w.stranger, 0)
    w.escrow.transact("orderDisclosure", 1, w.owner.address, [], sender=w.stranger)


# -- liquidation -------------------------------------------------------------------------------------------------------
def test_liquidation_is_installed_and_what_only_its_agent_can_do_is_an_open_step(system_world: SystemWorld) -> None:
    w = system_world
    agent = w.config.liquidation.fund_agent
    assert w.at.house.read("fundAgent").lower() == agent.lower()
    (step,) = open_steps(w.at)
    assert agent in step
    assert "no lot opens" in step
    w.register_key(AGENT)
    assert open_steps(w.at) == []


def test_nobody_but_the_contracts_of_liquidation_calls_closes_or_sells(system_world: SystemWorld) -> None:
    """Each has its own role, and none the others': who calls cannot sell, who closes cannot call."""
    w = system_world
    at, authority = w.system.contracts, w.at.authority
    allowed = [("silence", "callBySilence", "desk"), ("closes", "forceTransition", "desk"),
               *(("coordinator", function, name) for name in FUNCTIONS for function, role in FUNCTIONS[name].items()
                 if role == Role.COORDINATOR)]
    for holder in ("silence", "closes", "coordinator", "house", "fund", "allocator"):
        may = {(function, name) for name in FUNCTIONS for function in FUNCTIONS[name]
               if authority.can_call(at[holder], at[name], selector(w.at.named(name).artifact, function))[0]}
        assert may == {(function, name) for who, function, name in allowed if who == holder}, holder


def test_governed_names_are_contracts() -> None:
    assert set(GOVERNED) <= set(CONTRACTS)
    assert set(FUNCTIONS) <= set(GOVERNED)
