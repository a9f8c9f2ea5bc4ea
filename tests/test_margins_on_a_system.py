"""A margin on a system of contracts by the commands alone: consent, registration, proof, submission, standing; and what
each refuses. Embedded chain, tiny statements, real proofs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem

from tailproof.consents import read_consent
from verifier_contracts.desk_messages import CommitmentConsent
from verifier_contracts.ledger import MarginStatus


@pytest.fixture
def opening(real: RealSystem, tmp_path: Path) -> Path:
    """The trader's commitment to cash and a lot of spot."""
    portfolio = tmp_path / "portfolio.json"
    portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "CASH", "lots": -DEPOSIT}, {"instrument": "BTC-SPOT", "lots": 400}]}))
    answer = real.run("commit", "--statement", "margin-tiny", "--epoch", real.path("epoch"), "--portfolio", portfolio,
                      "--out", tmp_path / "opening.json")
    assert answer.code == 0, answer.stderr
    return tmp_path / "opening.json"


def registered(real: RealSystem, opening: Path, folder: Path) -> None:
    real("contract", "consent", "--opening", opening, "--venue", real.venue.address, "--out", folder / "consent.json",
         sends=False)
    real("contract", "register", "--consent", folder / "consent.json", "--opening", opening, "--epoch",
         real.path("epoch"), "--expect-portfolio", folder / "portfolio.json", by=real.venue)


def test_a_margin_is_proven_and_stands(real: RealSystem, opening: Path, tmp_path: Path) -> None:
    me = real.trader.address
    assert real("contract", "show", "--account", me, sends=False, code=1)["status"] == "unknown"
    registered(real, opening, tmp_path)
    consent, signature = read_consent(tmp_path / "consent.json")
    assert isinstance(consent, CommitmentConsent)
    assert (consent.account, consent.desk, consent.version) == (me, real.at.desk.address, 1)
    assert len(signature) == 65
    assert real("contract", "show", "--account", me, sends=False, code=1)["status"] == "not attested"

    proven = real("prove", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--opening", opening,
                  "--account", me, "--out", tmp_path / "bundle.json", sends=False)
    done = real("submit", tmp_path / "bundle.json", by=real.world.relayer)
    assert (done["outcome"], done["margin"]) == ("attested", proven["margin"])
    blocks = real.chain.block_number()
    again = real("submit", tmp_path / "bundle.json", by=real.world.relayer)
    assert (again["outcome"], again["proof_checked"], again["transaction"]) == ("already attested", True, None)
    assert real.chain.block_number() == blocks, "what stands is not paid for again"

    shown = real("contract", "show", "--account", me, sends=False)
    assert (shown["status"], shown["margin"], shown["margin_hidden"]) == ("valid", proven["margin"], False)
    assert real.at.ledger.margin_of(me, 10**6) == int(proven["margin"])
    offline = real.run("verify", tmp_path / "bundle.json", "--key", real.path("keys/margin"), "--epoch",
                       real.path("epoch"), "--commitment", shown["commitment"])
    assert offline.code == 0, offline.stderr

    # A newer epoch supersedes, unless the reader says how old is young enough.
    real.publish()
    assert real("contract", "show", "--account", me, sends=False, code=1)["status"] == "superseded"
    assert real("contract", "show", "--account", me, "--max-age", 3_600, sends=False)["status"] == "valid"


def test_a_bundle_for_other_contracts_or_of_another_state_is_not_submitted(real: RealSystem, opening: Path,
                                                                           tmp_path: Path) -> None:
    registered(real, opening, tmp_path)
    out = tmp_path / "bundle.json"
    real("prove", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--opening", opening, "--account",
         real.trader.address, "--out", out, sends=False)
    honest = json.loads(out.read_text())
    lower = str(int(honest["public_inputs"]["margin"]) - 1)
    assert int(lower) > 0

    def lied(name: str, change: Callable[[Any], object]) -> str:
        bundle = json.loads(json.dumps(honest))
        change(bundle)
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(bundle))
        return str(real("submit", path, by=real.world.relayer, code=1)["error"])

    assert lied("margin", lambda b: b["public_inputs"].update(margin=lower)) == "ProofRejected"
    assert lied("manager", lambda b: b["context"].update(manager=real.at.desk.address)) == "OtherManager"
    real.at.desk.void(real.trader.address, sender=real.venue.address)
    assert real("submit", out, by=real.world.relayer, code=1)["error"] in ("WrongVersion", "CommitmentIsVoid")
    assert real.at.ledger.try_margin_of(real.trader.address).status is MarginStatus.NOT_ATTESTED


def test_a_consent_that_was_revoked_or_is_for_others_is_refused_by_its_field(real: RealSystem, opening: Path,
                                                                             tmp_path: Path) -> None:
    consent = tmp_path / "consent.json"
    asked = ("contract", "consent", "--opening", opening, "--venue", real.venue.address)
    real(*asked, "--out", consent, sends=False)
    other = json.loads(consent.read_text()) | {"desk": real.at.ledger.address}
    (tmp_path / "other.json").write_text(json.dumps(other))
    refused = real("contract", "register", "--consent", tmp_path / "other.json", by=real.venue, code=2)
    assert refused["field"] == "consent.desk"
    old = {**{key: value for key, value in other.items() if key not in ("desk", "nonce")},
           "schema": "tailproof.consent/1", "manager": real.at.ledger.address}
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert real("contract", "register", "--consent", tmp_path / "old.json", by=real.venue, code=2)["field"] == "consent"
    real.at.desk.revoke_consents(sender=real.trader.address)
    assert real("contract", "register", "--consent", consent, by=real.venue, code=2)["field"] == "consent.nonce"
    real(*asked, "--out", tmp_path / "new.json", sends=False)
    by_another = real("contract", "register", "--consent", tmp_path / "new.json", by=real.world.other_venue, code=1)
    assert by_another["error"] == "ConsentNotByOwner"
    assert real.at.ledger.version_of(real.trader.address) == 0


def test_epochs_of_a_system_are_published_by_its_publishers(real: RealSystem) -> None:
    refused = real("contract", "publish", "--epoch", real.path("epoch"), by=real.venue, code=2)
    assert refused["field"] == "--deployment"
    assert "oracle" in refused["message"]
