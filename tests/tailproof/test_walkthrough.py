"""The README's path from epoch to margin state, typed as a user types it, against a real node; and what is refused."""

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
from eth_account import Account
from margin_site import deploy_margins, publish
from nodes import anvil, url_of

import tailproof
from tailproof.cli import main
from verifier_contracts.chain import KEY_VARIABLE

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
README = Path(__file__).parent.parent.parent / "README.md"
STATEMENT = "margin-full-256x16"
Run = Callable[..., Any]


@dataclass(frozen=True)
class Story:
    """Where everything is after the trader has proven her margin."""

    home: Path
    rpc: str
    account: str
    venue: str
    proven: Any

    def path(self, name: str) -> Path:
        return self.home / name


@pytest.fixture(scope="module")
def story(run: Run, epoch_directory: Path, key_directory: Path, tmp_path_factory: pytest.TempPathFactory
          ) -> Iterator[Story]:
    home, owner = tmp_path_factory.mktemp("story"), Account.create()

    def must(*arguments: object) -> Any:
        answer = run(*arguments)
        assert answer.code == 0, answer.stderr
        return answer.data

    with anvil() as chain, pytest.MonkeyPatch.context() as environment:
        environment.delenv(KEY_VARIABLE, raising=False)
        rpc = url_of(chain)
        there = ("--deployment", home / "deployment.json", "--rpc", rpc)
        world = deploy_margins(chain, tailproof.KeyDirectory.load(key_directory), home / "deployment.json")
        publish(world, tailproof.load_epoch(epoch_directory))
        must("commit", "--statement", STATEMENT, "--epoch", epoch_directory,
             "--portfolio", FIXTURES / "portfolios" / "short_straddle.json", "--out", home / "salt.json")
        environment.setenv(KEY_VARIABLE, owner.key.hex())
        must("contract", "consent", *there, "--opening", home / "salt.json", "--venue", world.venue,
             "--out", home / "consent.json")
        environment.delenv(KEY_VARIABLE)
        must("contract", "register", *there, "--consent", home / "consent.json", "--from", world.venue)
        proven = must("prove", "--key", key_directory, "--epoch", epoch_directory, "--opening", home / "salt.json",
                      *there, "--account", owner.address, "--out", home / "bundle.json")
        yield Story(home, rpc, owner.address, world.venue, proven)


def altered(story: Story, tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """A copy of the bundle with something changed."""
    data = json.loads(story.path("bundle.json").read_text())
    change(data)
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(data))
    return path


def test_the_margin_is_that_of_the_integer_reference(story: Story, epoch_directory: Path) -> None:
    expected = tailproof.Portfolio.read(FIXTURES / "portfolios" / "short_straddle.json").margin(
        tailproof.load_epoch(epoch_directory)).required
    assert story.proven["margin"] == str(expected)
    assert expected > 0


def test_the_readme_s_python_runs(story: Story, epoch_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                  ) -> None:
    for name, place in (("epoch", epoch_directory), ("bundle.json", story.path("bundle.json")),
                        ("fixtures", FIXTURES.parent)):
        (tmp_path / name).symlink_to(place)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["margin"].required == names["bundle"].margin


def test_the_bundle_holds_nothing_private(story: Story) -> None:
    secret = json.loads(story.path("salt.json").read_text())
    public = story.path("bundle.json").read_text()
    assert secret["salt"] not in public
    assert all(slot["id"] not in public for slot in secret["slots"])


def test_auditor_accepts_with_either_arithmetic(run: Run, story: Story, key_directory: Path, epoch_directory: Path
                                                ) -> None:
    commitment = json.loads(story.path("salt.json").read_text())["commitment"]
    for backend in ("kernels", "reference"):
        answer = run("verify", story.path("bundle.json"), "--key", key_directory, "--epoch", epoch_directory,
                     "--commitment", commitment, "--backend", backend)
        assert answer.code == 0, answer.data
        assert all(check["holds"] for check in answer.data["checks"])
        assert answer.data["taken_on_trust"] == []
        assert answer.data["insecure_setup"] is True


def test_auditor_is_told_what_she_takes_on_trust(run: Run, story: Story, key_directory: Path, epoch_directory: Path
                                                 ) -> None:
    answer = run("verify", story.path("bundle.json"), "--key", key_directory / "verification_key.json",
                 "--epoch", epoch_directory / "manifest.json")
    assert answer.code == 0
    assert len(answer.data["taken_on_trust"]) == 3


