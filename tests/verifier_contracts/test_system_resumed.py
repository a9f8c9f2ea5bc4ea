"""A deployment that stops anywhere goes on where it stopped, also where something else was sent meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from system_world import config_for, proving_of, toy_keys
from world import started

from primitives.errors import BadInput
from verifier_contracts import system_deployment
from verifier_contracts.chain import Chain
from verifier_contracts.errors import ContractRefused, NodeError
from verifier_contracts.governance import AccessManager, Role
from verifier_contracts.system import CONTRACTS, System
from verifier_contracts.system_authenticity import system_authenticity
from verifier_contracts.system_config import REQUIRED_SLOTS
from verifier_contracts.system_deployment import Proving, deploy_system
from verifier_contracts.unfinished import SCHEMA


class Failing:
    """Sends for a chain until its turn comes; then the node fails, before it has the transaction or after."""

    def __init__(self, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sends, self.left, self.after = 0, 0, False
        real: Callable[..., Any] = chain.send

        def send(*arguments: Any, **named: Any) -> Any:
            if self.left == 0 and not self.after:
                if named.get("before"):
                    named["before"](None, "0x" + "ab" * 20)      # written down, and never out
                raise NodeError("the node", "is out of order")
            self.sends += 1
            receipt = real(*arguments, **named)
            if self.left == 0:
                raise NodeError("the node", "answered nothing")  # it has the transaction, and nobody was told
            self.left -= 1
            return receipt

        monkeypatch.setattr(chain, "send", send)


@pytest.fixture
def proving() -> Proving:
    keys = {slot: key for slot, key in toy_keys().items() if slot in REQUIRED_SLOTS}
    return proving_of(keys)


@pytest.fixture
def chain() -> Iterator[Chain]:
    with started() as chain:
        yield chain


def test_every_failure_is_gone_on_from_and_nothing_is_sent_twice(chain: Chain, proving: Proving, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    file, config = tmp_path / "deployment.json", config_for(chain, REQUIRED_SLOTS)
    failing, runs, system = Failing(chain, monkeypatch), 0, None
    while system is None:
        failing.left, failing.after = 2, runs % 2 == 1
        runs += 1
        assert runs < 40
        try:
            system = deploy_system(chain, config, proving, file=file)
        except NodeError:
            assert json.loads(file.read_text())["schema"] == SCHEMA
            with pytest.raises(BadInput, match="unfinished"):
                System.load(file)
    assert runs > 8, "it did fail, at many places"
    assert System.load(file) == system
    # 6 verifiers, 19 contracts, a token; court, three stakes, signers, three installations, roles, hand-over.
    assert failing.sends == len(REQUIRED_SLOTS) + len(CONTRACTS) + 1 + 10
    assert chain.block_number() == failing.sends
    assert all(check.holds for check in system_authenticity(chain, system))
    with pytest.raises(BadInput, match="never overwritten"):
        deploy_system(chain, config, proving, file=file)


def test_a_transaction_between_those_that_know_each_other_makes_them_anew(
        chain: Chain, proving: Proving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger would be at another address than desk and attestor were told."""
    file, config = tmp_path / "deployment.json", config_for(chain, REQUIRED_SLOTS)
    failing = Failing(chain, monkeypatch)
    failing.left = len(REQUIRED_SLOTS) + 4 + 5 + 3 + 1 + 2       # ... the trial token, attestor and desk
    with pytest.raises(NodeError):
        deploy_system(chain, config, proving, file=file)
    kept = json.loads(file.read_text())["contracts"]
    assert {"attestor", "desk"} <= set(kept)
    assert "ledger" not in kept
    failing.left = 1
    chain.send(chain.senders[9], b"")                            # by the deployer, of something else
    failing.left = 100
    system = deploy_system(chain, config, proving, file=file)
    assert system.contracts["desk"] != kept["desk"]
    assert system.contracts["oracle"] == kept["oracle"]
    assert all(check.holds for check in system_authenticity(chain, system))


def test_another_configuration_or_sender_is_refused_by_its_field(chain: Chain, proving: Proving, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    file, config = tmp_path / "deployment.json", config_for(chain, REQUIRED_SLOTS)
    failing = Failing(chain, monkeypatch)
    failing.left = 1
    with pytest.raises(NodeError):
        deploy_system(chain, config, proving, file=file)
    before = file.read_bytes()
    failing.left = 100
    for changed, sender, field in ((config_for(chain, REQUIRED_SLOTS, delays=type(config.delays)(1, 1)), None,
                                    "plan.delays"), (config, chain.senders[8], "plan.sender")):
        with pytest.raises(BadInput) as caught:
            deploy_system(chain, changed, proving, file=file, sender=sender)
        assert caught.value.field == field
    assert file.read_bytes() == before


def test_a_ledger_that_names_another_vault_is_never_handed_over(chain: Chain, proving: Proving, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's constructor cannot see it: the vault is deployed after it. The coordinator's asks, and stops it."""
    real, asked = system_deployment.created_address, []

    def wrong_about_the_vault(sender: str, nonce: int) -> str:
        asked.append(nonce)
        return "0x" + "12" * 20 if nonce == min(asked) + 4 else real(sender, nonce)

    monkeypatch.setattr(system_deployment, "created_address", wrong_about_the_vault)
    config, file = config_for(chain, REQUIRED_SLOTS), tmp_path / "deployment.json"
    with pytest.raises(ContractRefused, match="LiquidationCoordinator"):
        deploy_system(chain, config, proving, file=file)
    assert json.loads(file.read_text())["schema"] == SCHEMA, "unfinished"
    authority = AccessManager(chain, json.loads(file.read_text())["contracts"]["authority"])
    assert authority.has_role(Role.ADMIN, chain.senders[0])[0], "nobody else governs it"
    assert not authority.has_role(Role.ADMIN, config.roles.admin)[0]
    assert not authority.has_role(Role.VENUE, config.roles.venues[0])[0]
