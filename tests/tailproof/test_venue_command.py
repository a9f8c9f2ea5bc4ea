"""`venue prove`: a folder of accounts in, a folder of bundles out; what is wrong with one stops no other."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from farm_site import EPOCH_ID, VERSION, Farm, account, begin_quickly, make

from primitives.errors import BadInput
from tailproof.farm.accounts import read_accounts
from tailproof.farm.transport import Tls, encrypted, require_safe, require_safe_workers

Run = Callable[..., Any]
ACCOUNTS = 4
cloudpickle.register_pickle_by_value(sys.modules[__name__])            # workers cannot import tests


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Farm:
    begin_quickly()
    return make(tmp_path_factory.mktemp("venue") / "home", accounts=ACCOUNTS)


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "2")


def prove(run: Run, farm: Farm, folder: Path, out: Path, *more: object) -> Any:
    return run("venue", "prove", farm.home / "epoch", "--portfolios", folder, "--key", farm.home / "key",
               "--deployment", farm.home / "deployment.json", "--epoch-id", EPOCH_ID, "--out", out, *more)


def name(number: int) -> str:
    return f"{account(number)}-{VERSION}.json"


def states(answer: Any) -> dict[str, str]:
    return {one["account"]: one["state"] for one in answer.data["accounts"]}


@pytest.fixture
def folder(farm: Farm, tmp_path: Path) -> Path:
    return Path(shutil.copytree(farm.home / "in", tmp_path / "in"))


def test_a_bad_account_among_many_stops_no_other_and_what_is_proven_is_not_again(
        run: Run, farm: Farm, folder: Path, tmp_path: Path) -> None:
    """One opening opens nothing, one file is none, one may be read by others: each is told as what it is."""
    replace(farm.openings[account(2)], commitment=7).save(folder / "x")
    (folder / "x").rename(folder / name(2))
    (folder / name(3)).write_text("{")
    (folder / name(3)).chmod(0o600)
    shutil.copyfile(folder / name(1), folder / name(9))
    (folder / name(9)).chmod(0o644)
    out = tmp_path / "new" / "out"
    answer = prove(run, farm, folder, out)
    assert answer.code == 1
    assert answer.data["counts"] == {"proven": 2, "refused": 3}
    assert states(answer) == {account(1): "proven", account(2): "refused", account(3): "refused", account(4): "proven",
                              account(9): "refused"}
    assert [one["field"] for one in answer.data["accounts"] if one["state"] == "refused"] == \
        ["opening.commitment", "line 1, column 2", "mode of the salt file"]
    text = json.dumps(answer.data) + answer.stderr
    assert not any(str(opening.salt) in text for opening in farm.openings.values())
    for number in (1, 4):
        bundle = out / f"{account(number)}-{EPOCH_ID}-{VERSION}.json"
        assert run("verify", bundle, "--key", farm.home / "key", "--epoch", farm.home / "epoch", "--commitment",
                   farm.openings[account(number)].commitment).code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}

    shutil.copyfile(farm.home / "in" / name(2), folder / name(2))
    (folder / name(3)).unlink()
    (folder / name(9)).unlink()
    answer = prove(run, farm, folder, out, "--workers", 1)
    assert (answer.code, answer.data["counts"]) == (0, {"kept": 2, "proven": 1})
    assert {path: path.read_bytes() for path in before} == before

    first, last = (out / f"{account(number)}-{EPOCH_ID}-{VERSION}.json" for number in (1, 4))
    last.write_bytes(first.read_bytes())           # it proves something, and not what its name says
    answer = prove(run, farm, folder, out)
    assert (answer.code, states(answer)[account(4)]) == (1, "refused")
    assert answer.data["counts"] == {"kept": 2, "refused": 1}


@pytest.mark.parametrize(("change", "field"), [
    (lambda folder: (folder / "notes.json").write_text("{}"), "name of a salt file"),
    (lambda folder: shutil.copyfile(folder / name(1), folder / f"{account(1)}-4.json"), "account"),
    (lambda folder: (folder / name(1)).rename(folder / f"{account(1)}-1099511627776.json"), "name of a salt file"),
    (lambda folder: (folder / name(1)).rename(folder / f"{account(1)}-03.json"), "name of a salt file"),
    (lambda folder: [path.unlink() for path in folder.iterdir()], "--portfolios"),
    (shutil.rmtree, "--portfolios")])
def test_a_folder_that_cannot_be_meant_is_refused_before_any_work(
        run: Run, farm: Farm, folder: Path, tmp_path: Path, change: Callable[[Path], object], field: str) -> None:
    assert len(read_accounts(folder)) == ACCOUNTS
    change(folder)
    answer = prove(run, farm, folder, tmp_path / "out")
    assert (answer.code, answer.data["field"]) == (2, field)
    assert not (tmp_path / "out").exists()


def test_a_version_is_in_the_name_or_on_the_chain(run: Run, farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(farm.home / "in" / name(1), tmp_path / "in" / f"{account(1)}.json")
    answer = prove(run, farm, tmp_path / "in", tmp_path / "out")
    assert (answer.code, answer.data["counts"]) == (1, {"refused": 1})
    assert answer.data["accounts"][0]["field"] == "name of the salt file"


def test_openings_of_many_are_in_no_core_dump(run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    """Neither of a worker nor of who sends them there."""
    said = list[str]()
    monkeypatch.setattr("tailproof.cli.venue.without_core_dumps", lambda: said.append("none"))
    assert prove(run, farm, tmp_path / "absent", tmp_path / "out").code == 2
    assert said == ["none"]


def test_bundles_do_not_go_among_salt_files(run: Run, farm: Farm, folder: Path) -> None:
    answer = prove(run, farm, folder, folder)
    assert (answer.code, answer.data["field"]) == (2, "--out")


def run_out_of_memory() -> None:
    """Make a worker fail for an account, whoever tries."""
    from tailproof.farm import worker
    honest = worker.prove_margin

    def failing(keys: Any, epoch: Any, opening: Any, context: Any) -> Any:
        if context.account == account(3):
            raise MemoryError(repr(opening))
        return honest(keys, epoch, opening, context)
    worker.prove_margin = failing


def test_what_nobody_could_find_out_is_tried_again_by_the_same_command(
        run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tailproof.farm import cluster
    honest = cluster.local

    @contextmanager
    def local(workers: int) -> Iterator[Any]:
        with honest(workers) as client:
            client.run(run_out_of_memory)
            yield client
    monkeypatch.setattr(cluster, "local", local)
    answer = prove(run, farm, farm.home / "in", tmp_path / "out")
    assert (answer.code, answer.data["error"]) == (3, "Unfinished")
    assert answer.data["counts"] == {"proven": ACCOUNTS - 1, "lost": 1}
    (lost,) = (one for one in answer.data["accounts"] if one["state"] == "lost")
    assert (lost["account"], lost["reason"], lost["attempts"]) == (account(3), "MemoryError", 3)
    monkeypatch.setattr(cluster, "local", honest)
    answer = prove(run, farm, farm.home / "in", tmp_path / "out")
    assert (answer.code, answer.data["counts"]) == (0, {"kept": ACCOUNTS - 1, "proven": 1})


# -- over a network ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("address", "safe"), [
    ("tls://10.0.0.1:8786", True), ("tls://farm.example:8786", True), ("tcp://127.0.0.1:8786", True),
    ("tcp://[::1]:8786", True), ("tcp://localhost:8786", True), ("tcp://10.0.0.1:8786", False),
    ("tcp://0.0.0.0:8786", False), ("tcp://farm.example:8786", False), ("tcp://127.0.0.1.example:8786", False),
    ("tcp://127.0.0.1@10.0.0.1:8786", False)])
def test_portfolios_leave_this_machine_encrypted_or_not_at_all(address: str, safe: bool) -> None:
    assert encrypted(address) == safe
    given = Tls(*[Path("x")] * 3) if address.startswith("tls") else None
    if safe:
        require_safe(address, given, insecure=False)
        require_safe_workers([address], insecure=False)
    else:
        with pytest.raises(BadInput):
            require_safe(address, given, insecure=False)
        with pytest.raises(BadInput):
            require_safe_workers(["tls://a:1", address], insecure=False)
        require_safe_workers([address], insecure=True)


@pytest.mark.parametrize("address", ["", "farm:8786", "tls://farm", "tls://farm:x", "ws://127.0.0.1:1", "inproc://a:1",
                                     "tls://:1", "tls://a:1/b", "tls://10.0.0.1:8786"])
def test_other_addresses_are_refused_whatever_one_insists_on(address: str) -> None:
    with pytest.raises(BadInput):
        require_safe(address, None, insecure=True)


@pytest.mark.parametrize("options", [
    ("--scheduler", "tcp://192.0.2.1:8786"), ("--scheduler", "tls://192.0.2.1:8786"), ("--insecure",),
    ("--scheduler", "tcp://127.0.0.1:1", "--workers", 1), ("--workers", 3), ("--tls-ca", "x"),
    ("--scheduler", "tls://127.0.0.1:1", "--tls-ca", "x"),
    ("--scheduler", "tls://127.0.0.1:1", "--tls-ca", "absent", "--tls-cert", "absent", "--tls-key", "absent")])
def test_options_that_cannot_be_meant_are_refused(run: Run, farm: Farm, tmp_path: Path, options: tuple[object, ...]
                                                 ) -> None:
    assert prove(run, farm, farm.home / "in", tmp_path / "out", *options).code == 2


def test_who_insists_is_warned_and_a_scheduler_that_is_not_there_is_nobodys_mistake(
        run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tailproof.farm import cluster
    monkeypatch.setattr(cluster.remote.__wrapped__, "__kwdefaults__", {"insecure": False, "patience": 0.5})
    answer = prove(run, farm, farm.home / "in", tmp_path / "out", "--scheduler", "tcp://192.0.2.1:8786", "--insecure")
    assert (answer.code, answer.data["error"]) == (3, "NoWorkers")
    assert "INSECURE" in answer.stderr


@contextmanager
def scheduler(tmp_path: Path, **options: Any) -> Iterator[tuple[object, ...]]:
    """A scheduler with a worker, and the options that lead to it; its certificate signs itself."""
    from distributed import LocalCluster, Security
    made = Security.temporary()
    for file, text in (("ca.pem", made.tls_ca_file), ("cert.pem", made.tls_client_cert),
                       ("key.pem", made.tls_client_key)):
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o600)
    with LocalCluster(
            n_workers=1, threads_per_worker=1, security=made, protocol="tls://", dashboard_address=None,
            local_directory=str(tmp_path), silence_logs=50, **options) as cluster:
        yield ("--scheduler", cluster.scheduler_address, "--tls-ca", tmp_path / "ca.pem", "--tls-cert",
               tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")


def test_a_scheduler_is_used_over_tls_and_by_nobody_without_its_authority(
        run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Security

    from tailproof.farm import cluster
    with scheduler(tmp_path, memory_limit=0) as options:
        answer = prove(run, farm, farm.home / "in", tmp_path / "out", *options)
        assert (answer.code, answer.data["counts"]) == (0, {"proven": ACCOUNTS})
        monkeypatch.setattr(cluster.remote.__wrapped__, "__kwdefaults__", {"insecure": False, "patience": 2.0})
        stranger = Security.temporary()
        (tmp_path / "cert.pem").write_text(stranger.tls_client_cert)
        (tmp_path / "key.pem").write_text(stranger.tls_client_key)
        assert prove(run, farm, farm.home / "in", tmp_path / "2", *options).code == 3          # not let in
        (tmp_path / "key.pem").chmod(0o644)
        assert prove(run, farm, farm.home / "in", tmp_path / "3", *options).code == 2          # a key for everybody
    assert len(list((tmp_path / "out").iterdir())) == ACCOUNTS


def test_a_worker_that_moves_memory_to_disk_is_given_no_opening(run: Run, farm: Farm, tmp_path: Path) -> None:
    with scheduler(tmp_path, memory_limit="2GB") as options:
        answer = prove(run, farm, farm.home / "in", tmp_path / "out", *options)
    assert (answer.code, answer.data["field"]) == (2, "worker")
    assert "--memory-limit 0" in answer.data["message"]


def test_a_worker_with_another_key_is_refused_before_any_opening_travels(farm: Farm) -> None:
    from tailproof.farm import cluster
    from tailproof.farm.dispatch import Dispatch
    with cluster.local(1) as client:
        for site in (replace(farm.site, key_digest="0x" + "11" * 32), replace(farm.site, root=7),
                     replace(farm.site, key=str(farm.home / "absent"))):
            with pytest.raises(BadInput, match="able to open key and epoch"):
                Dispatch(client, farm.keys, farm.epoch, site).require_ready()
        Dispatch(client, farm.keys, farm.epoch, farm.site).require_ready()