def test_auditor_refuses_a_doctored_epoch_and_a_key_of_other_constraints(
        run: Run, story: Story, key_directory: Path, epoch_directory: Path, tmp_path: Path) -> None:
    import numpy as np
    epoch, key = (Path(shutil.copytree(path, tmp_path / path.name)) for path in (epoch_directory, key_directory))
    changes = np.load(epoch / "changes.npy")
    changes[1, 0] += 1
    np.save(epoch / "changes.npy", changes)
    answer = run("verify", story.path("bundle.json"), "--key", key, "--epoch", epoch)
    assert answer.code == 2
    assert answer.data["field"] == "tree_root"

    note = json.loads((key / "key.json").read_text())
    (key / "key.json").write_text(json.dumps({**note, "r1cs_digest": "0" * 64}))
    answer = run("verify", story.path("bundle.json"), "--key", key, "--epoch", epoch_directory)
    assert answer.code == 1
    assert [check["name"] for check in answer.data["checks"] if not check["holds"]] == ["key's constraints"]

    (key / "key.json").write_text(json.dumps({**note, "setup": "ceremony"}))
    answer = run("verify", story.path("bundle.json"), "--key", key, "--epoch", epoch_directory)
    assert answer.code == 2, "an insecure key is not made secure by a note"
    assert answer.data["field"] == "setup"


@pytest.mark.parametrize(("name", "value", "check"), [
    ("margin", -1, "proof (kernels)"), ("epoch_root", 1, "epoch root"), ("context", 1, "context"),
    ("portfolio_commitment", 1, "proof (kernels)")])
def test_auditor_names_what_was_changed(run: Run, story: Story, key_directory: Path, epoch_directory: Path,
                                        tmp_path: Path, name: str, value: int, check: str) -> None:
    def change(data: Any) -> None:
        data["public_inputs"][name] = str(int(data["public_inputs"][name]) + value)
    answer = run("verify", altered(story, tmp_path, change), "--key", key_directory, "--epoch", epoch_directory)
    assert answer.code == 1
    assert check in [entry["name"] for entry in answer.data["checks"] if not entry["holds"]]


@pytest.mark.parametrize(("change", "field"), [
    (lambda data: data.update(schema="tailproof.bundle/2"), "schema"),
    (lambda data: data.update(note="hello"), "note"),
    (lambda data: data.pop("proof"), "proof"),
    (lambda data: data["public_inputs"].update(margin="007"), "public_inputs.margin"),
    (lambda data: data["public_inputs"].update(margin=str(2**254)), "public_inputs.margin"),
    (lambda data: data["context"].update(version=-1), "context.version"),
])
def test_a_malformed_bundle_is_bad_input(run: Run, story: Story, key_directory: Path, epoch_directory: Path,
                                         tmp_path: Path, change: Callable[[Any], None], field: str) -> None:
    path = altered(story, tmp_path, change)
    for arguments in (("verify", path, "--key", key_directory, "--epoch", epoch_directory),
                      ("submit", path, "--deployment", story.path("deployment.json"), "--rpc", story.rpc)):
        answer = run(*arguments)
        assert answer.code == 2
        assert answer.data["field"] == field
        assert answer.data["source"] == str(path)


def test_a_bundle_of_another_statement_is_refused(run: Run, story: Story, key_directory: Path, epoch_directory: Path,
                                                  tmp_path: Path) -> None:
    answer = run("verify", altered(story, tmp_path, lambda data: data.update(statement="margin-tiny")), "--key",
                 key_directory, "--epoch", epoch_directory)
    assert answer.code == 1
    assert {"constraint system", "epoch shape"} <= {entry["name"] for entry in answer.data["checks"]
                                                    if not entry["holds"]}


