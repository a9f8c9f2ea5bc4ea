"""No command says more than it knows: what is not valid, not checked or not the same is said, by exit code too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from eth_account import Account
from margin_site import deploy_margins, publish
from nodes import anvil, url_of
from system_world import MAX_AGE, MINUTE, SystemWorld

import tailproof
from tailproof.cli import main
from tailproof.cli.batch import Entry
from tailproof.cli.console import Address, OutputFile
from tailproof.cli.netting import Member
from tailproof.cli.solvency import Time
from tailproof.number_forms import element
from verifier_contracts.chain import KEY_VARIABLE

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"
STRADDLE, CALL = (FIXTURES / "portfolios" / f"{name}.json" for name in ("short_straddle", "covered_call"))
Run = Callable[..., Any]


@dataclass(frozen=True)
class Site:
    """Contracts on an anvil, an epoch, an opening of the straddle, and an owner."""

    home: Path
    world: SystemWorld
    owner: Any
    run: Run
    epoch: Path
    key: Path

    @property
    def there(self) -> tuple[object, ...]:
        return "--deployment", self.home / "deployment.json", "--rpc", url_of(self.world.chain)

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
                             "--venue", venue or self.world.venue, "--out", out, *more)

    def register(self, consent: Path, *more: object) -> Any:
        return self.run("contract", "register", *self.there, "--consent", consent, "--from", self.world.venue, *more)

    def publish(self, after: int = 0) -> int:
        if after:
            self.world.later(after)
        return publish(self.world, tailproof.load_epoch(self.epoch))

    def show(self, *more: object) -> Any:
        return self.run("contract", "show", *self.there, "--account", self.owner.address, *more)


@pytest.fixture(scope="module")
def deployed(run: Run, epoch_directory: Path, key_directory: Path, tmp_path_factory: pytest.TempPathFactory
             ) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    with anvil() as chain, pytest.MonkeyPatch.context() as environment:
        environment.delenv(KEY_VARIABLE, raising=False)
        world = deploy_margins(chain, tailproof.KeyDirectory.load(key_directory), home / "deployment.json")
        site = Site(home, world, Account.create(), run, epoch_directory, key_directory)
        site.must("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", STRADDLE,
                  "--out", home / "salt.json")
        yield site


@pytest.fixture
def site(deployed: Site) -> Iterator[Site]:
    """The same for every test: what one does to the chain is undone."""
    snapshot = deployed.world.chain.snapshot()
    yield deployed
    deployed.world.chain.restore(snapshot)


# -- contract show ---------------------------------------------------------------------------------------------------
def test_show_says_what_a_margin_is_worth(site: Site, tmp_path: Path) -> None:
    unknown = site.show()
    assert (unknown.code, unknown.data["status"]) == (1, "unknown")
    site.publish()
    assert site.consent(tmp_path / "consent.json").code == 0
    assert site.register(tmp_path / "consent.json").code == 0
    registered = site.show()
    assert (registered.code, registered.data["status"], registered.data["version"]) == (1, "not attested", 1)
    proven = site.must("prove", "--key", site.key, "--epoch", site.epoch, "--opening", site.home / "salt.json",
                       *site.there, "--account", site.owner.address, "--out", tmp_path / "bundle.json")
    done = site.must("submit", tmp_path / "bundle.json", *site.there)
    assert done["proof_checked"] is True

    shown = site.show()
    assert (shown.code, shown.data["status"], shown.data["margin"]) == (0, "valid", proven["margin"])
    assert shown.data["valid_until"] == shown.data["epoch_id"] + MAX_AGE
    assert site.show("--max-age", 0).data["status"] in ("stale", "valid")     # valid only in the second of publication
    text = CliRunner().invoke(main, ["contract", "show", *map(str, site.there), "--account", site.owner.address]).stdout
    assert "valid until 20" in text
    whole = int(proven["margin"]) // 10**6
    assert f"{whole}." in text
    assert "quote units" in text

    # a newer epoch
    site.publish(5 * MINUTE)
    newer = site.show()
    assert (newer.code, newer.data["status"], newer.data["margin_readable"]) == (1, "superseded", False)
    assert site.show("--max-age", 86_400).code == 0

    # another version: the stored margin is still there, and the contract refuses it
    assert site.consent(tmp_path / "second.json").code == 0
    assert site.register(tmp_path / "second.json").code == 0
    again = site.show()
    assert (again.code, again.data["status"], again.data["version"]) == (1, "not attested", 2)
    assert again.data["margin_readable"] is False

    # an hour later: nothing is proven for nothing
    site.world.chain.web3.provider.make_request("evm_increaseTime", [3_600])        # type: ignore[arg-type]
    late = site.run("prove", "--key", site.key, "--epoch", site.epoch, "--opening", site.home / "salt.json",
                    *site.there, "--account", site.owner.address, "--out", tmp_path / "late.json")
    assert late.code == 2
    assert "StaleEpoch" in late.data["message"]
    assert not (tmp_path / "late.json").exists()


# -- consent, commit --check, register --------------------------------------------------------------------------------
def test_a_consent_that_no_contract_takes_is_not_signed(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "consent.json"
    answer = site.consent(out, venue=site.owner.address)
    assert (answer.code, answer.data["field"]) == (2, "--venue")
    answer = site.consent(out, "--account", site.world.stranger)
    assert (answer.code, answer.data["field"]) == (2, "--account")
    assert not out.exists()
    assert site.consent(out, "--account", site.owner.address).code == 0


def test_a_consent_on_a_quiet_chain_is_not_born_expired(site: Site, tmp_path: Path) -> None:
    site.world.chain.web3.provider.make_request("evm_increaseTime", [93_600])       # type: ignore[arg-type]
    assert site.consent(tmp_path / "consent.json", "--valid-for", 3600).code == 0
    assert site.register(tmp_path / "consent.json").code == 0


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
    register = ("contract", "register", *site.there, "--consent", tmp_path / "consent.json", "--from", site.world.venue)
    held = ("--expect-portfolio", STRADDLE, "--epoch", site.epoch)
    assert site.run(*register, *held).data["field"] == "--expect-portfolio"
    refused = site.run(*register, "--opening", tmp_path / "empty.salt.json", *held)
    assert (refused.code, refused.data["transaction"]) == (1, None)
    another = site.run(*register, "--opening", site.home / "salt.json", *held)
    assert (another.code, another.data["field"]) == (2, "consent.commitment")
    assert site.show().data["version"] == 0

    assert site.consent(tmp_path / "good.json").code == 0
    done = site.register(tmp_path / "good.json", "--opening", site.home / "salt.json", *held)
    assert (done.code, done.data["positions_checked"]) == (0, True)


def test_a_venue_registers_no_position_beyond_the_size_it_is_charged_for(run: Run, site: Site, tmp_path: Path) -> None:
    made = json.loads((FIXTURES / "book.json").read_text())
    for size, fits in (("0.1", False), ("1000", True)):
        made["liquidity"] = {"as_of": made["valuation"], "markets": [
            {"underlying": "BTC", "kind": kind, "daily_volume": "1000", "open_interest": "1", "half_spread": "0",
             "size": size} for kind in ("call", "put", "perpetual")]}
        (tmp_path / f"{size}.json").write_text(json.dumps(made))
        assert run("epoch", "build", "--book", tmp_path / f"{size}.json", "--model", FIXTURES / "model.toml",
                   "--statement", STATEMENT, "--out", tmp_path / size).code == 0
        assert site.consent(tmp_path / f"{size}.consent.json").code == 0
        done = site.run("contract", "register", *site.there, "--consent", tmp_path / f"{size}.consent.json", "--from",
                        site.world.venue, "--opening", site.home / "salt.json", "--epoch", tmp_path / size,
                        "--expect-portfolio", STRADDLE)
        assert done.code == (0 if fits else 1), done
        assert (done.data["transaction"] is not None) == fits
        assert site.show().data["version"] == int(fits)
    assert all(position["agrees"] for position in done.data["positions"])


def test_a_venue_that_does_not_look_is_told_so(site: Site, tmp_path: Path) -> None:
    assert site.consent(tmp_path / "consent.json").code == 0
    done = site.register(tmp_path / "consent.json")
    assert (done.code, done.data["positions_checked"]) == (0, False)


def test_an_opening_of_another_statement_is_not_consented_to(site: Site, run: Run, tmp_path: Path) -> None:
    there = json.loads((site.home / "salt.json").read_text())
    there["statement"] = "margin-full-256x32"
    other = tmp_path / "other.json"
    other.touch(mode=0o600)
    other.write_text(json.dumps(there))
    assert site.consent(tmp_path / "c.json", opening=other).code == 2


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
    assert false["epoch root"] == (element(root + 1), element(root))
    assert false["commitment"] == (element(int(commitment)), "123")
    assert false["constraint system"][0] == "0" * 64
    assert false["constraint system"][1] == tailproof.KeyDirectory.load(site.key).r1cs_digest
    text = CliRunner().invoke(main, ["verify", str(altered), "--key", str(site.key), "--epoch", str(site.epoch),
                                     "--commitment", "123"]).stdout
    for side in (element(root), element(root + 1), element(int(commitment)), "123"):
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
    if param.name in ("venue", "account", "address") or isinstance(param.type, Address):
        return "0x" + "11" * 20
    if isinstance(param.type, Time):
        return "2090-01-01T00:00:00Z"
    if isinstance(param.type, Entry):
        return f"0x{'11' * 20}:1:absent"
    if isinstance(param.type, Member):
        return f"0x{'11' * 20}:0x{'22' * 20}"
    if param.name == "statement":
        return STATEMENT
    if isinstance(param.type, click.types.IntParamType):
        return "100"
    if isinstance(param.type, click.Choice):
        return str(param.type.choices[0])
    return "http://127.0.0.1:9" if param.name == "rpc" else str(there / f"absent-{param.name}")


JOURNALS = {("keeper", "run", "journal"), ("keeper", "guard", "journal"), ("keeper", "guard", "allowance"),
            ("relay", "run", "log"), ("venue", "run", "log"), ("venue", "signer", "log"), ("venue", "signer", "out"),
            ("venue", "replay", "out")}
"""Read once the chain has said whose they are; logs, which are appended to; folders that are gone on with."""
WRITERS = [(path, command, param.name) for path, command in commands(main) for param in command.params  # type: ignore[arg-type]
           # which go on in files of their own schemas, in no others
           if (*path, param.name) not in JOURNALS and path != ("oracle", "watch")
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
        there.write_text('{"schema": "tailproof.deployment/2"}')
        arguments += ["--rpc", "http://127.0.0.1:9"]
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
    answer = run("contract", "deploy", "--config", tmp_path / "absent", "--rpc", url_of(site.world.chain), "--out",
                 copy)
    assert answer.code == 2
    assert "never overwritten" in answer.data["message"]
    assert copy.read_bytes() == (site.home / "deployment.json").read_bytes()
