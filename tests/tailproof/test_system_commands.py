"""From nothing to a system of contracts on anvil, as the README tells it: one command deploys, and every address, role
and clock is in one table."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from nodes import anvil, url_of

from tailproof import templates
from tailproof.cli import main
from tailproof.systems import TRIAL_KEYS
from verifier_contracts.chain import KEY_VARIABLE
from verifier_contracts.clocks import READ
from verifier_contracts.system import CONTRACTS, System

README = Path(__file__).parent.parent.parent / "README.md"
Run = Callable[..., Any]


@dataclass(frozen=True)
class Deployed:
    home: Path
    rpc: str
    told: Any

    @property
    def there(self) -> tuple[object, ...]:
        return ("--deployment", self.home / "contracts.json", "--rpc", self.rpc)


@pytest.fixture(scope="module")
def deployed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    home = tmp_path_factory.mktemp("system")
    with anvil() as chain, pytest.MonkeyPatch.context() as environment:
        environment.delenv(KEY_VARIABLE, raising=False)                # anvil's first account is unlocked
        answer = run("new", "system", "--make-keys", "tiny", "--out", home / "system.json")
        assert answer.code == 0, answer.stderr
        assert sorted(answer.data["keys"]) == sorted(TRIAL_KEYS["tiny"])
        rpc = url_of(chain)
        answer = run("contract", "deploy", "--config", home / "system.json", "--rpc", rpc, "--out",
                     home / "contracts.json")
        assert answer.code == 0, answer.stderr
        yield Deployed(home, rpc, answer.data)


def test_every_address_role_delay_and_clock_is_told(deployed: Deployed) -> None:
    told, system = deployed.told, System.load(deployed.home / "contracts.json")
    assert told["contracts"] == dict(system.contracts)
    assert set(told["contracts"]) == set(CONTRACTS)
    assert told["insecure_setup"] is True
    admin = {"role": "admin", "holder": templates.ANVIL[0], "delay": 7 * 86_400}
    assert admin in told["grants"]
    assert {(clock["contract"], clock["name"]) for clock in told["clocks"]} == {
        (contract, name) for contract, getters in READ.items() for name in getters}
    by_name = {(clock["contract"], clock["name"]): clock["seconds"] for clock in told["clocks"]}
    assert by_name["ledger", "maxEpochAge"] == 1_800
    assert by_name["oracle", "FINALITY"] == 1_200
    assert told["functions"]["vault"]["pause"] == "guardian"
    assert sorted(told["publishers"]["signers"]) == sorted(templates.ANVIL[4:-1])


def test_the_table_has_them_too(deployed: Deployed) -> None:
    shown = CliRunner().invoke(main, ["contract", "table", *map(str, deployed.there)])
    assert shown.exit_code == 0, shown.stderr
    system = System.load(deployed.home / "contracts.json")
    for text in (*system.contracts.values(), *(one.verifier for one in system.verifiers),
                 *(one.holder for one in system.grants), "INSECURE", "after 7 d", "after 2 d", "oracle.FINALITY",
                 "registry.WAIT", *templates.ANVIL[4:]):
        assert text in shown.stdout, text


def test_before_the_first_epoch_no_margin_is_taken(deployed: Deployed, run: Run) -> None:
    told = run("contract", "show", *deployed.there)
    assert told.code == 0
    assert (told.data["takes_margins"], told.data["why_not"]) == (False, "no epoch was published yet")
    assert (told.data["latest_epoch_id"], told.data["epoch_root"], told.data["accounts"]) == (0, None, 0)
    assert len(told.data["open_steps"]) == 2

    def text(*words: object) -> Any:
        return CliRunner().invoke(main, [*map(str, words), *map(str, deployed.there)])
    assert "NOT taken: no epoch was published yet" in text("contract", "show").stdout
    assert text("contract", "epochs").stdout == "No epoch was published yet.\n"
    empty = text("contract", "show", "--field", "epoch_root")
    assert (empty.exit_code, empty.stdout) == (2, "")


def test_the_check_holds_with_the_configuration_and_fails_with_another(deployed: Deployed, run: Run,
                                                                       tmp_path: Path) -> None:
    holds = run("contract", "check", *deployed.there, "--config", deployed.home / "system.json")
    assert holds.code == 0, [one for one in holds.data["checks"] if not one["holds"]]
    assert len(holds.data["checks"]) > 150
    document = json.loads((deployed.home / "system.json").read_text())
    document["ledger"]["max_epoch_age"] += 1
    document["roles"]["venues"] = ["0x" + "12" * 20]
    document["verifiers"] = {slot: str(deployed.home / path) for slot, path in document["verifiers"].items()}
    (tmp_path / "other.json").write_text(json.dumps(document))
    differs = run("contract", "check", *deployed.there, "--config", tmp_path / "other.json")
    assert differs.code == 1
    assert [one["name"] for one in differs.data["checks"] if not one["holds"]] == [
        "configured max_epoch_age", "configured venue: 0x" + "12" * 20, f"configured venue: {templates.ANVIL[3]}"]


def test_an_audit_holds_the_contracts_against_their_configuration(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    """Of an account that nobody registered: nothing is false but that there is something to act on."""
    def verdicts(config: Path) -> dict[str, str]:
        answer = run("audit", "0x" + "12" * 20, *deployed.there, "--config", config)
        assert answer.code == 1
        return {one["id"]: one["verdict"] for one in answer.data["report"]["findings"]}

    found = verdicts(deployed.home / "system.json")
    assert {id for id, verdict in found.items() if verdict == "failed"} == {"account.standing"}
    for part in ("code", "settings", "verifiers", "functions", "hands", "circuits", "configured", "precompiles", "open",
                 "clocks"):
        assert found[f"contracts.{part}"] == "held", part
    assert found["account.proofs"] == "not looked at"
    document = json.loads((deployed.home / "system.json").read_text())
    document["ledger"]["max_epoch_age"] += 1
    document["verifiers"] = {slot: str(deployed.home / path) for slot, path in document["verifiers"].items()}
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert {id for id, verdict in verdicts(tmp_path / "other.json").items() if verdict == "failed"} == {
        "account.standing", "contracts.configured"}


def test_the_check_fails_for_a_file_that_lies(deployed: Deployed, run: Run, tmp_path: Path) -> None:
    lie = json.loads((deployed.home / "contracts.json").read_text())
    lie["contracts"]["lens"] = lie["contracts"]["combiner"]
    (tmp_path / "lie.json").write_text(json.dumps(lie))
    found = run("contract", "check", "--deployment", tmp_path / "lie.json", "--rpc", deployed.rpc)
    assert found.code == 1
    assert [one["name"] for one in found.data["checks"] if not one["holds"]] == ["lens's code"]
    assert any("--config" in remark for remark in found.data["taken_on_trust"])


@pytest.mark.parametrize(("arguments", "field"), [
    (("--config", "C", "--out", "NEW"), "--rpc and --out"),
    (("--config", "C", "--rpc", "RPC", "--out", "DONE"), "deployment file"),
])
def test_what_does_not_go_together_is_refused(deployed: Deployed, run: Run, tmp_path: Path, arguments: tuple[str, ...],
                                              field: str) -> None:
    names = {"C": deployed.home / "system.json", "RPC": deployed.rpc,
             "NEW": tmp_path / "new.json", "DONE": deployed.home / "contracts.json"}
    answer = run("contract", "deploy", *(names.get(one, one) for one in arguments))
    assert (answer.code, answer.data["field"]) == (2, field)


def test_keys_that_do_not_belong_together_are_refused_by_their_slot(deployed: Deployed, run: Run, tmp_path: Path
                                                                    ) -> None:
    document = json.loads((deployed.home / "system.json").read_text())
    good = {slot: str(deployed.home / path) for slot, path in document["verifiers"].items()}
    for slot, other in (("cover", "flat"), ("flat", "margin"), ("leaf-field", "leaf-field-mark"),
                        ("margin", "transition")):
        document["verifiers"] = {**good, slot: good[other]}
        (tmp_path / f"{slot}.json").write_text(json.dumps(document))
        answer = run("contract", "deploy", "--config", tmp_path / f"{slot}.json")
        assert (answer.code, answer.data["field"]) == (2, f"verifiers.{slot}"), answer.data
    renamed = shutil.copytree(good["flat"], tmp_path / "renamed")
    note, its = (json.loads((Path(key) / "key.json").read_text()) for key in (renamed, good["margin"]))
    (renamed / "key.json").write_text(json.dumps(note | {"statement": its["statement"]}))
    document["verifiers"] = {**good, "margin": str(renamed)}
    (tmp_path / "renamed.json").write_text(json.dumps(document))
    answer = run("contract", "deploy", "--config", tmp_path / "renamed.json")
    assert (answer.code, answer.data["field"]) == (2, "r1cs_digest"), answer.data
    document["verifiers"] = good
    document |= {"allow_insecure_setup": False, "vault": {**document["vault"], "quote": "0x" + "12" * 20}}
    (tmp_path / "secure.json").write_text(json.dumps(document))
    answer = run("contract", "deploy", "--config", tmp_path / "secure.json")
    assert (answer.code, answer.data["field"]) == (2, "verifiers.margin")
    document |= {"chain_id": 1, "allow_insecure_setup": True}
    (tmp_path / "chain.json").write_text(json.dumps(document))
    answer = run("contract", "deploy", "--config", tmp_path / "chain.json", "--rpc", deployed.rpc, "--out",
                 tmp_path / "new.json")
    assert (answer.code, answer.data["field"]) == (2, "chain_id")
    assert not (tmp_path / "new.json").exists()


def test_standard_json_compiles_to_the_code_that_is_deployed(run: Run, tmp_path: Path) -> None:
    """What an explorer is given: ProofCombiner alone, the smallest that is deployed."""
    from verifier_contracts.compiler import _run_solc, compile_contracts, node_modules
    out = tmp_path / "input.json"
    answer = run("contract", "source", "ProofCombiner", "--standard-json", "--out", out)
    assert answer.code == 0, answer.stderr
    made = _run_solc(out.read_text(), node_modules())["contracts"]["ProofCombiner.sol"]["ProofCombiner"]
    assert bytes.fromhex(made["evm"]["deployedBytecode"]["object"]) == compile_contracts()["ProofCombiner"].runtime
    assert run("contract", "source", "NoSuch", "--standard-json", "--out", tmp_path / "no.json").code == 2
    assert run("contract", "source", "ProofCombiner", "CollateralVault", "--standard-json", "--out",
               tmp_path / "two.json").code == 2


def test_the_readme_says_these_commands() -> None:
    text = README.read_text()
    for command in ("new system --make-keys", "contract deploy --config", "contract table", "contract check"):
        assert re.search(rf"^tailproof {command}", text, re.MULTILINE), command
