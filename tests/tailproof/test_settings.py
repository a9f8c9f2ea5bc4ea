"""Where nobody types an option: environment, profile, file; each in its order, and what none of them may say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from margin_site import system_file

from primitives.errors import BadInput
from tailproof import settings
from tailproof.cli import main, setting
from tailproof.cli.node import Gwei
from tailproof.cli.setting import Setting

Run = Callable[..., Any]
ADDRESS = "0x" + "11" * 20
DEAD = "http://127.0.0.1:9"
SECRET = "ab" * 32


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with a folder of work, in which one is."""
    (tmp_path / "home" / "work" / "deep").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "work")
    return tmp_path / "home"


def write(folder: Path, text: str) -> Path:
    (folder / settings.FILE).write_text(text)
    return folder / settings.FILE


@click.command()
@click.option("--timeout", cls=Setting, type=int, default=120)
@click.option("--rpc", cls=Setting, filled=lambda typed: "alone" not in typed)
@click.option("--max-fee", cls=Setting, type=Gwei())
@click.option("--signer", "signer_url", cls=Setting)
@click.option("--keystore", cls=Setting)
@click.option("--passphrase-file", cls=Setting)
@click.option("--from", "sender", cls=Setting)
@click.option("--alone", is_flag=True)
@click.option("--profile")
@click.pass_context
def told(ctx: click.Context, **given: Any) -> None:
    click.echo(json.dumps(given))


def values(*arguments: str, profile: str | None = None) -> dict[str, Any]:
    """What a command sees."""
    setting.begin()
    with click.Context(told, info_name="told") as parent:
        parent.meta[setting.PROFILE] = profile
        context = told.make_context("told", list(arguments), parent=parent)
    return dict(context.params)


# -- precedence ----------------------------------------------------------------------------------------------------
def test_an_option_goes_before_environment_profile_top_and_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert values()["timeout"] == 120
    write(home / "work", "timeout = 60\n[profiles.a]\ntimeout = 50\n[profiles.b]\nrpc = 'http://b'\n")
    assert values()["timeout"] == 60
    assert values(profile="b")["timeout"] == 60                # a profile that does not say leaves the top's
    assert values(profile="a")["timeout"] == 50
    monkeypatch.setenv("TAILPROOF_TIMEOUT", "40")
    assert values(profile="a")["timeout"] == 40
    assert values("--timeout", "30", profile="a")["timeout"] == 30


def test_a_profile_is_chosen_by_option_environment_or_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "work", "profile = 'a'\n" + "".join(f"[profiles.{name}]\ntimeout = {at}\n" for at, name in
                                                     enumerate("abc", 1)))
    assert values()["timeout"] == 1
    monkeypatch.setenv("TAILPROOF_PROFILE", "b")
    assert values()["timeout"] == 2
    assert values(profile="c")["timeout"] == 3


def test_gas_is_in_gwei_as_on_the_command_line(home: Path) -> None:
    write(home / "work", "max-fee = 7")
    assert values()["max_fee"] == 7 * 10**9
    write(home / "work", "max-fee = '0.5'")
    assert values()["max_fee"] == 5 * 10**8


# -- where the file is ---------------------------------------------------------------------------------------------
def test_the_nearest_file_up_to_the_home_directory_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "work" / "deep")
    write(home.parent, "timeout = 1")                          # above the home directory
    assert settings.find() is None
    inside = write(home, "timeout = 2")
    assert settings.find() == inside
    nearer = write(home / "work", "timeout = 3")
    assert settings.find() == nearer
    named = write(home.parent, "timeout = 4")
    monkeypatch.setenv("TAILPROOF_CONFIG", str(named))
    assert values()["timeout"] == 4


def test_a_repository_is_not_left_and_a_folder_in_neither_looks_no_higher(home: Path, tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "timeout = 2")
    (home / "work" / ".git").mkdir()
    monkeypatch.chdir(home / "work" / "deep")
    assert settings.find() is None
    shared = tmp_path / "shared" / "folder"
    shared.mkdir(parents=True)
    write(shared.parent, "timeout = 1")
    monkeypatch.chdir(shared)
    assert settings.find() is None
    own = write(shared, "timeout = 5")
    assert settings.find() == own


