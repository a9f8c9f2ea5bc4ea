"""Watching an oracle: honest epochs cost nothing, false ones are refuted, missing leaves demanded, the rest is told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle_epochs import Keys, forge
from oracle_world import FINALITY, STAKE, OracleWorld

from primitives.errors import BadInput
from primitives.poseidon import Tag
from tailproof import epochs, watching
from tailproof.epoch_contents import content_of
from tailproof.epoch_leaves import EpochLeaves
from tailproof.falsities import falsities
from tailproof.leaf_proofs import LeafProver
from tailproof.watching import Held, Judged, Library, Watch, following
from verifier_contracts.chain import Terms
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.errors import ContractRefused, NodeUnreachable

Epochs = tuple[Path, Path, Path]


def watch(world: OracleWorld, keys: Keys | None, *folders: Path, **options: Any) -> Watch:
    """A new watcher: whoever restarts one has nothing else."""
    prover = LeafProver([] if keys is None else list(keys.paths.values()))
    return Watch(world.oracle, world.court, prover, Library(folders), **options)


def publish(world: OracleWorld, directory: Path, **changes: Any) -> EpochContent:
    """By a quorum that looks at nothing."""
    epoch = epochs.read(directory)
    now = world.chain.next_time()
    made = content_of(epoch, EpochLeaves.of(epoch), now, now + 600, world.oracle.previous_content())
    made = replace(made, **changes)
    world.bring(made)
    return made


def blocks(world: OracleWorld) -> int:
    return int(world.chain.web3.eth.block_number)


def one(judged: list[Judged]) -> Judged:
    assert len(judged) == 1
    return judged[0]


@pytest.fixture
def calm(real: OracleWorld) -> OracleWorld:
    """Epochs may be a day apart."""
    real.set_limits(heartbeat=86_400)
    return real


@pytest.fixture(scope="module")
def false(honest: Epochs, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Epochs like the first, each false in one place."""
    folder = tmp_path_factory.mktemp("false")

    def changed(name: str, place: tuple[int, ...], by: int) -> Any:
        def change(array: np.ndarray) -> np.ndarray:
            array[place] += by
            return array
        return {name: change}

    def without(row: int) -> dict[str, Any]:
        names = ("ids", "underlying", "long", "short", "amax", "changes")
        cut: dict[str, Any] = {name: lambda array: np.delete(array, row, axis=0) for name in names}
        return {**cut, **{name: lambda items: (*items[:row - 1], *items[row:]) for name in ("instruments", "marks")}}

    return {"amax": forge(honest[0], folder / "amax", **changed("amax", (2,), -1)),
            "rate": forge(honest[0], folder / "rate", **changed("long", (1,), -10**12)),
            "row": forge(honest[0], folder / "row", **changed("short", (1,), 1)),
            "value": forge(honest[0], folder / "value", **changed("changes", (1, 3), -1)),
            "omitted": forge(honest[0], folder / "omitted", **without(2))}


