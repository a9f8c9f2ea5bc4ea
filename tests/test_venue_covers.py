"""`venue prove` with a cover key: collateral covers the hidden margins of a folder of accounts, as far as it does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from real_system import RealSystem
from venue_accounts import Member, deposit, members

from circuits.statements.cover import Claim
from primitives.errors import BadInput
from tailproof.bundling import prove_bundle
from tailproof.farm.contexts import Contexts
from tailproof.farm.dispatch import require_true
from tailproof.farm.work import Job
from tailproof.liquidation_reading import DEPTH, FactorBook
from verifier_contracts import vault
from verifier_contracts.errors import ImplausibleAnswer, NodeUnreachable
from verifier_contracts.ledger import INITIAL, MAINTENANCE
from verifier_contracts.vault import CollateralVault

LOTS = [400, 700, 250, 900]


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "2")


def prove(real: RealSystem, folder: Path, out: Path, *more: object, code: int = 0) -> dict[str, Any]:
    return real("venue", "prove", real.path("epoch"), "--portfolios", folder, "--key", real.path("keys/cover"),
                "--collateral", real.path("collateral.json"), "--out", out, *more, code=code, sends=False)


@pytest.fixture
def site(real: RealSystem, tmp_path: Path) -> tuple[Path, list[Member]]:
    """Four accounts: the first is covered at the second step, the next at initial margin, the third at maintenance
    alone, the last at none."""
    made = members(real, tmp_path / "in", LOTS)
    for one, amount in zip(made, (made[0].needs(real, 2), made[1].needs(real, INITIAL),
                                  made[2].needs(real, MAINTENANCE), made[3].needs(real, MAINTENANCE) - 1), strict=True):
        deposit(real, one, amount)
    return tmp_path, made


def test_each_account_shows_the_highest_step_that_it_reaches(real: RealSystem, site: tuple[Path, list[Member]],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    home, made = site
    monkeypatch.delattr(CollateralVault, "value_of")           # of thousands nobody is asked for alone
    answer = prove(real, home / "in", home / "out", "--step", 2, code=1)
    assert answer["counts"] == {"proven": 3, "refused": 1}
    by = {one["account"]: one for one in answer["accounts"]}
    ladder = [real.at.ledger.buffer_of(step) for step in range(4)]
    assert [by[one.account].get("buffer") for one in made] == [str(ladder[2]), str(ladder[1]), str(ladder[0]), None]
    assert by[made[3].account]["field"] == "collateral"
    assert str(made[3].needs(real, MAINTENANCE)) not in json.dumps(answer), "what is refused tells no margin"
    for one in made[:3]:
        bundle = Path(by[one.account]["bundle"])
        assert real.run("verify", bundle, "--key", real.path("keys/cover"), "--epoch", real.path("epoch"),
                        "--commitment", one.opening.commitment).code == 0
        real("submit", bundle, "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"),
             by=real.venue)
        assert not real.at.ledger.is_reduce_only(one.account)
    assert real.at.ledger.is_reduce_only(made[3].account)

    # What is proven is kept; more collateral is another claim, and proven; the file from before stays as it was.
    before = {path: path.read_bytes() for path in (home / "out").iterdir()}
    deposit(real, made[1], made[1].needs(real, 2))
    deposit(real, made[3], made[3].needs(real, INITIAL))
    answer = prove(real, home / "in", home / "out", "--step", 2)
    assert answer["counts"] == {"kept": 2, "proven": 2}
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("at_once", [1, 3, 128])
def test_what_many_have_is_what_each_has(real: RealSystem, site: tuple[Path, list[Member]], at_once: int,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    _, made = site
    monkeypatch.setattr(vault, "VALUED", at_once)
    epoch_id, who = real.at.oracle.latest_epoch_id(), [*(one.account for one in made), real.venue.address]
    values = real.at.vault.values_of(who, epoch_id, real.factors)
    assert values == [real.at.vault.value_of(one, epoch_id, real.factors) for one in who]
    assert (min(values[:-1]) > 0, values[-1]) == (True, 0)
    assert real.at.vault.values_of([], epoch_id, real.factors) == []


def test_a_value_that_gas_was_too_little_for_is_asked_for_again(real: RealSystem, site: tuple[Path, list[Member]],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The vault says 0 then: a venue would refuse who is covered."""
    _, made = site
    asked, honest = list[int](), CollateralVault.read

    def read(self: CollateralVault, function: str, *arguments: Any) -> Any:
        if function != "valuations":
            return honest(self, function, *arguments)
        asked.append(len(arguments[0]))
        return [value if len(asked) > 1 or place < 2 else 0 for place, value in enumerate(
            honest(self, function, *arguments))]
    monkeypatch.setattr(CollateralVault, "read", read)
    epoch_id, who = real.at.oracle.latest_epoch_id(), [one.account for one in made]
    assert all(real.at.vault.values_of(who, epoch_id, real.factors))
    assert asked == [4, 2]
    monkeypatch.setattr(CollateralVault, "read", lambda self, function, *arguments: [1])
    with pytest.raises(ImplausibleAnswer, match="1 values of 4"):
        real.at.vault.values_of(who, epoch_id, real.factors)