def test_the_users_file_counts_where_none_is_nearer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click, "get_app_dir", lambda name: str(home / "config" / name))
    (home / "config" / "tailproof").mkdir(parents=True)
    path = write(home / "config" / "tailproof", "timeout = 9")
    assert settings.find() == path
    nearer = write(home / "work", "timeout = 8")
    assert settings.find() == nearer


def test_a_file_of_another_users_is_refused_unless_it_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home / "work", "timeout = 3")
    owner = path.stat().st_uid
    monkeypatch.setattr("os.fstat", _owned_by(owner + 7))
    with pytest.raises(BadInput, match="owner is") as refused:
        settings.load()
    assert refused.value.source == str(path)
    monkeypatch.setenv("TAILPROOF_CONFIG", str(path))
    assert settings.load().given["timeout"].value == "3"


def _owned_by(user: int) -> Callable[[int], Any]:
    import os
    real = os.fstat

    class Stat:
        def __init__(self, number: int) -> None:
            self._found = real(number)

        def __getattr__(self, name: str) -> Any:
            return user if name == "st_uid" else getattr(self._found, name)

    return Stat


def test_paths_are_from_where_the_file_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "work", "deployment = 'contracts.json'\nkeystore = '/abs/k.json'\noutbox = 'relay.db'\n")
    monkeypatch.chdir(home / "work" / "deep")
    given = settings.load().given
    assert given["deployment"].value == str(home / "work" / "contracts.json")
    assert given["keystore"].value == "/abs/k.json"
    assert given["outbox"].value == str(home / "work" / "relay.db")


# -- what is refused -----------------------------------------------------------------------------------------------
REFUSED = [
    ("rpcc = 'http://a'", "rpcc", "did you mean rpc?"),
    ("chain_id = 1", "chain_id", "did you mean chain-id?"),
    ("[profiles.a]\nconfirmation = 1", "profiles.a.confirmation", "did you mean confirmations?"),
    ("[profile.a]\nrpc = 'http://a'", "profile", "name of a profile"),
    ("profile = 'b'\n[profiles.a]\n", "profile", "known are a"),
    ("profiles = 1", "profiles", "tables"),
    ("profiles.a = 1", "profiles.a", "a table"),
    ("[profiles.'a b']", "profiles", "names of letters"),
    ("timeout = 0", "timeout", "[1, 86400]"),
    ("timeout = '60'", "timeout", "an integer"),
    ("chain-id = true", "chain-id", "an integer"),
    ("confirmations = 10001", "confirmations", "[1, 10000]"),
    ("gas-limit = 1", "gas-limit", "[21000,"),
    ("max-fee = 0", "max-fee", "positive"),
    ("max-fee = 0.5", "max-fee", "gwei"),
    ("max-fee = '1e3'", "max-fee", "gwei"),
    ("rpc = 'localhost:8545'", "rpc", "http"),
    ("rpc = ''", "rpc", "not empty"),
    ("deployment = 5", "deployment", "not empty"),
    ("from = '0x12'", "from", "address"),
    ("signer = 'http://s'\nkeystore = 'k'", "signer", "one of them signs"),
    ("timeout = ", "TOML document", "valid TOML"),
    ("[profiles.other]\ntimeout = 0\n[profiles.a]\n", "profiles.other.timeout", "[1, 86400]"),   # a profile not chosen
]


@pytest.mark.parametrize(("text", "field", "bound"), REFUSED)
def test_a_file_is_refused_by_file_key_value_and_bound(home: Path, text: str, field: str, bound: str) -> None:
    path = write(home / "work", text)
    with pytest.raises(BadInput) as refused:
        settings.load()
    assert refused.value.field == field
    assert bound in refused.value.bound
    assert str(path) in str(refused.value.source)


