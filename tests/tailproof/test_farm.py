"""Proofs for many accounts on many processes: the same as by one, whatever workers do; and nothing secret is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import requests
from farm_site import Farm, account, begin_quickly, make

from primitives.errors import BadInput, Unsatisfied
from tailproof.attestation import prove_margin
from tailproof.auditing import audit
from tailproof.farm import cluster
from tailproof.farm.dispatch import Dispatch, Result, Tally
from tailproof.farm.work import Answer, Refusal
from tailproof.keys import KeyDirectory, OpenedKey

ACCOUNTS = 6
cloudpickle.register_pickle_by_value(sys.modules[__name__])            # workers cannot import tests


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Farm:
    begin_quickly()
    return make(tmp_path_factory.mktemp("farm") / "home", accounts=ACCOUNTS)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of two workers."""
    monkeypatch.setenv("TAILPROOF_THREADS", "2")
    with cluster.local(2) as client:
        yield client


def proven(client: Any, farm: Farm, **options: Any) -> tuple[Dispatch, list[Result], list[Tally]]:
    dispatch = Dispatch(client, farm.keys, farm.epoch, farm.site, **options)
    results, tallies = list[Result](), list[Tally]()
    dispatch.run(farm.jobs(), ACCOUNTS, told=results.append, tally=tallies.append)
    assert sorted(result.job.context.account for result in results) == sorted(farm.openings)       # each once
    return dispatch, results, tallies


def require_all_true(farm: Farm, results: list[Result]) -> None:
    for result in results:
        assert result.bundle is not None, (result.refusal, result.lost)
        assert result.bundle.context == result.job.context
        checks = audit(result.bundle, farm.keys.verification_key(), epoch_root=farm.epoch.root, shape=farm.epoch.shape,
                       key_circuit=farm.keys.r1cs_digest, commitment=result.job.opening.commitment)
        assert all(check.holds for check in checks)


def test_bundles_are_those_of_one_process_up_to_randomness(two: Any, farm: Farm) -> None:
    dispatch = Dispatch(two, farm.keys, farm.epoch, farm.site)
    dispatch.require_ready()
    dispatch, results, tallies = proven(two, farm)
    require_all_true(farm, results)
    for result in results:
        alone = prove_margin(farm.keys, farm.epoch, result.job.opening, result.job.context)
        assert result.bundle is not None
        assert result.bundle.proof != alone.proof
        assert replace(result.bundle, proof=alone.proof) == alone
    assert dispatch.most_at_once == 4 < ACCOUNTS                       # two a worker are with the scheduler
    assert [tally.done for tally in tallies] == list(range(1, ACCOUNTS + 1))
    assert tallies[-1].left == 0 < tallies[0].left                     # type: ignore[operator]
    opened = two.run(lambda: _module()._opened)
    assert [len(each) for each in opened.values()] == [1, 1]           # whatever a worker proved, its key is one


def _module() -> Any:
    from tailproof.farm import worker
    return worker


def test_a_key_of_many_proofs_is_mapped_once_and_one_of_a_single_proof_is_not_kept(farm: Farm) -> None:
    kept = OpenedKey.load(farm.home / "key")
    assert kept == OpenedKey(**vars(farm.keys))
    assert kept.proving_key() is kept.proving_key()
    assert farm.keys.proving_key() is not farm.keys.proving_key()
    job = farm.jobs()[0]
    prove_margin(kept, farm.epoch, job.opening, job.context)
    assert kept.proving_key()._prepared
    assert (kept.keeps_bases, KeyDirectory.keeps_bases) == (True, False)


