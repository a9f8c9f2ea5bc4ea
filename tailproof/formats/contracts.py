"""What a system of contracts is to be, and where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verifier_contracts.governance import Role
from verifier_contracts.liquidation_terms import LiquidationTerms
from verifier_contracts.oracle import LeafLayout
from verifier_contracts.system import CONTRACTS, Grant, Installed, Settings, System
from verifier_contracts.system_config import SystemConfig
from verifier_contracts.verifier_registry import SLOTS

from .. import templates
from .observed import Format
from .outputs import reading

_WHO, _OTHER = "0x" + "11" * 20, "0x" + "12" * 20
_DIGEST = bytes.fromhex("22" * 32)


def system_examples() -> Sequence[Any]:
    trial: dict[str, Any] = json.loads(templates.system())
    real = json.loads(templates.system())
    real["allow_insecure_setup"] = False
    real["verifiers"] = {slot: f"keys/{slot}" for slot in SLOTS}
    real["roles"]["liquidators"] = [_WHO]
    real["vault"] |= {"quote": _WHO, "assets": [{"token": _OTHER, "id": 2, "cap": "1"}]}
    return [trial, real]


def deployment_examples() -> Sequence[Any]:
    terms = LiquidationTerms(1_000, 5_000, 600, 480, 360, 300, 360, 10_800, 500, 200, 1_000, 500, 10**9, 240, 480,
                             100, 10**9)
    settings = Settings(True, 3, 1, LeafLayout(5, 50, 44, 256, 2, 7), 1_800, 1, 16, 1_800, 900, 2_700, 900,
                        (0, 2_000, 5_000, 10_000), (3_600, 3_600, 4_500, 5_400), 1, 10_000, 7, terms)
    made = System(1, 1, dict.fromkeys(CONTRACTS, _WHO), (Installed("margin", "margin-full-256x16", _WHO, _DIGEST,
                                                                   _DIGEST, True),),
                  _WHO, 1, settings, (Grant(Role.ADMIN, _WHO, 604_800),))
    return [made.to_json()]


_CONTRACTS: Mapping[str, str] = {
    "authority": "the AccessManager: who may call what", "registry": "of verifiers", "oracle": "of epochs",
    "court": "where epochs are refuted", "combiner": "of proofs, for batches",
    "marks": "of shares of pools and interest-bearing vaults", "lens": "reads in bulk", "attestor": "of batches",
    "desk": "of commitments", "escrow": "of encrypted openings", "ledger": "of margins", "vault": "of collateral",
    "settlement": "of venues", "fund": "pays losses", "allocator": "charges the rest to gains",
    "house": "auctions of lots", "silence": "calls accounts that nobody covers", "closes": "a part of called accounts",
    "coordinator": "opens, awards and ends lots", "unwinder": "turns what accounts have elsewhere into collateral"}
_SLOTS: Mapping[str, str] = {
    "margin": "proves a margin", "cover": "proves that collateral covers a hidden margin, or falls short",
    "flat": "proves that a commitment holds nothing", "transition": "proves a commitment after fills",
    "escrow": "proves that words encrypt an opening to venue, committee and owner",
    "delivery": "to a shortlist", "disclose": "proves that words are an opening",
    "batch-4": "proves up to four margins", "batch-16": "proves up to sixteen",
    "leaf-field": "proves an element of an instrument's leaf", "leaf-field-asset": "of an asset's leaf, on grids",
    "leaf-field-mark": "of a mark's leaf, in epochs of levels"}
_AGES: Mapping[str, str] = {
    "max_epoch_age": "of an epoch for attestations, s", "exit_epoch_age": "for withdrawals, s",
    "final_epoch_age": "for a second cover, under a final epoch, s",
    "superseded_grace": "a superseded epoch is still good for so long, s"}
_LADDER: Mapping[str, str] = {
    "buffers": "of the margin, by step: maintenance, initial, two above", "buffers[]": "basis points, rising",
    "lives": "of covers, by step, from the epoch", "lives[]": "seconds, never falling"}

_TERMS: Mapping[str, str] = {
    "bid_per_margin": "of a lot's margin, what the fund stands ready to pay, basis points",
    "largest_haircut": "of a gain, what losses take at most, basis points",
    "blind": "bids on what is public, live s", "disclosure": "the opening is delivered, live s",
    "commit": "sealed prices, live s", "reveal": "of them, live s", "award": "a winner carries the lot away, live s",
    "time_before": "from the last cover until a lot opens, at worst, s",
    "band": "of the margin, how much further than cover a venue may close, basis points",
    "concession": "of V, what a venue's fills may concede in 24 h, basis points",
    "unknown_loss": "of V, what a lot is taken to lose that nobody can open, basis points",
    "breach_share": "of V, what a breach takes of the venue's bond, basis points",
    "breach_least": "and at least, quote units",
    "venue_delivers": "from an order until the venue is in breach, live s",
    "committee_delivers": "until the opening is asked for in public, live s",
    "pay_share": "of what a keeper rescues at other protocols, his pay, basis points",
    "pay_cap": "and at most in one call of an account, quote units"}

SYSTEM = Format(
    "system", "What a system of contracts is to be; `contract deploy --config` takes it (JSON)", "system.json",
    system_examples, reading(SystemConfig.load, "system.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id of the chain that it is for",
     "allow_insecure_setup": "take keys whose maker can forge proofs, and a trial token; for trials",
     "verifiers": "key directory of each slot, from where this file is",
     **{f"verifiers.{slot}": meaning for slot, meaning in _SLOTS.items()},
     "roles": "accounts, all different; none deploys", "roles.admin": "governs, after a delay",
     "roles.guardian": "pauses, holds epochs, cancels, distrusts",
     "roles.risk": "tightens at once, loosens after a delay",
     "roles.venues": "hold positions", "roles.venues[]": "an address",
     "roles.liquidators": "may take seats and bid for lots", "roles.liquidators[]": "an address",
     "delays": "from scheduling to execution", "delays.admin": "seconds", "delays.loosening": "seconds",
     "publishers": "who signs epochs", "publishers.signers": "keys, in any order", "publishers.signers[]": "an address",
     "publishers.quorum": "how many must agree, more than half",
     "publishers.stake": "of each, wei; the deployer pays it",
     "oracle": "limits of publication and breaker", "oracle.required_lag": "that epochs must cover, s",
     "oracle.min_interval": "between epochs, s", "oracle.heartbeat": "after which the next epoch is missing, s",
     "oracle.move_limits": "of the four marks", "oracle.move_limits[]": "largest move in an hour, 1e-4",
     "oracle.finality_blocks": "beside 20 live minutes", "oracle.underlyings": "that an epoch may have",
     "oracle.cash_id": "instrument id of cash; 0 where epochs hold none",
     "ledger": "ages and cover", **{f"ledger.{key}": meaning for key, meaning in {**_AGES, **_LADDER}.items()},
     "vault": "collateral", "vault.quote": "token of margins; `trial` deploys one that anybody mints",
     "vault.quote_id": "its id in epochs' factors", "vault.quote_cap": "smallest units that the vault takes at most",
     "vault.mark_life": "a mark of a share counts for, s", "vault.assets": "other collateral from the start",
     "vault.assets[].token": "an address", "vault.assets[].id": "in epochs' factors",
     "vault.assets[].cap": "smallest units that the vault takes at most",
     "settlement": "cash moved by venues",
     "settlement.quantum": "quote units that unasked settlements are multiples of",
     "settlement.debit_per_margin": "of an account's margin that a day's settlements may take, basis points",
     "liquidation": "of accounts that nobody cures",
     "liquidation.fund_agent": "carries what the fund takes over; registers its encryption key before the first lot",
     "liquidation.fund_caps": "of the shared tranche, quote units", "liquidation.fund_caps.account": "in 24 h",
     "liquidation.fund_caps.epoch": "under it", "liquidation.fund_caps.day": "for all accounts in 24 h",
     "liquidation.seat_bond": "of a bidder, quote units", "liquidation.least_bond": "of a bid, quote units",
     "liquidation.kappa": "of max(M, V), the bond of a bid by the square root of its time, basis points",
     **{f"liquidation.{key}": meaning for key, meaning in _TERMS.items()}})

CONTRACTS_FILE = Format(
    "contracts", "Where a system of contracts is, and what it was deployed to be (JSON)", "contracts.json",
    deployment_examples, reading(System.load, "contracts.json"),
    {"schema": "says what the file is", "chain_id": "EIP-155 id", "block": "the last before its first contract",
     "contracts": "addresses", **{f"contracts.{name}": meaning for name, meaning in _CONTRACTS.items()},
     "verifiers": "as deployed with", "verifiers[].slot": "of the registry", "verifiers[].statement": "the circuit",
     "verifiers[].verifier": "contract, an address", "verifiers[].key_digest": "of the verification key",
     "verifiers[].circuit_digest": "SHA-256 of the constraint system",
     "verifiers[].insecure": "whether one party made the key",
     "quote_token": "that margins are in, an address", "quote_id": "its id in epochs' factors",
     "settings": "what constructors fixed", "settings.allows_insecure_setup": "whether forgeable keys are taken",
     "settings.finality_blocks": "of an epoch", "settings.stake_required": "of a publisher, wei",
     "settings.layout": "of instruments' leaves", "settings.layout.lanes": "values to a packed element",
     "settings.layout.width": "bits of a value in it", "settings.layout.value_bits": "of values, without sign",
     "settings.layout.values": "scenarios, or nodes of a grid", "settings.layout.underlyings": "that an epoch may have",
     "settings.layout.cash_id": "instrument id of cash, or 0", "settings.mark_life": "of shares, s",
     "settings.empty_commitment": "to no positions, under salt 0", "settings.slots": "positions of a commitment",
     **{f"settings.{key}": meaning for key, meaning in {**_AGES, **_LADDER}.items()},
     "settings.quantum": "of settlements, quote units", "settings.debit_per_margin": "basis points",
     "settings.empty_fills": "digest of no fills", "settings.liquidation": "of accounts that nobody cures",
     **{f"settings.liquidation.{key}": meaning for key, meaning in _TERMS.items()},
     "grants": "roles as given at deployment", "grants[].role": "its name", "grants[].holder": "an address",
     "grants[].delay": "from scheduling to execution, s"})