@pytest.mark.parametrize("text", [
    f"private-key = '{SECRET}'", f"private_key = '0x{SECRET}'", "passphrase = 'SECRET'", "password = 'SECRET'",
    "api-key = 'SECRET'", "token = 'SECRET'", "mnemonic = 'SECRET'", f"[profiles.a]\nfrom = '0x{SECRET}'",
    f"deployment = '{SECRET}'", f"unknown = '{SECRET}'", "rpc = 'https://me:SECRET@node.example'",
    "signer = 'https://me:SECRET@node.example'", "outbox = 'postgresql://me:SECRET@host/name'",
    "outbox = 'PostgreSQL://me:SECRET@host/name'", "outbox = 'postgresql://me:SEC/RET@SECRET@host/name'",
    "outbox = 'postgresql://host/name?sslmode=require&password=SECRET'", "rpc = 'https://SECRET@node.example'"])
def test_a_secret_is_refused_and_not_repeated(home: Path, text: str) -> None:
    write(home / "work", text)
    with pytest.raises(BadInput) as refused:
        settings.load()
    assert "(hidden)" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(("name", "value", "bound"), [
    ("TAILPROOF_TIMEOUT", "0", "[1, 86400]"), ("TAILPROOF_CHAIN_ID", "one", "decimal"),
    ("TAILPROOF_FROM", "0x12", "address"), ("TAILPROOF_RPC", "node", "http"), ("TAILPROOF_MAX_FEE", "-1", "gwei"),
    ("TAILPROOF_PROFILE", "a", "a profile")])
def test_the_environment_is_refused_by_name_value_and_bound(home: Path, monkeypatch: pytest.MonkeyPatch, name: str,
                                                            value: str, bound: str) -> None:
    settings.load()
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=r"^\$" + name) as refused:
        settings.load()
    assert bound in refused.value.bound


def test_the_environment_may_hold_what_the_file_may_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_RPC", "https://me:SECRET@node.example/path")
    for place in ("me:SECRET@host/name", "me:a/SECRET@b@host/name", "host/name?password=SECRET"):
        monkeypatch.setenv("TAILPROOF_OUTBOX", "postgresql://" + place)
        given = settings.load().given
        assert "SECRET" in given["rpc"].value
        assert "host/name" in settings.shown("outbox", given["outbox"].value)
        for name in ("rpc", "outbox"):
            assert "SECRET" not in settings.shown(name, given[name].value)
            assert "path" not in settings.shown(name, given[name].value)
    assert settings.shown("outbox", "/a/b?c@d.db") == "/a/b?c@d.db"


# -- who signs is one choice -----------------------------------------------------------------------------------------
def test_who_signs_is_said_in_one_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "work", f"signer = 'http://s'\nfrom = '{ADDRESS}'\n"
                         "[profiles.k]\nkeystore = '/k'\npassphrase-file = '/p'\n")
    assert values()["signer_url"] == "http://s"
    chosen = values(profile="k")
    assert (chosen["signer_url"], chosen["keystore"], chosen["passphrase_file"]) == (None, "/k", "/p")
    typed = values("--keystore", "/own", profile="k")
    assert (typed["keystore"], typed["passphrase_file"], typed["sender"]) == ("/own", None, ADDRESS)
    typed = values("--signer", "http://t", profile="k")
    assert (typed["signer_url"], typed["keystore"], typed["passphrase_file"]) == ("http://t", None, None)
    monkeypatch.setenv("TAILPROOF_KEYSTORE", "/env")
    found = values()
    assert (found["signer_url"], found["keystore"]) == (None, "/env")
    monkeypatch.delenv("TAILPROOF_KEYSTORE")
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", SECRET)         # who signs this once
    found = values(profile="k")
    assert (found["signer_url"], found["keystore"], found["passphrase_file"], found["sender"]) == (None,) * 4