# -- workers that die, fail and lie ------------------------------------------------------------------------------------
def stall_once(marker: str) -> None:
    """Make a worker's next proof tell its process id and stop there; proofs after that are honest again."""
    module = _module()
    honest = module.prove_margin

    def stalling(*given: Any) -> Any:
        try:
            with open(marker, "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return honest(*given)
        time.sleep(600)
        return None
    module.prove_margin = stalling


def test_a_worker_killed_in_mid_proof_loses_nothing(two: Any, farm: Farm, tmp_path: Path) -> None:
    marker, killed = tmp_path / "pid", list[int]()
    two.run(stall_once, str(marker))

    def kill() -> None:
        while not (marker.exists() and marker.read_text()):
            time.sleep(0.01)
        killed.append(int(marker.read_text()))
        os.kill(killed[0], signal.SIGKILL)
    before = set(two.run(os.getpid).values())
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    dispatch, results, _ = proven(two, farm)
    killer.join()
    assert set(killed) <= before
    require_all_true(farm, results)
    assert dispatch.expelled == []


def lie(kind: str) -> None:
    """Make a worker lie about every account."""
    module = _module()
    honest = module.prove_margin
    made = list[Any]()

    def lying(keys: Any, epoch: Any, opening: Any, context: Any) -> Any:
        bundle = honest(keys, epoch, opening, context)
        if kind == "less margin":
            return replace(bundle, public_inputs={**bundle.public_inputs, "margin": bundle.margin - 1})
        if kind == "another's proof":
            made.append(bundle)
            return made[0] if len(made) > 1 else replace(bundle, context=replace(context, version=9))
        raise BadInput("instrument", 7, "one of the epoch")
    module.prove_margin = lying


@pytest.mark.parametrize("kind", ["less margin", pytest.param("another's proof", marks=pytest.mark.slow),
                                  "refuses what can be proven"])
def test_a_worker_that_lies_is_sent_away_and_another_proves(two: Any, farm: Farm, kind: str) -> None:
    liar = sorted(two.nthreads())[0]
    two.run(lie, kind, workers=[liar])
    dispatch, results, _ = proven(two, farm, attempts=ACCOUNTS)
    require_all_true(farm, results)
    assert set(dispatch.expelled) == {liar}
    assert liar not in two.nthreads()


def test_where_all_lie_nothing_counts_and_nobody_is_called_unprovable(farm: Farm, monkeypatch: pytest.MonkeyPatch
                                                                     ) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    with cluster.local(1) as client:
        client.run(lie, "less margin")
        dispatch, results, _ = proven(client, farm, lonely=0.5)
    assert len(dispatch.expelled) == 1
    assert all(result.bundle is None and result.refusal is None and result.lost for result in results)


def test_a_worker_of_this_machine_that_was_sent_away_is_replaced(two: Any, farm: Farm) -> None:
    liar = sorted(two.nthreads())[0]
    two.run(lie, "less margin", workers=[liar])
    dispatch, results, _ = proven(two, farm, attempts=ACCOUNTS, renewed=lambda: cluster.renew(two))
    require_all_true(farm, results)
    assert dispatch.expelled == [liar]
    until = time.monotonic() + 60
    while len(two.nthreads()) < 2 and time.monotonic() < until:
        cluster.renew(two)
        time.sleep(0.1)
    assert (len(two.nthreads()), liar in two.nthreads()) == (2, False)
    assert cluster.renew(two) == 0


def hang(marker: str, times: int) -> None:
    """Make a worker's next proofs hang: without Python's lock, as a kernel would, and with it."""
    module = _module()
    honest = module.prove_margin

    def hanging(*given: Any) -> Any:
        import ctypes
        from pathlib import Path
        told = sorted(Path(marker).iterdir())
        if len(told) >= times:
            return honest(*given)
        (Path(marker) / f"{len(told)}-{os.getpid()}").touch()
        if len(told) % 2:
            time.sleep(600)
        else:
            ctypes.PyDLL(None).sleep(600)          # holds the lock
        return None
    module.prove_margin = hanging


def test_a_proof_that_hangs_ends_its_worker_and_another_proves(farm: Farm, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    with cluster.local(1) as client:
        before = set(client.run(os.getpid).values())
        client.run(hang, str(tmp_path), 1)
        began = time.monotonic()
        dispatch, results, _ = proven(client, farm, limit=3.0)
        assert time.monotonic() - began < 300
    require_all_true(farm, results)
    assert len(list(tmp_path.iterdir())) == 1
    assert before == {int(path.name.split("-")[1]) for path in tmp_path.iterdir()}
    assert dispatch.expelled == []


def test_a_proof_within_its_limit_ends_nothing(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog is disarmed when a proof is over, also one that fails."""
    module = _module()
    monkeypatch.setattr(module, "opened", lambda site: (farm.keys, farm.epoch))
    armed = list[float]()
    monkeypatch.setattr(module.faulthandler, "dump_traceback_later", lambda seconds, **rest: armed.append(seconds))
    monkeypatch.setattr(module.faulthandler, "cancel_dump_traceback_later", lambda: armed.append(0.0))
    assert Answer.decode(module.prove(farm.jobs()[0], farm.site, 50.0)).bundle is not None
    monkeypatch.setattr(module, "prove_margin", lambda *given: 1 / 0)
    assert Answer.decode(module.prove(farm.jobs()[0], farm.site, 70.0)).trouble == "ZeroDivisionError"
    assert [round(seconds) for seconds in armed] == [50, 0, 70, 0]


def test_few_epochs_stay_open_and_a_key_is_opened_once(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module()
    monkeypatch.setattr(module, "_opened", {})
    monkeypatch.setattr(module, "_require_memory_only", lambda here: None)
    sites = [replace(farm.site, epoch=f"{farm.home}/epoch{'/.' * number}") for number in range(6)]
    opened = [module.opened(site) for site in sites]
    assert len({id(keys) for keys, _ in opened}) == 1
    assert list(module._opened) == sites[-module.MOST_OPENED:]


def fail(*, refuse: bool) -> None:
    """Make a worker fail for an account, and refuse another, with errors that would tell their openings."""
    module = _module()
    honest = module.prove_margin

    def failing(keys: Any, epoch: Any, opening: Any, context: Any) -> Any:
        if context.account == account(2):
            raise RuntimeError(repr(opening))
        if refuse and context.account == account(3):
            raise Unsatisfied("tail/C13 gap[4]", opening.salt, "in range")
        return honest(keys, epoch, opening, context)
    module.prove_margin = failing


def test_what_a_worker_says_of_an_error_shows_no_value(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module()
    monkeypatch.setattr(module, "opened", lambda site: (farm.keys, farm.epoch))
    monkeypatch.setattr(module, "prove_margin", module.prove_margin)
    fail(refuse=True)
    job = farm.job(account(2))
    assert Answer.decode(module.prove(job, farm.site)) == Answer(trouble="RuntimeError")
    refused = module.prove(farm.job(account(3)), farm.site)
    assert Answer.decode(refused) == Answer(refusal=Refusal("Unsatisfied", "tail/C13 gap[4]", "in range"))
    for text in (repr(job), str(job), refused):
        assert not any(str(opening.salt) in text for opening in farm.openings.values())
    assert str(job.opening.salt) in repr(job.opening)                  # which is why a job has a repr of its own


@pytest.mark.parametrize("text", [7, None, "", "[]", "{}", '{"bundle": {}}', '{"refusal": {}}', '{"trouble": 7}',
                                  '{"trouble": "x", "refusal": {"error": "a", "field": "b", "bound": "c"}}'])
def test_an_answer_is_read_as_a_strangers(text: Any) -> None:
    with pytest.raises(BadInput):
        Answer.decode(text)


# -- what is left behind -----------------------------------------------------------------------------------------------
SCRIPT = """
import logging, sys
from contextlib import suppress
from dataclasses import replace
sys.path[:0] = {path!r}
from pathlib import Path
import test_farm
from farm_site import make
from tailproof.farm import cluster, worker
from tailproof.farm.dispatch import Dispatch
from test_farm import fail, forget

if __name__ == "__main__":
    farm = make(Path("home"), accounts=4)
    with cluster.local(1, log_level=logging.DEBUG, folder="left") as client:
        client.run(fail, refuse=False)
        jobs, results = farm.jobs(), []
        jobs[2] = replace(jobs[2], opening=replace(jobs[2].opening, commitment=1))
        Dispatch(client, farm.keys, farm.epoch, farm.site).run(jobs, 4, told=results.append)
        logs = str(client.get_worker_logs()) + str(client.get_scheduler_logs())
        Path("logs").write_text(logs)
        import shutil
        shutil.copytree("left", "kept")                # while the workers still have it
        client.run(forget)                             # as of another version, or without Tailproof
        unread = client.submit(worker.prove, farm.jobs()[0], farm.site)
        with suppress(Exception):
            unread.exception(timeout=3)                # Dask says on stderr what it cannot read, and has no answer
    Path("said").write_text(" ".join(sorted(str(result.lost or result.refusal or "proven") for result in results)))
    print("ended")
"""


def forget() -> None:
    """What a job is."""
    from tailproof.farm import work
    del work.Job                                                                               # type: ignore[misc]


def secrets_of(farm: Farm) -> list[bytes]:
    """Every salt, as bytes of either order, as they are and as Python shows them, hexadecimal and decimal."""
    found = list[bytes]()
    for opening in farm.openings.values():
        salt = opening.salt
        for order in ("big", "little"):
            raw = salt.to_bytes(32, order)                                                     # type: ignore[arg-type]
            found += [raw, repr(raw)[2:-1].encode()]
        found += [b"%x" % salt, b"%d" % salt]
    return found


def test_no_opening_is_on_a_workers_disk_or_in_a_log(tmp_path: Path) -> None:
    """With all logs on, and two accounts whose proofs fail with errors that would tell their openings."""
    here = Path(__file__).parent
    (tmp_path / "script.py").write_text(SCRIPT.format(path=[str(here), str(here.parent), str(here.parent.parent)]))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, check=False, timeout=300,
                          env={**os.environ, "TAILPROOF_THREADS": "1", "DASK_LOGGING__DISTRIBUTED": "debug"})
    assert done.returncode == 0, done.stderr.decode()[-3_000:]
    said = (tmp_path / "said").read_text()
    assert said == "BadInput: opening.commitment must be what its salt and slots commit to RuntimeError proven proven"
    from tailproof.secret import Opening
    openings = {path.name: Opening.load(path) for path in (tmp_path / "home" / "in").iterdir()}
    hunted = secrets_of(Farm(tmp_path, None, None, openings))          # type: ignore[arg-type]
    assert len(hunted) == 24
    files = [path for folder in ("left", "kept") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    texts = {"stdout": done.stdout, "stderr": done.stderr, "logs": (tmp_path / "logs").read_bytes(),
             **{str(path): path.read_bytes() for path in files}}
    assert b"Worker" in texts["stderr"] or b"worker" in texts["stderr"]            # logs were on
    assert b"Failed to deserialize" in texts["stderr"]
    for where, text in texts.items():
        assert not any(secret in text for secret in hunted), where
    salt_file = next((tmp_path / "home" / "in").iterdir()).read_bytes()
    assert any(secret in salt_file for secret in hunted)               # so would be found


def test_this_machine_shares_its_threads_among_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "5")
    with cluster.local(2) as client:
        assert set(client.run(lambda: os.environ["TAILPROOF_THREADS"]).values()) == {"2"}
        assert client.scheduler.address.startswith("tls://")
        pages = [client.cluster.scheduler.http_server.port,
                 *client.run(lambda dask_worker: dask_worker.http_server.port).values()]
        for port in pages:                         # open to everybody on this machine
            for page in ("info/main/workers.html", "info/main/logs.html", "json/identity.json", "metrics", "health"):
                assert requests.get(f"http://127.0.0.1:{port}/{page}", timeout=10).status_code == 404, page
    for workers in (0, 6):
        with pytest.raises(BadInput, match="--workers"), cluster.local(workers):
            pass