# -- honest ------------------------------------------------------------------------------------------------------------
def test_honest_epochs_stand_and_cost_nothing(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    publish(calm, honest[0])
    calm.later(300)
    publish(calm, honest[1])
    before = blocks(calm)
    watcher = watch(calm, leaf_keys, honest[0].parent)
    for _ in range(2):
        found = watcher.round()
        assert [(judged.verdict, judged.found, judged.actions) for judged in found] == [("stands", [], [])] * 2
        assert not any(judged.settled for judged in found)
    assert blocks(calm) == before
    calm.settle()
    assert [judged.settled for judged in watcher.round()] == [True]          # the last final one, and none before it
    assert watcher.round(frozenset([calm.oracle.latest_epoch_id()])) == []


def test_an_honest_epoch_is_never_challenged_by_hand_either(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    content = publish(calm, honest[0])
    leaves = EpochLeaves.of(epochs.load(honest[0]))
    listed = EpochLeaves.of(epochs.load(honest[1]))
    made_up = next(falsities(leaves, calm.court.leaf_layout(), content=replace(content, marks=(1, 2, 3, 4))))
    assert made_up.function == "marks"
    with pytest.raises(ContractRefused) as caught:
        watching.challenge(calm.court, LeafProver(list(leaf_keys.paths.values())), content.id, leaves, made_up,
                           content=content, listed=listed)
    assert caught.value.name == "FieldStands"


# -- false -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lie", ["amax", "rate"])
def test_a_false_leaf_is_refuted_by_itself(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                           false: Mapping[str, Path], lie: str) -> None:
    content = publish(calm, false[lie])
    me = calm.chain.default_sender()
    found = one(watch(calm, leaf_keys, false[lie], honest[0]).round())
    assert found.verdict == "refuted"
    assert [action.name for action in found.actions] == ["challenge", "settle"]
    assert found.found[0].startswith("FALSE: leaf LEAF")
    assert calm.oracle.facts_of(content.id).refuted
    assert [calm.court.stake_of(publisher.address) for publisher in calm.publishers[:3]] == [0, 0, 0]
    assert calm.court.owed_to(me) > 3 * STAKE // 10
    before = blocks(calm)
    for watcher in (watch(calm, leaf_keys, false[lie]), watch(calm, leaf_keys)):      # restarted
        again = one(watcher.round())
        assert (again.verdict, again.actions, again.settled) == ("refuted", [], False)
    assert blocks(calm) == before


def test_a_watcher_that_died_before_settling_settles(calm: OracleWorld, leaf_keys: Keys, false: Mapping[str, Path]
                                                     ) -> None:
    content = publish(calm, false["amax"])
    leaves = EpochLeaves.of(epochs.read(false["amax"]))
    lie = next(falsities(leaves, calm.court.leaf_layout()))
    watching.challenge(calm.court, LeafProver(list(leaf_keys.paths.values())), content.id, leaves, lie)
    found = one(watch(calm, leaf_keys, false["amax"]).round())
    assert [action.name for action in found.actions] == ["settle"]
    assert calm.court.refuter_of(content.id)[0] == "0x" + "00" * 20


def test_another_ones_refutation_is_not_paid_for(calm: OracleWorld, leaf_keys: Keys, false: Mapping[str, Path],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    content = publish(calm, false["amax"])
    leaves = EpochLeaves.of(epochs.read(false["amax"]))
    lie = next(falsities(leaves, calm.court.leaf_layout()))
    watcher = watch(calm, leaf_keys, false["amax"])
    with monkeypatch.context() as patched:
        patched.setattr(calm.chain, "_terms", Terms(sender=calm.challenger))
        watching.challenge(calm.court, LeafProver(list(leaf_keys.paths.values())), content.id, leaves, lie)
    found = one(watcher.round())
    assert (found.verdict, found.actions) == ("refuted", [])


def test_who_is_faster_is_as_good(calm: OracleWorld, leaf_keys: Keys, false: Mapping[str, Path],
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    publish(calm, false["amax"])
    watcher = watch(calm, leaf_keys, false["amax"])
    real_challenge = watcher.court.challenge_field

    def late(*arguments: Any, **more: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(calm.chain, "_terms", Terms(sender=calm.challenger))
            leaves = EpochLeaves.of(epochs.read(false["amax"]))
            lie = next(falsities(leaves, calm.court.leaf_layout()))
            monkeypatch.setattr(watcher.court, "challenge_field", real_challenge)
            watching.challenge(calm.court, LeafProver(list(leaf_keys.paths.values())), arguments[0], leaves, lie)
        return real_challenge(*arguments, **more)
    monkeypatch.setattr(watcher.court, "challenge_field", late)
    assert one(watcher.round()).verdict == "refuted"


def test_a_leaf_that_is_not_its_row_is_refuted(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                               false: Mapping[str, Path]) -> None:
    """The rows that were signed are the honest ones, the root is not: no bound is broken."""
    rows = EpochLeaves.of(epochs.load(honest[0])).data_tree.root
    content = publish(calm, false["row"], data_root=rows)
    found = one(watch(calm, leaf_keys, honest[0], false["row"]).round())
    assert found.verdict == "refuted"
    assert "row that was signed" in found.found[0]
    assert calm.oracle.facts_of(content.id).refuted


def test_marks_that_are_not_the_leaves_are_refuted(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    content = publish(calm, honest[0], marks=(29_001_720_001, 737_800_000))
    found = one(watch(calm, leaf_keys, honest[0]).round())
    assert found.verdict == "refuted"
    assert calm.oracle.facts_of(content.id).refuted
    assert "spot is 29001720000, and 29001720001 was signed" in found.found[0]


def test_without_keys_it_is_told(calm: OracleWorld, leaf_keys: Keys, honest: Epochs, false: Mapping[str, Path]) -> None:
    publish(calm, false["amax"])
    before = blocks(calm)
    found = one(watch(calm, None, false["amax"]).round())
    assert found.verdict == "false"
    assert "--key" in found.found[-1]
    found = one(watch(calm, leaf_keys, false["amax"], acts=False).round())
    assert (found.verdict, found.actions) == ("false", [])
    assert blocks(calm) == before


def test_dry_run_tries_everything_and_sends_nothing(calm: OracleWorld, leaf_keys: Keys, false: Mapping[str, Path],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    content = publish(calm, false["amax"])
    before, somebody = blocks(calm), calm.relayer
    with monkeypatch.context() as patched:
        patched.setattr(calm.chain, "_terms", Terms(sender=somebody, withhold=True))
        found = one(watch(calm, leaf_keys, false["amax"]).round())
    (action,) = found.actions
    assert found.verdict == "false"
    assert action.call is not None
    assert (action.call.sender, action.call.to) == (somebody, calm.court.address)
    assert blocks(calm) == before
    assert not calm.oracle.facts_of(content.id).refuted
    # It was proven for that sender: nobody else's transaction carries it.
    with pytest.raises(Exception, match="0x"):
        calm.chain.call(calm.court.address, action.call.data, sender=calm.challenger)
    calm.chain.call(calm.court.address, action.call.data, sender=somebody)


# -- missing -----------------------------------------------------------------------------------------------------------
def test_an_omitted_leaf_is_demanded_and_the_epoch_freezes(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                           false: Mapping[str, Path]) -> None:
    rows = EpochLeaves.of(epochs.load(honest[0]))
    content = publish(calm, false["omitted"], data_root=rows.data_tree.root)
    watcher = watch(calm, leaf_keys, honest[0], false["omitted"])
    found = one(watcher.round())
    assert [action.name for action in found.actions] == ["demand"]                   # the instrument; not its mark too
    assert len([text for text in found.found if "MISSING" in text]) == 2
    id = rows.rows[Tag.LEAF][2][0]
    assert calm.court.demand_of(content.id, Tag.LEAF, id).demander == calm.chain.default_sender()
    assert not calm.court.demand_of(content.id, Tag.MARK, id).bond
    again = one(watcher.round())
    assert (again.verdict, again.actions) == ("false", [])
    calm.settle()
    calm.later(10)
    closed = one(watch(calm, leaf_keys, honest[0], false["omitted"]).round())
    assert closed.actions[0].name == "close demand"
    assert calm.oracle.stored_root_of(content.id)[1]


def test_what_an_earlier_final_epoch_listed_is_demanded(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                        false: Mapping[str, Path]) -> None:
    publish(calm, honest[0])
    calm.settle()
    later = publish(calm, false["omitted"])
    found = watch(calm, leaf_keys, honest[0], false["omitted"]).round()[-1]
    assert found.epoch_id == later.id
    assert any("(E7)" in text for text in found.found)
    assert [action.name for action in found.actions] == ["demand"]


def test_what_was_released_is_not_missed(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    publish(calm, honest[0])
    calm.later(300)
    publish(calm, honest[1])
    calm.settle()
    last = publish(calm, honest[2])
    found = watch(calm, leaf_keys, *honest).round()[-1]
    assert (found.epoch_id, found.verdict, found.found, found.actions) == (last.id, "stands", [], [])


def test_without_data_somebody_must_look(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    content = publish(calm, honest[0], root=12345)
    found = one(watch(calm, leaf_keys, honest[0]).round())
    assert (found.verdict, found.actions) == ("doubtful", [])
    assert "NO DATA" in found.found[0]
    assert "cannot both be true" in found.found[1]
    found = one(watch(calm, leaf_keys, demand_unseen=10_000).round())
    assert found.actions == []
    found = one(watch(calm, leaf_keys, demand_unseen=0).round())
    assert [action.name for action in found.actions] == ["demand"]
    assert calm.court.demand_of(content.id, Tag.LEAF, 0).bond > calm.court.bond_needed()


def test_a_demand_is_answered_by_whoever_has_the_leaves(calm: OracleWorld, leaf_keys: Keys, honest: Epochs) -> None:
    content = publish(calm, honest[0])
    watching.demand(calm.court, content.id, Tag.LEAF, 0, None)
    bond = calm.court.demand_of(content.id, Tag.LEAF, 0).bond
    told = one(watch(calm, leaf_keys, honest[0], answers="never").round())
    assert "demanded" in told.found[0]
    assert told.actions == []
    prover, leaves = LeafProver(list(leaf_keys.paths.values())), EpochLeaves.of(epochs.load(honest[0]))
    with pytest.raises(BadInput, match="--id"):
        watching.answer(calm.court, prover, content.id, leaves, Tag.LEAF, 5)
    watching.answer(calm.court, prover, content.id, leaves, Tag.LEAF, 0)
    assert calm.court.owed_to(calm.chain.default_sender()) == bond
    assert one(watch(calm, leaf_keys, honest[0]).round()).verdict == "stands"
    calm.later(FINALITY * 2)


def test_others_demands_are_answered_where_their_bond_pays(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    content, me = publish(calm, honest[0]), calm.chain.default_sender()
    needed = calm.court.bond_needed()
    calm.court.demand(content.id, Tag.LEAF, 0, None, bond=needed, sender=calm.challenger)
    keyless = one(watch(calm, None, honest[0]).round())
    assert (keyless.verdict, keyless.actions) == ("doubtful", [])
    assert "--key" in keyless.found[0]
    with monkeypatch.context() as patched:                                   # the base fee has risen since
        patched.setattr(calm.court, "bond_needed", lambda: 2 * needed)
        dear = one(watch(calm, leaf_keys, honest[0]).round())
    assert (dear.verdict, dear.actions) == ("doubtful", [])
    with monkeypatch.context() as patched:
        patched.setattr(calm.chain, "_terms", Terms(sender=me, withhold=True))
        tried = one(watch(calm, leaf_keys, honest[0]).round())
    assert [(action.name, action.receipt) for action in tried.actions] == [("answer", None)]
    done = one(watch(calm, leaf_keys, honest[0]).round())
    assert [action.name for action in done.actions] == ["answer"]
    assert calm.court.owed_to(me) == needed
    assert one(watch(calm, leaf_keys, honest[0]).round()).found == []


def test_no_demand_is_answered_for_an_epoch_that_is_false(calm: OracleWorld, honest: Epochs, leaf_keys: Keys,
                                                          false: Mapping[str, Path]) -> None:
    content = publish(calm, false["amax"])
    calm.court.demand(content.id, Tag.LEAF, 0, None, bond=calm.court.bond_needed(), sender=calm.challenger)
    found = one(watch(calm, leaf_keys, false["amax"]).round())
    assert [action.name for action in found.actions] == ["challenge", "settle"]


def test_a_released_leaf_costs_one_bond(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                        false: Mapping[str, Path]) -> None:
    """A quorum leaves two leaves out, and releases each that is demanded: it has one bond for each release, and the
    same leaf is never demanded twice."""
    rows = EpochLeaves.of(epochs.load(honest[0]))
    content = publish(calm, false["omitted"], data_root=rows.data_tree.root)
    id = rows.rows[Tag.LEAF][2][0]
    folders = honest[0], false["omitted"]
    for kind in (Tag.LEAF, Tag.MARK):
        (action,) = one(watch(calm, leaf_keys, *folders).round()).actions
        assert action.name == "demand"
        assert calm.court.demand_of(content.id, kind, id).bond
        calm.court.answer_released(content.id, kind, id, 1,
                                   calm.signatures(calm.oracle.domain.release(content.id, kind, id)))
    last = one(watch(calm, leaf_keys, *folders).round())
    assert (last.verdict, last.actions) == ("false", [])
    assert any("RELEASED" in text for text in last.found)


def test_a_bond_comes_back_from_an_epoch_that_was_frozen_meanwhile(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                                   false: Mapping[str, Path]) -> None:
    rows = EpochLeaves.of(epochs.load(honest[0]))
    content = publish(calm, false["omitted"], data_root=rows.data_tree.root)
    watcher = watch(calm, leaf_keys, honest[0], false["omitted"])
    watcher.round()
    calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id)))
    found = one(watcher.round())
    assert [action.name for action in found.actions] == ["close demand"]
    assert calm.court.owed_to(calm.chain.default_sender()) > 0


def test_a_node_that_asks_for_a_fortune_as_a_bond_gets_none(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                            false: Mapping[str, Path],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    rows = EpochLeaves.of(epochs.load(honest[0]))
    publish(calm, false["omitted"], data_root=rows.data_tree.root)
    before = blocks(calm)
    with monkeypatch.context() as patched:
        patched.setattr(calm.court, "bond_needed", lambda *_: 10**20)
        found = one(watch(calm, leaf_keys, honest[0], false["omitted"]).round())
    assert found.verdict == "doubtful"
    assert "--max-fee" in found.found[0]
    assert blocks(calm) == before


def test_what_cannot_be_judged_hides_nothing_behind_it(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                       false: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
                                                       ) -> None:
    first = publish(calm, honest[0])
    calm.later(300)
    lie = publish(calm, false["amax"])
    for error in (BadInput("epoch", 1, "2"), NodeUnreachable("http://x", "gone")):
        snapshot = calm.chain.snapshot()
        watcher = watch(calm, leaf_keys, honest[0], false["amax"])
        look = watcher.look
        with monkeypatch.context() as patched:
            patched.setattr(watcher, "look", lambda id, error=error, look=look: _raise(error) if id == first.id
                            else look(id))
            if isinstance(error, NodeUnreachable):
                with pytest.raises(NodeUnreachable):
                    watcher.round()
                assert [judged.verdict for judged in watcher.unfinished] == ["refuted"]
            else:
                assert [judged.verdict for judged in watcher.round()] == ["doubtful", "refuted"]
        assert calm.oracle.facts_of(lie.id).refuted
        calm.chain.restore(snapshot)


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("by", ["publishers", "proof"])
def test_a_chain_that_takes_a_freeze_back_is_noticed(calm: OracleWorld, leaf_keys: Keys, false: Mapping[str, Path],
                                                     by: str) -> None:
    """A reorganisation: the lie stands again, and the watcher that saw it frozen looks again."""
    content = publish(calm, false["amax"])
    before, settled = calm.chain.snapshot(), set[int]()
    if by == "publishers":
        calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id)))
    rounds = following(watch(calm, leaf_keys, false["amax"], acts=by == "proof"), settled, every=0)
    assert next(rounds)[0].verdict in ("false", "refuted")
    calm.chain.restore(before)
    assert not calm.oracle.stored_root_of(content.id)[1]
    watcher = watch(calm, leaf_keys, false["amax"])
    assert one(watcher.round(frozenset(settled))).verdict == "refuted"


# -- told --------------------------------------------------------------------------------------------------------------
def test_a_wrong_value_that_is_well_formed_is_told(calm: OracleWorld, leaf_keys: Keys, honest: Epochs,
                                                   false: Mapping[str, Path]) -> None:
    publish(calm, false["value"])
    before = blocks(calm)
    found = one(watch(calm, leaf_keys, honest[0], false["value"]).round())
    assert (found.verdict, found.actions) == ("doubtful", [])
    assert any("changes[1, 3]" in text for text in found.found)
    assert any("ANOTHER BUILD" in text for text in found.found)
    assert blocks(calm) == before


@pytest.mark.parametrize(("name", "value"), [("regime", 1), ("lag_seconds", 172_801), ("model_id", b"\x05" * 32),
                                             ("factors_hash", b"\x05" * 32), ("data_root", b"\x05" * 32)])
def test_a_content_that_is_not_the_epochs_is_told(calm: OracleWorld, honest: Epochs, name: str, value: Any) -> None:
    publish(calm, honest[0], **{name: value})
    found = one(watch(calm, None, honest[0]).round())
    assert found.verdict == "doubtful"
    assert any((name if name != "data_root" else "OTHER ROWS") in text for text in found.found)


def test_what_cannot_be_read_is_no_epoch(calm: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    publish(calm, honest[0])
    watcher = watch(calm, None, tmp_path, honest[0])
    assert one(watcher.round()).verdict == "stands"
    assert list(watcher.library.unreadable) == [broken]


@pytest.mark.parametrize("linked", [True, False])
def test_whatever_lies_beside_it_an_epoch_is_found(honest: Epochs, tmp_path: Path, linked: bool,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's directories claim its root, and are looked at first: they are the newest."""
    true = Path(shutil.copytree(honest[0], tmp_path / "zzz"))
    root = EpochLeaves.of(epochs.read(true)).root
    os.utime(true, (1, 1))
    spoilt: Mapping[str, Any] = {
        "zip": lambda one: (one / "amax.npy").write_bytes(b"PK\x03\x04"),
        "gone": lambda one: (one / "long.npy").unlink(),
        "link": lambda one: ((one / "long.npy").unlink(), (one / "long.npy").symlink_to(true / "long.npy")),
        "dangling": lambda one: (one / "more").symlink_to(one / "nothing"),
        "list": lambda one: (one / "manifest.json").write_text("[]")}
    for name, spoil in spoilt.items():
        spoil(Path(shutil.copytree(honest[0], tmp_path / name)))
    (tmp_path / "linked").symlink_to(shutil.copytree(honest[0], tmp_path.parent / "elsewhere", dirs_exist_ok=True))
    library = Library([tmp_path], linked=linked)
    library.refresh()
    found = list(library.all_of_root(root))
    assert {held.path.name for held in found} == ({"zzz", "linked"} if linked else {"zzz"})
    assert {path.name for path in library.unreadable} == set(spoilt)
    # A defect that one of them meets, and one that is moved away while it is looked at, end nothing either.
    with monkeypatch.context() as patch:
        patch.setattr(epochs, "read", lambda path, **more: {}["defect"] if path.name != "zzz" else honest_read(path))
        again = Library([tmp_path], linked=linked)
        again.refresh()
        assert [held.path.name for held in again.all_of_root(root)] == ["zzz"]
        assert again.unreadable[tmp_path / "zip"] == "KeyError when it was read"
    calls = list[Path]()

    def moved(directory: Path) -> Any:
        calls.append(directory)
        if directory.name == "zip":
            shutil.rmtree(directory)
        return claimed(directory)
    claimed = watching._claimed
    monkeypatch.setattr(watching, "_claimed", moved)
    last = Library([tmp_path], linked=linked)
    last.refresh()
    assert tmp_path / "zip" in last.unreadable
    assert last.by_root(root) is not None


honest_read = epochs.read


def test_a_library_finds_what_manifests_hide(honest: Epochs, false: Mapping[str, Path], tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that claims another root, more epochs than are held, a directory that comes later."""
    monkeypatch.setattr(Library, "HELD", 2)
    library = Library([honest[0].parent, tmp_path])
    library.refresh()
    roots = [EpochLeaves.of(epochs.read(path)).root for path in (*honest, false["amax"])]
    for _ in range(2):
        assert [held and held.path for held in map(library.by_root, roots)] == [*honest, None]
    lying = tmp_path / "lying"
    shutil.copytree(false["amax"], lying)
    manifest = json.loads((lying / "manifest.json").read_text())
    (lying / "manifest.json").write_text(json.dumps({**manifest, "root": str(roots[0])}))
    library.refresh()
    found = [held and held.path for held in map(library.by_root, (roots[3], roots[0]))]
    assert found == [lying, honest[0]]
    data_root = EpochLeaves.of(epochs.read(honest[1])).data_tree.root
    listed = library.by_data_root(data_root)
    assert listed is not None
    assert listed.path == honest[1]
    assert {held.path for held in library.of_the_time(Held(lying, epochs.read(lying), listed.leaves))} == {honest[0]}


# -- a node that fails -------------------------------------------------------------------------------------------------
def test_watching_survives_a_node_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tailproof.watching.time.sleep", pauses.append)

    class Stub:
        def __init__(self) -> None:
            self.rounds = 0
            self.unfinished: list[Judged] = []

        def round(self, settled: frozenset[int]) -> list[Judged]:
            self.rounds += 1
            if self.rounds in (2, 3):
                raise NodeUnreachable("http://node", "no answer")
            if self.rounds == 5:
                raise BadInput("x", 1, "2")
            return [Judged(self.rounds, 7, settled=self.rounds == 1)] if self.rounds not in settled else []

    settled: set[int] = set()
    rounds: Iterator[list[Judged]] = following(Stub(), settled, every=10)     # type: ignore[arg-type]
    assert [judged.epoch_id for judged in next(rounds)] == [1]
    assert settled == {1}
    for _ in range(2):
        assert "the node failed" in next(rounds)[0].found[0]
    assert next(rounds)[0].epoch_id == 4
    with pytest.raises(BadInput):
        next(rounds)
    assert pauses == [10, 10, 20, 10]


def test_keys_of_other_statements_are_refused(leaf_keys: Keys, calm: OracleWorld, honest: Epochs) -> None:
    with pytest.raises(BadInput, match="one key"):
        LeafProver([leaf_keys.paths["leaf-field-tiny"]] * 2)
    content = publish(calm, honest[0])
    prover, leaves = LeafProver([leaf_keys.paths["leaf-field-tiny"]]), EpochLeaves.of(epochs.load(honest[0]))
    from eth_utils.crypto import keccak
    calm.verifiers.transact("set", keccak(text="leaf-field"), calm.relayer, b"\x05" * 32)
    with pytest.raises(BadInput, match="in force"):
        watching.answer(calm.court, prover, content.id, leaves, Tag.LEAF, 0)