def test_prove_refuses_what_is_not_registered(run: Run, story: Story, key_directory: Path, epoch_directory: Path,
                                              tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    run("commit", "--statement", STATEMENT, "--epoch", epoch_directory,
        "--portfolio", FIXTURES / "portfolios" / "covered_call.json", "--out", other)
    answer = run("prove", "--key", key_directory, "--epoch", epoch_directory, "--opening", other, "--deployment",
                 story.path("deployment.json"), "--rpc", story.rpc, "--account", story.account,
                 "--out", tmp_path / "bundle.json")
    assert answer.code == 2
    assert answer.data["field"] == "--opening"
    assert not (tmp_path / "bundle.json").exists()


def test_prove_refuses_a_key_of_another_statement(run: Run, story: Story, key_directory: Path, epoch_directory: Path,
                                                  tmp_path: Path) -> None:
    foreign = tmp_path / "key"
    shutil.copytree(key_directory, foreign)
    note = json.loads((foreign / "key.json").read_text())
    note["r1cs_digest"] = "0" * 64
    (foreign / "key.json").write_text(json.dumps(note))
    answer = run("prove", "--key", foreign, "--epoch", epoch_directory, "--opening", story.path("salt.json"),
                 "--deployment", story.path("deployment.json"), "--epoch-id", 1, "--state-version", 1,
                 "--account", story.account, "--out", tmp_path / "bundle.json")
    assert answer.code == 2
    assert answer.data["field"] == "r1cs_digest"


def test_an_unreachable_node_is_no_answer(run: Run, story: Story) -> None:
    answer = run("submit", story.path("bundle.json"), "--deployment", story.path("deployment.json"),
                 "--rpc", "http://127.0.0.1:9")
    assert answer.code == 3
    assert answer.data["error"] == "NodeUnreachable"


def test_relayer_submits_once_and_the_chain_shows_the_margin(run: Run, story: Story, tmp_path: Path) -> None:
    there = ("--deployment", story.path("deployment.json"), "--rpc", story.rpc)

    def lower(data: Any) -> None:
        data["public_inputs"]["margin"] = str(int(data["public_inputs"]["margin"]) - 1)
    refused = run("submit", altered(story, tmp_path, lower), *there)
    assert refused.code == 1
    assert "ProofRejected" in refused.data["message"]

    first = run("submit", story.path("bundle.json"), *there)
    assert first.code == 0, first.stderr
    assert first.data["outcome"] == "attested"
    again = run("submit", story.path("bundle.json"), *there)
    assert again.code == 0
    assert again.data["outcome"] == "already attested"
    assert again.data["gas_used"] == 0

    shown = run("contract", "show", *there, "--account", story.account)
    assert str(shown.data["margin"]) == story.proven["margin"]
    assert shown.data["venue"] == story.venue


def test_the_contracts_say_how_they_are(run: Run, story: Story, epoch_directory: Path) -> None:
    there = ("--deployment", story.path("deployment.json"), "--rpc", story.rpc)
    shown, root = run("contract", "show", *there), run("epoch", "show", epoch_directory).data["root"]
    assert shown.code == 0
    assert (shown.data["takes_margins"], shown.data["why_not"], shown.data["accounts"]) == (True, None, 1)
    assert shown.data["epoch_root"] == root
    assert shown.data["taken_until"] == shown.data["latest_epoch_id"] + shown.data["max_age"]
    assert (shown.data["paused"], shown.data["statement"], shown.data["insecure_setup"]) == ([], STATEMENT, True)
    listed = run("contract", "epochs", *there).data
    assert [(one["epoch_id"], one["root"]) for one in listed["epochs"]] == [(shown.data["latest_epoch_id"], root)]
    assert listed["published"] == 1
    assert listed["epochs"][0]["state"] in ("not final yet", "final")       # whichever it is by now
    assert len(listed["epochs"][0]["signers"]) >= shown.data["quorum"]
    one = CliRunner().invoke(main, ["contract", "show", *map(str, there), "--field", "latest_epoch_id"])
    assert one.stdout == f"{shown.data['latest_epoch_id']}\n"
    text = CliRunner().invoke(main, ["contract", "show", *map(str, there)]).stdout
    assert "its margins   until " in text
    refused = run("contract", "show", *there, "--max-age", 60)
    assert (refused.code, refused.data["field"]) == (2, "--max-age")


def test_an_account_may_be_a_word(run: Run, story: Story) -> None:
    there = ("--deployment", story.path("deployment.json"), "--rpc", story.rpc)
    word, option = (run("contract", "show", *there, *words) for words in (
        (story.account,), ("--account", story.account)))
    assert word == option
    assert word.data["account"] == story.account
    both = run("contract", "show", *there, story.account, "--account", story.venue)
    assert (both.code, both.data["field"]) == (2, "ACCOUNT and --account")


def test_a_bundle_taken_apart_is_what_snarkjs_has(run: Run, story: Story, key_directory: Path, tmp_path: Path) -> None:
    proof, public = tmp_path / "proof.json", tmp_path / "public.json"
    told = run("groth16", "unbundle", story.path("bundle.json"), proof, public)
    assert told.code == 0
    assert told.data["public_inputs"] == ["context", "epoch_root", "portfolio_commitment", "margin"]
    key = key_directory / "verification_key.json"
    assert run("groth16", "verify", key, public, proof).code == 0
    assert json.loads(public.read_text())[3] == story.proven["margin"]
    (tmp_path / "false.json").write_text(public.read_text().replace(story.proven["margin"], "1"))
    assert run("groth16", "verify", key, tmp_path / "false.json", proof).code == 1

    def less(data: Any) -> None:
        del data["public_inputs"]["margin"]
    answer = run("groth16", "unbundle", altered(story, tmp_path, less), tmp_path / "p.json", tmp_path / "q.json")
    assert (answer.code, answer.data["field"]) == (2, "public_inputs")
    assert not (tmp_path / "p.json").exists()


def test_only_a_venue_can_register(run: Run, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Account.create()
    monkeypatch.setenv(KEY_VARIABLE, stranger.key.hex())
    answer = run("contract", "register", "--deployment", story.path("deployment.json"), "--rpc", story.rpc,
                 "--consent", story.path("consent.json"))
    assert answer.code == 1
    assert answer.data["error"] == "NotVenue"
    assert answer.data["arguments"] == {"sender": stranger.address}
