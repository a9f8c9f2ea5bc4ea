"""No command says more than it knows: what is not valid, not checked or not the same is said, by exit code too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from eth_account import Account
from nodes import anvil, url_of

import tailproof
from primitives.errors import BadInput
from risk.epochs import epoch_directory
from tailproof.cli import main
from tailproof.cli.console import OutputFile
from tailproof.publishing import EpochDoesNotStand, publish
from verifier_contracts.chain import KEY_VARIABLE, Chain
from verifier_contracts.deployment import Deployment

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"
STRADDLE, CALL = (FIXTURES / "portfolios" / f"{name}.json" for name in ("short_straddle", "covered_call"))
Run = Callable[..., Any]


@dataclass(frozen=True)
class Site:
    """Contracts on an anvil, an epoch, an opening of the straddle, and an owner."""

    home: Path
    chain: Chain
    owner: Any
    run: Run
    epoch: Path
    key: Path

    @property
    def there(self) -> tuple[object, ...]:
        return "--deployment", self.home / "deployment.json", "--rpc", url_of(self.chain)

    def must(self, *arguments: object) -> Any:
        answer = self.run(*arguments)
        assert answer.code == 0, (answer.data, answer.stderr)
        return answer.data

    def as_owner(self, *arguments: object) -> Any:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(KEY_VARIABLE, self.owner.key.hex())
            return self.run(*arguments)

    def consent(self, out: Path, *more: object, opening: Path | None = None, venue: str | None = None) -> Any:
        return self.as_owner("contract", "consent", *self.there, "--opening", opening or self.home / "salt.json",
                             "--venue", venue or self.chain.senders[0], "--out", out, *more)

    def show(self, *more: object) -> Any:
        return self.run("contract", "show", *self.there, "--account", self.owner.address, *more)


@pytest.fixture(scope="module")
def deployed(run: Run, epoch_directory: Path, key_directory: Path, tmp_path_factory: pytest.TempPathFactory
             ) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    with anvil() as chain, pytest.MonkeyPatch.context() as environment:
        environment.delenv(KEY_VARIABLE, raising=False)
        site = Site(home, chain, Account.create(), run, epoch_directory, key_directory)
        site.must("contract", "deploy", "--key", key_directory, "--rpc", url_of(chain), "--out",
                  home / "deployment.json", "--allow-insecure-setup")
        site.must("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", STRADDLE,
                  "--out", home / "salt.json")
        yield site


@pytest.fixture
def site(deployed: Site) -> Iterator[Site]:
    """The same for every test: what one does to the chain is undone."""
    snapshot = deployed.chain.snapshot()
    yield deployed
    deployed.chain.restore(snapshot)


def changed(epoch: Path, out: Path, change: Callable[[Any], Any]) -> Path:
    """A copy of an epoch with other numbers under a root of their own, which it says it has."""
    epoch_directory.save(change(tailproof.load_epoch(epoch)), out)
    return out


# -- contract show ---------------------------------------------------------------------------------------------------
def test_show_says_what_a_margin_is_worth(site: Site, tmp_path: Path) -> None:
    unknown = site.show()
    assert (unknown.code, unknown.data["status"]) == (1, "unknown account")
    site.must("contract", "publish", *site.there, "--epoch", site.epoch)
    assert site.consent(tmp_path / "consent.json").code == 0
    site.must("contract", "register", *site.there, "--consent", tmp_path / "consent.json")
    registered = site.show()
    assert (registered.code, registered.data["status_text"]) == (1, "not attested for version 1")
    proven = site.must("prove", "--key", site.key, "--epoch", site.epoch, "--opening", site.home / "salt.json",
                       *site.there, "--account", site.owner.address, "--out", tmp_path / "bundle.json")
    done = site.must("submit", tmp_path / "bundle.json", *site.there)
    assert done["proof_checked"] is True

    shown = site.show()
    assert (shown.code, shown.data["status"], shown.data["margin"]) == (0, "valid", proven["margin"])
    assert shown.data["valid_until"] == shown.data["epoch_id"] + 86_400
    assert site.show("--max-age", 0).data["status"] in ("stale", "valid")     # valid only in the second of publication
    text = CliRunner().invoke(main, ["contract", "show", *map(str, site.there), "--account", site.owner.address]).stdout
    assert "valid until 20" in text
    whole = int(proven["margin"]) // 10**6
    assert f"{whole}." in text
    assert "quote units" in text

    # a newer epoch
    site.must("contract", "publish", *site.there, "--epoch", site.epoch)
    newer = site.show()
    assert (newer.code, newer.data["status"], newer.data["margin_readable"]) == (1, "superseded", True)
    assert site.show("--max-age", 86_400).code == 0

    # another version: the stored margin is still there, and the contract refuses it
    assert site.consent(tmp_path / "second.json").code == 0
    site.must("contract", "register", *site.there, "--consent", tmp_path / "second.json")
    again = site.show()
    assert (again.code, again.data["status_text"]) == (1, "not attested for version 2")
    assert again.data["margin_readable"] is False

    # a day later: nothing is proven for nothing
    site.chain.web3.provider.make_request("evm_increaseTime", [93_600])
    late = site.run("prove", "--key", site.key, "--epoch", site.epoch, "--opening", site.home / "salt.json",
                    *site.there, "--account", site.owner.address, "--out", tmp_path / "late.json")
    assert late.code == 2
    assert "StaleEpoch" in late.data["message"]
    assert not (tmp_path / "late.json").exists()


# -- contract publish ------------------------------------------------------------------------------------------------
def test_an_epoch_of_another_shape_is_not_published_and_only_what_differs_is_named(site: Site, tmp_path: Path) -> None:
    model = (FIXTURES / "model.toml").read_text().replace("depth = 3", "depth = 4")
    (tmp_path / "model.toml").write_text(model)
    site.must("epoch", "build", "--book", FIXTURES / "book.json", "--model", tmp_path / "model.toml",
              "--out", tmp_path / "deep")
    site.must("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--statement",
              "margin-grid-1000x32", "--regime", 2, "--out", tmp_path / "grid")
    for epoch, named in ((tmp_path / "deep", "'depth 4': must be depth 3,"),
                         (tmp_path / "grid", "'mode grid': must be mode full,")):
        answer = site.run("contract", "publish", *site.there, "--epoch", epoch)
        assert answer.code == 2
        assert answer.data["field"] == "epoch shape"
        assert named in answer.data["message"]
    registry, _ = Deployment.load(site.home / "deployment.json").open(site.chain)
    assert registry.latest_epoch_id() == 0


def test_256_scenarios_are_not_published_where_1000_are_proven(site: Site, epoch_directory: Path) -> None:
    there = Deployment.load(site.home / "deployment.json")
    registry, _ = there.open(site.chain)
    with pytest.raises(BadInput, match=r"scenarios 256.*scenarios 1000.*margin-full-1000x32"):
        publish(epoch_directory, replace(there, statement="margin-full-1000x32"), registry)
    with pytest.raises(BadInput, match="circuit_digest of the deployment"):
        publish(epoch_directory, replace(there, circuit_digest=bytes(32)), registry)


def test_what_is_published_has_been_checked(site: Site, tmp_path: Path) -> None:
    def tamper(epoch: Any) -> Any:
        changes = epoch.changes.copy()
        changes[1, 0] += 1
        return replace(epoch, changes=changes)
    doctored = changed(site.epoch, tmp_path / "doctored", tamper)
    answer = site.run("contract", "publish", *site.there, "--epoch", doctored)
    assert answer.code == 1
    assert answer.data["error"] == "EpochDoesNotStand"
    assert answer.data["differences"]
    registry, _ = Deployment.load(site.home / "deployment.json").open(site.chain)
    assert registry.latest_epoch_id() == 0


def test_the_epoch_before_is_asked_for_and_compared(site: Site, tmp_path: Path) -> None:
    book = json.loads((FIXTURES / "book.json").read_text())
    book["instruments"] = book["instruments"][:-1]
    (tmp_path / "book.json").write_text(json.dumps(book))
    fewer = tmp_path / "fewer"
    site.must("epoch", "build", "--book", tmp_path / "book.json", "--model", FIXTURES / "model.toml", "--out", fewer)
    there = (*site.there, "--epoch", fewer)
    first = site.must("contract", "publish", *site.there, "--epoch", site.epoch)
    assert first["previous_root"] is None

    unasked = site.run("contract", "publish", *there)
    assert (unasked.code, unasked.data["field"]) == (2, "--previous")
    foreign = site.run("contract", "publish", *there, "--previous", fewer)
    assert (foreign.code, foreign.data["field"]) == (2, "--previous")
    dropped = site.run("contract", "publish", *there, "--previous", site.epoch)
    assert dropped.code == 1
    assert [entry["clause"] for entry in dropped.data["differences"]] == ["E9", "E9", "E7"]
    forced = site.must("contract", "publish", *there, "--first")
    assert any("Not compared" in remark for remark in forced["remarks"])
    # and back, as its successor: more instruments than before are no fault
    more = tmp_path / "more"
    later = (FIXTURES / "book.json").read_text().replace('"valuation": "2021-01-01T00:', '"valuation": "2021-01-01T01:')
    (tmp_path / "later.json").write_text(later)
    site.must("epoch", "build", "--book", tmp_path / "later.json", "--model", FIXTURES / "model.toml",
              "--previous", fewer, "--out", more)
    back = site.must("contract", "publish", *site.there, "--epoch", more, "--previous", fewer)
    assert back["previous_root"] is not None
    assert not any("Not compared" in remark for remark in back["remarks"])


def test_old_prices_are_remarked_upon(site: Site) -> None:
    said = site.must("contract", "publish", *site.there, "--epoch", site.epoch)
    assert any("prices" in remark for remark in said["remarks"])
    assert said["epoch_id"] - said["valuation"] > 86_400


def test_an_error_of_the_check_is_one_object(tmp_path: Path) -> None:
    from risk.epochs.audit import AuditReport, Difference
    report = AuditReport(1, None, (Difference("E1", "id", "5", "6"), Difference("E2", "id", "7", "8")))
    facts = EpochDoesNotStand(tmp_path, report).as_dict()
    assert facts["passed"] is False
    assert "and 1 more" in str(facts["message"])


# -- consent, commit --check, register --------------------------------------------------------------------------------
def test_a_consent_that_no_contract_takes_is_not_signed(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "consent.json"
    answer = site.consent(out, venue=site.owner.address)
    assert (answer.code, answer.data["field"]) == (2, "--venue")
    answer = site.consent(out, "--account", site.chain.senders[3])
    assert (answer.code, answer.data["field"]) == (2, "--account")
    assert not out.exists()
    assert site.consent(out, "--account", site.owner.address).code == 0


def test_a_consent_on_a_quiet_chain_is_not_born_expired(site: Site, tmp_path: Path) -> None:
    site.chain.web3.provider.make_request("evm_increaseTime", [93_600])
    assert site.consent(tmp_path / "consent.json", "--valid-for", 3600).code == 0
    site.must("contract", "register", *site.there, "--consent", tmp_path / "consent.json")


def test_what_a_commitment_commits_to_can_be_seen_and_compared(run: Run, site: Site, tmp_path: Path) -> None:
    salt = site.home / "salt.json"
    bare = run("commit", "--check", salt)
    assert (bare.code, bare.data["compared"]) == (0, False)
    named = run("commit", "--check", salt, "--epoch", site.epoch, "--portfolio", STRADDLE)
    assert (named.code, named.data["compared"]) == (0, True)
    wanted = {entry["instrument"]: entry["lots"] for entry in json.loads(STRADDLE.read_text())["positions"]}
    assert {entry["instrument"]: entry["committed"] for entry in named.data["positions"]} == wanted
    other = run("commit", "--check", salt, "--epoch", site.epoch, "--portfolio", CALL)
    assert other.code == 1
    assert any(not entry["agrees"] for entry in other.data["positions"])

    lots = json.loads(STRADDLE.read_text())
    lots["positions"][0]["lots"] *= 10
    (tmp_path / "tenfold.json").write_text(json.dumps(lots))
    tenfold = run("commit", "--check", salt, "--epoch", site.epoch, "--portfolio", tmp_path / "tenfold.json")
    assert [entry["agrees"] for entry in tenfold.data["positions"]].count(False) == 1
    assert run("commit", "--check", salt, "--portfolio", STRADDLE).data["field"] == "--epoch"
    assert run("commit", "--check", salt, "--out", tmp_path / "x").data["field"] == "--out"

    data = json.loads(salt.read_text())
    data["slots"][0]["lots"] += 1
    false = tmp_path / "false.json"
    false.touch(mode=0o600)
    false.write_text(json.dumps(data))
    assert run("commit", "--check", false).data["field"] == "opening.commitment"


def test_a_venue_registers_what_it_holds(site: Site, tmp_path: Path) -> None:
    """Also where the owner commits to nothing at all."""
    (tmp_path / "empty.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": []}))
    site.must("commit", "--statement", STATEMENT, "--epoch", site.epoch, "--portfolio", tmp_path / "empty.json",
              "--out", tmp_path / "empty.salt.json")
    assert site.consent(tmp_path / "consent.json", opening=tmp_path / "empty.salt.json").code == 0
    register = ("contract", "register", *site.there, "--consent", tmp_path / "consent.json")
    held = ("--expect-portfolio", STRADDLE, "--epoch", site.epoch)
    assert site.run(*register, *held).data["field"] == "--expect-portfolio"
    refused = site.run(*register, "--opening", tmp_path / "empty.salt.json", *held)
    assert (refused.code, refused.data["transaction"]) == (1, None)
    another = site.run(*register, "--opening", site.home / "salt.json", *held)
    assert (another.code, another.data["field"]) == (2, "consent.commitment")
    assert site.show().data["version"] == 0

    assert site.consent(tmp_path / "good.json").code == 0
    register = ("contract", "register", *site.there, "--consent", tmp_path / "good.json")
    done = site.must(*register, "--opening", site.home / "salt.json", *held)
    assert done["positions_checked"] is True


def test_a_venue_that_does_not_look_is_told_so(site: Site, tmp_path: Path) -> None:
    assert site.consent(tmp_path / "consent.json").code == 0
    done = site.must("contract", "register", *site.there, "--consent", tmp_path / "consent.json")
    assert done["positions_checked"] is False


def test_an_opening_of_another_statement_is_not_consented_to(site: Site, run: Run, tmp_path: Path) -> None:
    there = json.loads((site.home / "salt.json").read_text())
    there["statement"] = "margin-full-256x32"
    other = tmp_path / "other.json"
    other.touch(mode=0o600)
    other.write_text(json.dumps(there))
    assert site.consent(tmp_path / "c.json", opening=other).code == 2


# -- contract check --------------------------------------------------------------------------------------------------
def test_a_deployment_is_compared_with_the_chain(site: Site, run: Run, tmp_path: Path) -> None:
    good = site.must("contract", "check", *site.there, "--key", site.key)
    assert all(check["holds"] for check in good["checks"])
    assert {"verifier's code", "manager's code", "registry's code", "precompiles"} <= {
        check["name"] for check in good["checks"]}
    assert len(site.must("contract", "check", *site.there)["taken_on_trust"]) == 2
    for field, value in (("insecure_setup", False), ("key_digest", "0x" + "01" * 32), ("statement", "margin-tiny"),
                         ("circuit_digest", "0x" + "02" * 32)):
        lie = tmp_path / f"{field}.json"
        lie.write_text(json.dumps(json.loads((site.home / "deployment.json").read_text()) | {field: value}))
        there = ("--deployment", lie, "--rpc", url_of(site.chain))
        checked = run("contract", "check", *there)
        assert checked.code == 1
        assert field in [check["name"] for check in checked.data["checks"] if not check["holds"]]
        opened = run("contract", "show", *there, "--account", site.owner.address)
        assert (opened.code, opened.data["field"]) == (2, field)


# -- prove and verify ------------------------------------------------------------------------------------------------
def test_verify_shows_both_sides_of_what_differs(run: Run, site: Site, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    site.must("prove", "--key", site.key, "--epoch", site.epoch, "--opening", site.home / "salt.json", "--deployment",
              site.home / "deployment.json", "--epoch-id", 5, "--state-version", 1, "--account", site.owner.address,
              "--out", bundle)
    data = json.loads(bundle.read_text())
    commitment, root = data["public_inputs"]["portfolio_commitment"], int(data["public_inputs"]["epoch_root"])
    data["public_inputs"]["epoch_root"] = str(root + 1)
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps({**data, "r1cs_digest": "0" * 64}))
    answer = run("verify", altered, "--key", site.key, "--epoch", site.epoch, "--commitment", "123")
    false = {check["name"]: (check["found"], check["expected"]) for check in answer.data["checks"]
             if not check["holds"]}
    assert false["epoch root"] == (str(root + 1), str(root))
    assert false["commitment"] == (commitment, "123")
    assert false["constraint system"][0] == "0" * 64
    assert false["constraint system"][1] == tailproof.KeyDirectory.load(site.key).r1cs_digest
    text = CliRunner().invoke(main, ["verify", str(altered), "--key", str(site.key), "--epoch", str(site.epoch),
                                     "--commitment", "123"]).stdout
    for side in (str(root), str(root + 1), commitment, "123"):
        assert side in text


def test_a_statement_of_another_shape_names_what_differs_alone(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("commit", "--statement", "margin-full-1000x32", "--epoch", epoch_directory, "--portfolio", STRADDLE,
                 "--out", tmp_path / "salt.json")
    assert (answer.code, answer.data["field"]) == (2, "epoch shape")
    assert "scenarios 256" in answer.data["message"]
    assert "value_bits" not in answer.data["message"]


# -- writing ---------------------------------------------------------------------------------------------------------
def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def filler(param: click.Parameter, there: Path) -> str:
    """Some value that the command line takes."""
    if param.name in ("venue", "account"):
        return "0x" + "11" * 20
    if param.name == "statement":
        return STATEMENT
    if isinstance(param.type, click.types.IntParamType):
        return "100"
    if isinstance(param.type, click.Choice):
        return str(param.type.choices[0])
    return "http://127.0.0.1:9" if param.name == "rpc" else str(there / f"absent-{param.name}")


WRITERS = [(path, command, param.name) for path, command in commands(main) for param in command.params  # type: ignore[arg-type]
           if path != ("oracle", "watch")                       # which goes on in a file of its own schema, in no other
           and (isinstance(param.type, OutputFile) or (param.name == "out" and path != ("demo",)))]


@pytest.mark.parametrize(("path", "command", "name"), WRITERS, ids=lambda value: " ".join(value) if isinstance(
    value, tuple) else value if isinstance(value, str) else "")
def test_every_command_that_writes_refuses_to_overwrite(run: Run, key_directory: Path, tmp_path: Path,
                                                        path: tuple[str, ...], command: click.Command,
                                                        name: str) -> None:
    there = tmp_path / "there.json"
    there.write_text("somebody's")
    arguments: list[object] = []
    for param in command.params:
        value = str(there) if param.name == name else filler(param, tmp_path)
        if param.name == name or param.required:
            arguments += [value] if isinstance(param, click.Argument) else [param.opts[0], value]
    if path == ("contract", "deploy"):                          # it goes on with what it began itself, and nothing else
        there.write_text('{"schema": "tailproof.deployment/1"}')
        arguments += ["--key", "absent", "--rpc", "http://127.0.0.1:9"]
    if path == ("commit",):
        arguments += ["--statement", STATEMENT, "--epoch", "absent", "--portfolio", STRADDLE]
    content = there.read_bytes()
    answer = run(*path, *arguments)
    assert answer.code == 2, answer.data
    assert "never overwritten" in answer.data["message"], answer.data
    assert "PosixPath" not in answer.data["message"], "a path is shown as it was given"
    assert there.read_bytes() == content
    assert list(tmp_path.iterdir()) == [there]


def test_writers_are_found() -> None:
    found = {" ".join(path) for path, _, _ in WRITERS}
    assert {"commit", "prove", "epoch build", "keys setup", "keys import", "contract generate", "contract deploy",
            "contract consent", "statement export", "groth16 prove"} <= found


def test_a_finished_deployment_is_refused_before_any_proof_is_made(run: Run, site: Site, tmp_path: Path) -> None:
    copy = Path(shutil.copy(site.home / "deployment.json", tmp_path / "deployment.json"))
    answer = run("contract", "deploy", "--key", tmp_path / "absent", "--rpc", url_of(site.chain), "--out", copy,
                 "--allow-insecure-setup")
    assert answer.code == 2
    assert "never overwritten" in answer.data["message"]
    assert copy.read_bytes() == (site.home / "deployment.json").read_bytes()