def test_factors_that_nobody_signed_value_nothing(real: RealSystem, site: tuple[Path, list[Member]]) -> None:
    """The vault compares them with nothing where it is asked for many."""
    _, made = site
    more = tuple(one._replace(v=one.d, d=one.d + 1) for one in real.factors)
    contexts = Contexts("cover", real.system, bytes.fromhex(real.key("cover").key_digest[2:]), real.epoch,
                        real.at.oracle.latest_epoch_id(), real.at, more, 2)
    with pytest.raises(BadInput, match="factors"):
        contexts.value([made[0].account])


def test_a_list_of_factors_is_looked_for_until_it_was_seen(real: RealSystem, site: tuple[Path, list[Member]],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that fails, or does not have a transaction yet, has no cover wait for ever."""
    home, made = site
    prove(real, home / "in", home / "out", code=1)
    (bundle,) = (home / "out").glob(f"{made[0].account}-*")
    real("submit", bundle, "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"), by=real.venue)
    book, epoch_id, honest = FactorBook(), real.at.oracle.latest_epoch_id(), type(real.chain).sent

    def failing(chain: Any, transaction: str) -> Any:
        raise NodeUnreachable("http://node", "does not answer")
    with monkeypatch.context() as patch:
        patch.setattr(type(real.chain), "sent", failing)
        with pytest.raises(NodeUnreachable):
            book.find(real.at, epoch_id)
        patch.setattr(type(real.chain), "sent", lambda chain, transaction: None)
        for _ in range(2):
            assert book.find(real.at, epoch_id) is None
            for _ in range(DEPTH + 2):
                real.world.coin.transact("mint", real.venue.address, 1)
    asked = list[str]()
    monkeypatch.setattr(type(real.chain), "sent", lambda chain, transaction: (
        asked.append(transaction), honest(chain, transaction))[1])
    assert book.find(real.at, epoch_id) == real.factors
    assert len(asked) == 1


def test_a_worker_that_shows_another_claim_is_not_believed(real: RealSystem, site: tuple[Path, list[Member]]) -> None:
    _, made = site
    keys = real.key("cover")
    contexts = Contexts("cover", real.system, bytes.fromhex(keys.key_digest[2:]), real.epoch,
                        real.at.oracle.latest_epoch_id(), real.at, real.factors, 2)
    job = contexts.job(made[0].account, made[0].opening)
    assert job.claim is not None
    lower = Claim(job.claim.value - 1, real.at.ledger.buffer_of(INITIAL), True)
    key = keys.verification_key()
    true, less = (prove_bundle(keys, job.opening, job.context, epoch=real.epoch, claim=claim)
                  for claim in (job.claim, lower))
    require_true(true, job, keys, key, real.epoch)
    require_true(less, Job(job.opening, job.context, lower), keys, key, real.epoch)
    for bundle, wanted in ((less, job), (true, Job(job.opening, job.context, lower)), (true, Job(job.opening,
                                                                                                 job.context))):
        with pytest.raises(BadInput, match="claim"):
            require_true(bundle, wanted, keys, key, real.epoch)
    forged = replace(less, public_inputs=true.public_inputs)
    with pytest.raises(BadInput, match="proof"):
        require_true(forged, job, keys, key, real.epoch)


def test_what_covers_need_is_said_first(real: RealSystem, site: tuple[Path, list[Member]]) -> None:
    home, _ = site
    bare = ("venue", "prove", real.path("epoch"), "--portfolios", home / "in", "--key", real.path("keys/cover"),
            "--out", home / "out", "--deployment", real.path("deployment.json"))
    offline = real.run(*bare, "--epoch-id", 5)
    assert (offline.code, offline.data["field"]) == (2, "--rpc")
    assert real(*bare[:-2], sends=False, code=2)["field"] == "factors"
    margin = real.run("venue", "prove", real.path("epoch"), "--portfolios", home / "in", "--key",
                      real.path("keys/margin"), "--out", home / "out", "--deployment", real.path("deployment.json"),
                      "--epoch-id", 5, "--collateral", real.path("collateral.json"))
    assert (margin.code, margin.data["field"]) == (2, "--collateral")
    flat = real.run("venue", "prove", real.path("epoch"), "--portfolios", home / "in", "--key", real.path("keys/flat"),
                    "--out", home / "out", "--deployment", real.path("deployment.json"), "--epoch-id", 5)
    assert (flat.code, flat.data["field"]) == (2, "--key")
    assert not (home / "out").exists()