# -- commands ------------------------------------------------------------------------------------------------------
def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def test_every_option_that_repeats_can_be_set(home: Path) -> None:
    """`--passphrase-file` of a wallet is another one: whose passphrase it is, no setting knows. `config new` writes
    what it is told, and nothing that is set already."""
    counted = 0
    for path, command in commands(main):
        if path == ("config", "new"):
            assert {f"--{name}" for name in settings.NAMES} <= {param.opts[0] for param in command.params}
            continue
        names = {option: param for param in command.params if isinstance(param, click.Option) for option in param.opts}
        for name in settings.NAMES:
            param = names.get(f"--{name}")
            if param is not None and (name != "passphrase-file" or "--keystore" in names):
                assert isinstance(param, Setting), (path, name)
                counted += 1
    assert counted > 500


@pytest.fixture
def deployment(home: Path) -> Path:
    return system_file(home / "work" / "contracts.json", "margin-toy", bytes(32), chain_id=1)


def test_a_command_needs_no_option_that_is_configured(run: Run, home: Path, deployment: Path) -> None:
    lacking = run("contract", "show", "--account", ADDRESS)
    assert (lacking.code, lacking.data["field"]) == (2, "--deployment")
    assert "$TAILPROOF_DEPLOYMENT" in lacking.data["message"], "and where else it may stand is told"
    assert "config new" in lacking.data["message"]
    write(home / "work", f"[profiles.dead]\ndeployment = 'contracts.json'\nrpc = '{DEAD}'\n")
    assert run("contract", "show", "--account", ADDRESS).code == 2          # no profile is chosen
    answer = run("--profile", "dead", "contract", "show", "--account", ADDRESS)
    assert answer.code == 3                                                # the node was asked, and is dead
    assert "127.0.0.1:9" in answer.data["message"]


def test_what_is_wrong_with_a_filled_option_is_told_of_its_place(run: Run, home: Path, deployment: Path) -> None:
    path = write(home / "work", f"deployment = 'contracts.json'\nrpc = '{DEAD}'\nkeystore = 'k.json'\n")
    answer = run("vault", "deposit", "--amount", "1", "--dry-run", "--signer", "http://127.0.0.1:9")
    assert answer.code == 3                                                # the signer typed stands for the keystore
    (home / "pass").write_text("x")
    path.write_text(f"deployment = 'contracts.json'\nrpc = '{DEAD}'\npassphrase-file = '/p'\n")
    answer = run("vault", "deposit", "--amount", "1")
    assert (answer.code, answer.data["field"]) == (2, "--passphrase-file")
    assert answer.data["source"] == f"{path}: passphrase-file"
    typed = run("vault", "deposit", "--amount", "1", "--passphrase-file", "/q")
    assert (typed.code, typed.data["source"]) == (2, None)


def test_what_is_left_out_on_purpose_is_not_filled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_RPC", DEAD)
    assert values()["rpc"] == DEAD
    assert values("--alone")["rpc"] is None
    found = dict(commands(main))

    def filled(words: tuple[str, ...], option: str, typed: set[str]) -> bool:
        (param,) = (one for one in found[words].params if option in one.opts)
        assert isinstance(param, Setting)
        return param._filled is None or param._filled(dict.fromkeys(typed))

    assert not filled(("contract", "deploy"), "--rpc", {"config"})           # a trial
    assert filled(("contract", "deploy"), "--rpc", {"config", "out"})
    for option in ("--rpc", "--deployment"):
        assert not filled(("audit", "make"), option, {"archive"})             # offline
        assert filled(("audit", "make"), option, {"rpc"})
    assert filled(("prove",), "--rpc", set())


VALUES = {"rpc": "https://node.example/a?b='c\"", "deployment": "contracts \u00e9\x7f.json", "chain-id": "1",
          "timeout": "60", "max-fee": "1.5", "gas-limit": "30000", "confirmations": "3", "keystore": "/k/key.json",
          "passphrase-file": "pass", "from": ADDRESS, "outbox": "relay.db"}


