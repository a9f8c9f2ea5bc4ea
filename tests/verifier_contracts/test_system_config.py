"""The configuration of a system: read whole, refused by field before anything is sent."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from primitives.errors import BadInput
from tailproof import templates
from verifier_contracts.system_config import SystemConfig

TEMPLATE: dict[str, Any] = json.loads(templates.system())
NOBODY = "0x" + "00" * 19 + "09"


def read(folder: Path, document: Any) -> SystemConfig:
    path = folder / "system.json"
    path.write_text(json.dumps(document))
    return SystemConfig.load(path)


def changed(path: str, value: Any) -> Any:
    """The template with another value at a place: "roles.venues.0"."""
    document = copy.deepcopy(TEMPLATE)
    at: Any = document
    *parents, last = path.split(".")
    for key in parents:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return document


def test_the_template_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, TEMPLATE)
    assert config.chain_id == 31337
    assert config.vault.quote is None
    assert config.roles.liquidators == ()
    assert config.liquidation.terms.longest == 40 * 60
    assert config.delays.admin == 7 * 86_400
    assert list(config.publishers.signers) == sorted(config.publishers.signers, key=lambda one: int(one, 16))
    assert config.source == tmp_path / "system.json"
    assert config.oracle.cash_id > 0


def test_what_is_optional_can_be_given_or_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, changed("roles.liquidators", [NOBODY])).roles.liquidators == (NOBODY,)
    more = copy.deepcopy(TEMPLATE)
    more["verifiers"]["leaf-field-mark"] = "keys/m"
    assert list(read(tmp_path, more).verifiers)[-1] == "leaf-field-mark"


@pytest.mark.parametrize(("path", "value", "field"), [
    ("schema", "tailproof.system/2", "schema"),
    ("chain_id", 0, "chain_id"),
    ("chain_id", "1", "chain_id"),
    ("allow_insecure_setup", 1, "allow_insecure_setup"),
    ("allow_insecure_setup", False, "vault.quote"),
    ("verifiers.batch-5", "x", "verifiers.batch-5"),
    ("verifiers.margin", "", "verifiers.margin"),
    ("roles.admin", "0x12", "roles.admin"),
    ("roles.risk", TEMPLATE["roles"]["admin"], "roles.risk"),
    ("roles.venues", [], "length of roles.venues"),
    ("roles.venues.0", TEMPLATE["roles"]["guardian"], "roles.venues[0]"),
    ("roles.liquidators", [TEMPLATE["roles"]["admin"]], "roles.liquidators[0]"),
    ("roles.liquidators", [f"0x{i:040x}" for i in range(1, 102)], "length of roles.liquidators"),
    ("roles.keeper", NOBODY, "roles.keeper"),
    ("delays.admin", -1, "delays.admin"),
    ("delays.admin", 31 * 86_400, "delays.admin"),
    ("delays.loosening", 1.5, "delays.loosening"),
    ("publishers.quorum", 1, "publishers.quorum"),
    ("publishers.quorum", 4, "publishers.quorum"),
    ("publishers.signers.1", TEMPLATE["publishers"]["signers"][0], "publishers.signers[1]"),
    ("publishers.signers", [], "length of publishers.signers"),
    ("publishers.signers", [f"0x{i:040x}" for i in range(1, 18)], "length of publishers.signers"),
    ("publishers.stake", 10**18, "publishers.stake"),
    ("publishers.stake", "-1", "publishers.stake"),
    ("oracle.required_lag", 0, "oracle.required_lag"),
    ("oracle.required_lag", 30 * 86_400 + 1, "oracle.required_lag"),
    ("oracle.min_interval", 59, "oracle.min_interval"),
    ("oracle.min_interval", 3_601, "oracle.min_interval"),
    ("oracle.heartbeat", 239, "oracle.heartbeat"),
    ("oracle.heartbeat", 86_401, "oracle.heartbeat"),
    ("oracle.move_limits.2", 99, "oracle.move_limits[2]"),
    ("oracle.move_limits.2", 1 << 16, "oracle.move_limits[2]"),
    ("oracle.move_limits", [1_000] * 3, "length of oracle.move_limits"),
    ("oracle.finality_blocks", -1, "oracle.finality_blocks"),
    ("oracle.underlyings", 0, "oracle.underlyings"),
    ("oracle.cash_id", 7, "oracle.cash_id"),
    ("ledger.max_epoch_age", 0, "ledger.max_epoch_age"),
    ("ledger.exit_epoch_age", 0, "ledger.exit_epoch_age"),
    ("ledger.final_epoch_age", 0, "ledger.final_epoch_age"),
    ("ledger.superseded_grace", 0, "ledger.superseded_grace"),
    ("ledger.buffers.1", 0, "ledger.buffers[1]"),
    ("ledger.buffers.3", 1 << 16, "ledger.buffers[3]"),
    ("ledger.buffers.0", -1, "ledger.buffers[0]"),
    ("ledger.lives.0", 0, "ledger.lives[0]"),
    ("ledger.lives.3", 4_499, "ledger.lives[3]"),
    ("vault.quote", "0x12", "vault.quote"),
    ("vault.quote_id", 0, "vault.quote_id"),
    ("vault.quote_id", 1 << 31, "vault.quote_id"),
    ("vault.quote_cap", str(1 << 96), "vault.quote_cap"),
    ("vault.mark_life", 0, "vault.mark_life"),
    ("vault.assets", [{"token": NOBODY, "id": TEMPLATE["vault"]["quote_id"], "cap": "1"}], "vault.assets[0].id"),
    ("vault.assets", [{"token": NOBODY, "id": i, "cap": "1"} for i in (2, 3)], "vault.assets[1].token"),
    ("vault.assets", [{"token": NOBODY, "id": 2, "cap": 1}], "vault.assets[0].cap"),
    ("vault.assets", [{"token": NOBODY, "id": 1 << 31, "cap": "1"}], "vault.assets[0].id"),
    ("settlement.quantum", "0", "settlement.quantum"),
    ("settlement.debit_per_margin", 0, "settlement.debit_per_margin"),
    ("settlement.debit_per_margin", 1 << 16, "settlement.debit_per_margin"),
    ("liquidation.fund_agent", "0x12", "liquidation.fund_agent"),
    ("liquidation.fund_agent", TEMPLATE["roles"]["venues"][0], "liquidation.fund_agent"),
    *((f"liquidation.{name}", value, f"liquidation.{name}") for name in (
        "bid_per_margin", "largest_haircut", "concession", "unknown_loss", "breach_share") for value in (0, 10_001)),
    ("liquidation.fund_caps.day", str(1 << 96), "liquidation.fund_caps.day"),
    ("liquidation.fund_caps.day", 1, "liquidation.fund_caps.day"),
    ("liquidation.blind", 119, "liquidation.blind"),
    ("liquidation.blind", 2_097, "liquidation.blind"),            # the other stages need a second each
    *((f"liquidation.{name}", 0, f"liquidation.{name}") for name in ("disclosure", "commit", "reveal", "award")),
    ("liquidation.award", 361, "liquidation.award"),              # 40 minutes in all
    ("liquidation.time_before", 0, "liquidation.time_before"),
    ("liquidation.time_before", 180 * 60 + 1, "liquidation.time_before"),
    ("liquidation.band", 0, "liquidation.band"),
    ("liquidation.band", (1 << 16) - 2_000, "liquidation.band"),
    ("liquidation.seat_bond", "0", "liquidation.seat_bond"),
    ("liquidation.least_bond", "0", "liquidation.least_bond"),
    ("liquidation.kappa", 4_999, "liquidation.kappa"),
    ("liquidation.kappa", 50_001, "liquidation.kappa"),
    ("liquidation.breach_least", str(1 << 96), "liquidation.breach_least"),
    ("liquidation.venue_delivers", 0, "liquidation.venue_delivers"),
    ("liquidation.venue_delivers", 8 * 60 + 1, "liquidation.venue_delivers"),
    ("liquidation.committee_delivers", 4 * 60 - 1, "liquidation.committee_delivers"),
    ("liquidation.committee_delivers", 14 * 60, "liquidation.committee_delivers"),
    ("liquidation.pay_share", 0, "liquidation.pay_share"),
    ("liquidation.pay_share", 1_001, "liquidation.pay_share"),
    ("liquidation.pay_cap", "0", "liquidation.pay_cap"),
    ("liquidation.pay_cap", str(1 << 96), "liquidation.pay_cap"),
])
def test_a_bad_value_is_refused_by_its_field(tmp_path: Path, path: str, value: Any, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, changed(path, value))
    assert caught.value.field == field
    assert caught.value.source == tmp_path / "system.json" or str(caught.value.source) == str(tmp_path / "system.json")


@pytest.mark.parametrize("slot", ["margin", "cover", "flat", "transition", "leaf-field"])
def test_what_accounts_cannot_do_without_is_needed(tmp_path: Path, slot: str) -> None:
    document = copy.deepcopy(TEMPLATE)
    del document["verifiers"][slot]
    with pytest.raises(BadInput) as caught:
        read(tmp_path, document)
    assert caught.value.field == f"verifiers.{slot}"


def test_the_deployer_is_not_the_admin(tmp_path: Path) -> None:
    config = read(tmp_path, TEMPLATE)
    config.require_deployer(NOBODY)
    with pytest.raises(BadInput, match="keeps no role"):
        config.require_deployer(config.roles.admin)