@pytest.mark.parametrize("profile", [None, "trial"])
def test_a_file_that_is_written_is_read_as_it_was_told(run: Run, home: Path, profile: str | None) -> None:
    more = () if profile is None else ("--profile", profile)
    answer = run("config", "new", *(word for name, value in VALUES.items() for word in (f"--{name}", value)), *more)
    assert answer.code == 0, answer.data
    assert answer.data["settings"][0] == {"name": "rpc", "value": "https://node.example/…"}, "a path may be a secret"
    assert (home / "work" / "tailproof.toml").stat().st_mode & 0o777 == 0o600
    found = settings.load()
    assert found.profile == profile
    paths = ("deployment", "passphrase-file", "outbox")
    assert {name: one.value for name, one in found.given.items()} == {
        name: str(home / "work" / value) if name in paths else value for name, value in VALUES.items()}
    assert run("config", "new", "--timeout", 5).data["field"] == "--out", "what exists is not overwritten"


def test_a_file_elsewhere_has_paths_from_where_it_is(run: Run, home: Path) -> None:
    answer = run("config", "new", "--deployment", "contracts.json", "--out", home / "settings.toml")
    assert answer.code == 0
    given = settings.given_by((home / "settings.toml").read_bytes(), home / "settings.toml", None)
    assert given["deployment"].value == str(home / "work" / "contracts.json")


@pytest.mark.parametrize(("words", "field"), [
    ((), "settings"), (("--rpc", "https://me:pw@node.example"), "rpc"), (("--timeout", "0"), "timeout"),
    (("--timeout", "soon"), "timeout"), (("--outbox", "postgresql://me:pw@host/name"), "outbox"),
    (("--rpc", "nowhere"), "rpc"), (("--from", "0x12"), "from"),
    (("--signer", "http://s", "--keystore", "k"), "signer"),
    (("--timeout", "5", "--profile", "a]\nrpc = 'http://evil'\n[profiles.b"), "--profile"),
    (("--keystore", SECRET), "keystore")])
def test_a_file_that_nobody_could_read_is_not_written(run: Run, home: Path, words: tuple[str, ...], field: str) -> None:
    answer = run("config", "new", *words)
    assert (answer.code, answer.data["field"].split(".")[-1]) == (2, field), answer.data
    assert "pw" not in answer.data["message"]
    assert SECRET not in answer.data["message"]
    assert not (home / "work" / settings.FILE).exists()


def test_config_show_says_where_each_value_stands(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home / "work", "profile = 'a'\ntimeout = 60\n[profiles.a]\nrpc = 'https://node.example/v3/SECRET'\n")
    monkeypatch.setenv("TAILPROOF_CHAIN_ID", "5")
    monkeypatch.setenv("TAILPROOF_RCP", "http://a")
    answer = run("config", "show")
    assert answer.code == 0
    assert (answer.data["file"], answer.data["profile"]) == (str(path), "a")
    rows = {row["name"]: (row["value"], row["source"]) for row in answer.data["settings"]}
    assert tuple(rows) == settings.NAMES
    assert rows["timeout"] == ("60", f"{path}: timeout")
    assert rows["rpc"] == ("https://node.example/…", f"{path}: profiles.a.rpc")
    assert rows["chain-id"] == ("5", "$TAILPROOF_CHAIN_ID")
    assert rows["from"] == (None, None)
    assert "$TAILPROOF_RCP is read by nobody; did you mean TAILPROOF_RPC?" in answer.stderr
    text = CliRunner().invoke(main, ["config", "show"]).stdout
    assert "SECRET" not in text
    assert f"file     {path}" in text
    assert "profiles.a.rpc" in text


def test_config_show_refuses_what_every_command_refuses(run: Run, home: Path) -> None:
    path = write(home / "work", "timeout = 0")
    answer = run("config", "show")
    assert (answer.code, answer.data["source"], answer.data["field"]) == (2, str(path), "timeout")
    assert run("statement", "list").code == 0                  # which nothing is set for
