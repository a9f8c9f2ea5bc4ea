"""Changes of parameters: proposed, simulated, signed, checked; and each lie about one, refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from eth_account import Account
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from primitives.jsonio import Node, canonical
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.margins.contributions import breakdown
from risk.margins.portfolio import Portfolio
from tailproof import epochs, templates
from tailproof.cli import main
from tailproof.parameter_simulation import _required, after_epoch, read_collateral, simulate
from tailproof.parameters import Parameters, changes, gathered
from tailproof.proposals import Proposal, ProposalSignature
from verifier_contracts.chain import KEY_VARIABLE
from verifier_contracts.signers import LocalSigner
from verifier_contracts.system import System

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
BOOKS = FIXTURES / "portfolios"
ORACLE, OTHER = "0x" + "11" * 20, "0x" + "12" * 20
KEYS = [Account.from_key(keccak(text=f"parameter signer {i}")) for i in range(3)]
STRANGER = Account.from_key(keccak(text="a stranger"))
Run = Callable[..., Any]
EFFECTIVE, PROPOSED = "2026-12-20T00:00:00Z", "2026-12-01T00:00:00Z"


def system(**changed: Any) -> dict[str, Any]:
    """The trial system with our publishers, and numbers by section__key."""
    made: dict[str, Any] = json.loads(templates.system())
    made["publishers"] |= {"signers": [one.address for one in KEYS], "quorum": 2}
    for path, value in changed.items():
        section, key = path.split("__")
        made[section][key] = value
    return made


def model(degrees: str = "3.05136") -> bytes:
    return (FIXTURES / "model.toml").read_bytes().replace(b"degrees = 3.05136", f"degrees = {degrees}".encode())


def parameters(degrees: str = "3.05136", oracle: str = ORACLE, book: bytes | None = None, **changed: Any) -> Parameters:
    return gathered(31337, oracle, model=model(degrees), book=book or (FIXTURES / "book.json").read_bytes(),
                    system=system(**changed))


@dataclass(frozen=True)
class Desk:
    """Files of one change: parameters now and next, a simulated proposal, two signatures."""

    home: Path
    epoch: Path

    def __truediv__(self, name: str) -> Path:
        return self.home / name

    def signed(self) -> list[object]:
        return [word for name in ("one.json", "two.json") for word in ("--signature", self / name)]

    def market(self) -> list[object]:
        return ["--epoch", self.epoch, "--portfolios", BOOKS]


@pytest.fixture(scope="module")
def desk(run: Run, epoch_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("desk")
    new = {"ledger__buffers": [0, 2_500, 5_000, 10_000], "oracle__heartbeat": 900}
    for name, degrees, changed in (("now", "3.05136", {}), ("next", "4.0", new)):
        (home / f"{name}.toml").write_bytes(model(degrees))
        (home / f"{name}-system.json").write_text(json.dumps(system(**changed)))
        assert run("parameters", "gather", "--chain", 31337, "--oracle", ORACLE, "--model", home / f"{name}.toml",
                   "--book", FIXTURES / "book.json", "--system", home / f"{name}-system.json", "--out",
                   home / f"{name}.json").code == 0
    assert run("parameters", "propose", home / "now.json", home / "next.json", "--author", "desk", "--reason",
               "tails are lighter", "--proposed", PROPOSED, "--effective", EFFECTIVE, "--out",
               home / "bare.json").code == 0
    made = Desk(home, epoch_directory)
    assert run("parameters", "simulate", home / "bare.json", *made.market(), "--out", home / "proposal.json").code == 0
    for key, name in zip(KEYS, ("one.json", "two.json"), strict=False):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(KEY_VARIABLE, key.key.hex())
            assert run("parameters", "sign", home / "proposal.json", "--out", home / name).code == 0
    return made


def edited(desk: Desk, tmp_path: Path, edit: Callable[[dict[str, Any]], object], name: str = "proposal.json") -> Path:
    document = json.loads((desk / name).read_text())
    edit(document)
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document))
    return path


def held(answer: Any) -> dict[str, bool]:
    return {one["name"]: one["holds"] for one in answer.data["checks"]}


# -- a change that stands ----------------------------------------------------------------------------------------------
def test_a_change_is_proposed_simulated_signed_and_stands(run: Run, desk: Desk) -> None:
    answer = run("parameters", "check", desk / "proposal.json", "--in-force", desk / "now.json", *desk.market(),
                 *desk.signed())
    assert answer.code == 0, answer.data
    assert held(answer) == {"before is in force": True, "simulated as it says": True, "signature one.json": True,
                            "signature two.json": True, "quorum": True}
    assert [one["path"] for one in answer.data["changes"]] == [
        "model.volatility.BTC.degrees", "system.ledger.buffers", "system.oracle.heartbeat"]
    assert any("is your system's oracle" in text for text in answer.data["taken_on_trust"])
    alone = run("parameters", "check", desk / "proposal.json", *desk.signed())
    assert alone.code == 0
    assert len(alone.data["taken_on_trust"]) == 4
    shown = CliRunner().invoke(main, ["parameters", "show", str(desk / "proposal.json")]).stdout
    assert "tails are lighter" in shown
    assert "fall below" in shown or "below maintenance" in shown
    facts = run("parameters", "show", desk / "now.json").data
    assert facts["parameters"]["system.oracle.heartbeat"] == 600
    assert facts["model_digest"] == epochs.load(desk.epoch).header.model_digest


def test_margins_after_are_those_of_an_epoch_with_the_same_seed(desk: Desk) -> None:
    """Oracle: the new model as a trial, whose seed may be named."""
    proposal, numbers = Proposal.load(desk / "bare.json"), epochs.load(desk.epoch)
    found = simulate(proposal, numbers, BOOKS)                                             # type: ignore[arg-type]
    assert numbers.provenance is not None                                                  # type: ignore[union-attr]
    named = f'purpose = "trial"\nseed = {numbers.header.seed}\nhorizon = 2 '
    text = model("4.0").replace(b"horizon = 2 ", named.encode())
    trial = build(Sources(text, (FIXTURES / "book.json").read_bytes(), None, {}))
    for account in found.accounts:
        book = Portfolio.read(BOOKS / f"{account.name}.json")
        assert account.before == breakdown(numbers, book.rows(numbers)).required
        assert account.after == breakdown(trial, book.rows(trial)).required
        assert account.after < account.before
    record = found.record
    assert record["counts"] == {"accounts": 4, "rise": 0, "fall": 4, "same": 0}
    assert int(record["sum_after"]) == sum(one.after for one in found.accounts)
    basis = sorted(round(10_000 * (one.after - one.before) / one.before) for one in found.accounts)
    assert (record["change"]["0"], record["change"]["100"]) == (basis[0], basis[-1])
    assert record["largest_rise"] is None
    largest = min(found.accounts, key=lambda one: one.after - one.before)
    assert record["largest_fall"] == {"account": largest.digest, "before": str(largest.before),
                                      "after": str(largest.after)}
    # Each holds its initial margin before, of 20 %; after, 25 % of less are asked.
    short = [one for one in found.accounts if one.after * 125 > one.before * 120]
    assert record["below"] == {"maintenance_before": 0, "maintenance_after": 0, "initial_before": 0,
                               "initial_after": len(short)}


def test_who_falls_below_by_collateral(desk: Desk, tmp_path: Path) -> None:
    """Contingencies of calls times five: a rise for who is short of them, and who has little falls."""
    book = json.loads((FIXTURES / "book.json").read_text())
    for entry in book["contingencies"]:
        if entry["kind"] == "call":
            entry["short"] = "0.06"
    proposal = Proposal(parameters(), parameters(book=json.dumps(book).encode()), "desk", "squeeze", 0, 1)
    numbers = epochs.load(desk.epoch)
    before = {path.stem: breakdown(numbers, Portfolio.read(path).rows(numbers)).required
              for path in sorted(BOOKS.glob("*.json"))}
    collateral = tmp_path / "accounts.csv"
    collateral.write_text("account,collateral\n" + "".join(
        f"{name},{amount / 10**6:.6f}\n" for name, amount in before.items()))
    found = simulate(proposal, numbers, BOOKS, collateral=collateral)                      # type: ignore[arg-type]
    by_name = {one.name: one for one in found.accounts}
    risen = {name for name, one in by_name.items() if one.after > one.before}
    assert risen == {"concentrated_short", "covered_call", "short_straddle"}
    assert set(found.record["fallen"]) == {by_name[name].digest for name in risen}
    assert found.record["below"]["maintenance_before"] == 0
    assert found.record["below"]["maintenance_after"] == 3
    straddle = by_name["short_straddle"]
    assert straddle.after - straddle.before == 200 * (-(-29001_720000 * 6 // 1000) - -(-29001_720000 * 12 // 10_000))
    # Who was below before does not fall.
    poor = collateral.read_text().replace(f"short_straddle,{before['short_straddle'] / 10**6:.6f}", "short_straddle,1")
    collateral.write_text(poor)
    again = simulate(proposal, numbers, BOOKS, collateral=collateral).record               # type: ignore[arg-type]
    assert straddle.digest not in again["fallen"]
    assert (again["below"]["maintenance_before"], again["below"]["maintenance_after"]) == (1, 3)
    rise = found.record["largest_rise"]
    assert rise["account"] == max(found.accounts, key=lambda one: one.after - one.before).digest


def test_a_system_alone_changes_no_margin(desk: Desk) -> None:
    numbers = epochs.load(desk.epoch)
    ladder = {"ledger__buffers": [300, 2_500, 5_000, 10_000]}
    made = [gathered(31337, ORACLE, system=system(**changed)) for changed in ({}, ladder)]
    proposal = Proposal(made[0], made[1], "desk", "ladder", 0, 1)
    assert after_epoch(proposal, numbers) is numbers                                       # type: ignore[arg-type]
    record = simulate(proposal, numbers, BOOKS, cascade="standard", seeds=1).record        # type: ignore[arg-type]
    assert record["counts"]["same"] == 4
    assert record["sum_before"] == record["sum_after"]
    assert record["below"] == {"maintenance_before": 0, "maintenance_after": 0, "initial_before": 0, "initial_after": 4}
    assert record["cascade"]["preset"] == "standard"
    bare = [gathered(31337, ORACLE, model=model(degrees)) for degrees in ("3.05136", "4.0")]
    alone = Proposal(bare[0], bare[1], "desk", "x", 0, 1)
    with pytest.raises(BadInput, match="the parameters have no system"):
        simulate(alone, numbers, BOOKS, cascade="standard")                                # type: ignore[arg-type]


def test_buffers_round_up() -> None:
    assert [_required(margin, buffer) for margin, buffer in ((1, 0), (1, 1), (9_999, 1), (10_000, 2_000))] == [
        1, 2, 10_000, 12_000]


def test_a_wallet_shows_what_is_signed(desk: Desk) -> None:
    """Each part by its own digest, for one system."""
    proposal = Proposal.load(desk / "proposal.json")
    shown = proposal.message
    assert shown["message"] == {
        "before": keccak(canonical(proposal.before.document)), "after": keccak(canonical(proposal.after.document)),
        "simulation": keccak(canonical(proposal.simulation)), "proposal": keccak(canonical(proposal.to_json())),
        "effectiveAt": proposal.effective_at}
    assert shown["domain"] == {"name": "Tailproof parameters", "version": "1", "chainId": 31337,
                               "verifyingContract": ORACLE}
    assert json.loads((desk / "proposal.json").read_text()) == proposal.to_json()
    assert Proposal.load(desk / "bare.json").message["message"]["simulation"] == bytes(32)


# -- lies --------------------------------------------------------------------------------------------------------------
def test_a_changed_number_is_in_no_signature(run: Run, desk: Desk, tmp_path: Path) -> None:
    def lower(document: dict[str, Any]) -> None:
        document["after"]["system"]["liquidation"]["largest_haircut"] = 9_999

    answer = run("parameters", "check", edited(desk, tmp_path, lower), *desk.signed())
    assert answer.code == 1
    assert held(answer) == {"simulated": True, "signature one.json": False, "signature two.json": False,
                            "quorum": False}
    for key, value in (("reason", "another"), ("effective_at", "2026-12-02T00:00:00Z"), ("author", "nobody")):
        path = edited(desk, tmp_path, lambda document, key=key, value=value: document.update({key: value}))  # type: ignore[misc]
        assert held(run("parameters", "check", path, *desk.signed()))["quorum"] is False


def test_a_changed_simulation_is_found_by_who_makes_it_again(run: Run, desk: Desk, tmp_path: Path) -> None:
    def prettier(document: dict[str, Any]) -> None:
        document["simulation"]["below"]["initial_after"] = 0

    path = edited(desk, tmp_path, prettier)
    answer = run("parameters", "check", path, *desk.market(), *desk.signed())
    assert answer.code == 1
    assert held(answer)["simulated as it says"] is False
    assert held(answer)["quorum"] is False                     # nor did anybody sign it
    assert "below: says" in next(one["told"] for one in answer.data["checks"] if one["name"] == "simulated as it says")


def test_a_simulation_of_other_portfolios_is_none_of_these(run: Run, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "fewer"
    folder.mkdir()
    for name in ("covered_call", "cross_asset_hedge"):
        (folder / f"{name}.json").write_text((BOOKS / f"{name}.json").read_text())
    answer = run("parameters", "check", desk / "proposal.json", "--epoch", desk.epoch, "--portfolios", folder,
                 *desk.signed())
    assert answer.code == 1
    told = next(one for one in answer.data["checks"] if one["name"] == "simulated as it says")
    assert told["holds"] is False
    assert "counts: says" in told["told"] or "below: says" in told["told"]


def test_forged_signatures_are_no_quorum(run: Run, desk: Desk, tmp_path: Path) -> None:
    good = json.loads((desk / "one.json").read_text())
    proposal = Proposal.load(desk / "proposal.json")

    def checked(document: dict[str, Any]) -> Any:
        path = tmp_path / "forged.json"
        path.write_text(json.dumps(document))
        return run("parameters", "check", desk / "proposal.json", "--signature", path, "--signature", desk / "two.json")

    assert checked(good).code == 0
    stranger = ProposalSignature.make(proposal, LocalSigner(STRANGER)).to_json()
    flipped = good["signature"][:10] + format(int(good["signature"][10], 16) ^ 1, "x") + good["signature"][11:]
    for forged in (stranger, {**stranger, "signer": good["signer"]}, {**good, "signature": flipped},
                   {**good, "signer": KEYS[2].address}, {**good, "oracle": OTHER}, {**good, "chain_id": 1},
                   {**good, "proposal": "0x" + "00" * 32}, json.loads((desk / "two.json").read_text())):
        answer = checked(forged)
        assert answer.code == 1, forged
        assert held(answer)["signature forged.json"] is not held(answer)["signature two.json"]
        assert held(answer)["quorum"] is False
    high = bytearray.fromhex(good["signature"][2:])
    order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141
    high[32:64] = (order - int.from_bytes(high[32:64], "big")).to_bytes(32, "big")
    high[64] ^= 7                                                # 27 and 28 change places
    assert checked({**good, "signature": "0x" + high.hex()}).code == 1


def test_one_signature_twice_is_one(run: Run, desk: Desk) -> None:
    answer = run("parameters", "check", desk / "proposal.json", "--signature", desk / "one.json", "--signature",
                 desk / "one.json")
    assert (answer.code, held(answer)["quorum"]) == (1, False)


def test_signers_are_who_the_checker_knows(run: Run, desk: Desk, tmp_path: Path) -> None:
    """A proposer names publishers of his own as those before: who knows what is in force is not fooled."""
    def mine(document: dict[str, Any]) -> None:
        for side in ("before", "after"):
            document[side]["system"]["publishers"] |= {"signers": [STRANGER.address], "quorum": 1}

    path = edited(desk, tmp_path, mine)
    signature = ProposalSignature.make(Proposal.load(path), LocalSigner(STRANGER))
    (tmp_path / "mine.json").write_text(json.dumps(signature.to_json()))
    assert run("parameters", "check", path, "--signature", tmp_path / "mine.json").code == 0     # on trust, as it says
    answer = run("parameters", "check", path, "--signature", tmp_path / "mine.json", "--in-force", desk / "now.json")
    assert answer.code == 1
    assert held(answer)["before is in force"] is False
    assert held(answer)["quorum"] is False
    named = run("parameters", "check", desk / "proposal.json", *desk.signed(), "--known-signer", KEYS[0].address,
                "--known-signer", KEYS[1].address, "--quorum", 2)
    assert named.code == 0
    assert run("parameters", "check", desk / "proposal.json", *desk.signed(), "--known-signer", KEYS[0].address,
               "--quorum", 1).code == 1                          # the other signed, and may not
    for words in (("--quorum", 1), ("--known-signer", KEYS[0].address),
                  ("--known-signer", KEYS[0].address, "--quorum", 2),
                  ("--known-signer", KEYS[0].address, "--known-signer", KEYS[1].address, "--quorum", 1)):
        assert run("parameters", "check", desk / "proposal.json", *words).code == 2


def deployed(path: Path, **changed: Any) -> Path:
    """A deployment file; nothing of it is on any chain."""
    from tailproof.formats.contracts import deployment_examples
    document = deployment_examples()[0]
    document["chain_id"] = 31337
    document["contracts"] |= changed
    path.write_text(json.dumps(document))
    System.load(path)
    return path


def test_parameters_of_another_system_are_refused(run: Run, desk: Desk, tmp_path: Path) -> None:
    ours = deployed(tmp_path / "ours.json", oracle=ORACLE)
    other = deployed(tmp_path / "other.json", oracle=OTHER)
    good = run("parameters", "check", desk / "proposal.json", *desk.signed(), "--deployment", ours)
    assert good.code == 0, good.data
    assert held(good)["of this system"] is True
    assert held(good)["waits"] is True
    assert any("was proposed at" in text for text in good.data["taken_on_trust"]), "who proposes could say any time"
    answer = run("parameters", "check", desk / "proposal.json", *desk.signed(), "--deployment", other)
    assert (answer.code, held(answer)["of this system"]) == (1, False)
    answer = run("parameters", "calls", desk / "proposal.json", "--deployment", other)
    assert (answer.code, answer.data["field"]) == (2, "--deployment")
    foreign = parameters("4.0", oracle=OTHER)
    with pytest.raises(BadInput, match=r"after\.oracle is .* must be .*as before"):
        Proposal(parameters(), foreign, "desk", "x", 0, 1)
    with pytest.raises(BadInput, match=r"system\.chain_id is 5: must be 31337"):
        gathered(31337, ORACLE, system={**system(), "chain_id": 5})
    # A signature of the same change for another oracle.
    there = Proposal(parameters(oracle=OTHER), foreign, "desk", "tails are lighter", 1, 2)
    here = Proposal(parameters(), parameters("4.0"), "desk", "tails are lighter", 1, 2)
    simulation = Proposal.load(desk / "proposal.json").simulation
    signed = ProposalSignature.make(replace(there, simulation=simulation), LocalSigner(KEYS[0]))
    with pytest.raises(BadInput, match="oracle is"):
        signed.require(replace(here, simulation=simulation))
    with pytest.raises(BadInput, match="signature is by"):
        replace(signed, oracle=ORACLE, proposal=replace(here, simulation=simulation).digest).require(
            replace(here, simulation=simulation))


def test_calls_of_the_change_are_written(run: Run, desk: Desk, tmp_path: Path) -> None:
    ours = deployed(tmp_path / "ours.json", oracle=ORACLE)
    answer = run("parameters", "calls", desk / "proposal.json", "--deployment", ours, "--out", tmp_path / "calls.json")
    assert answer.code == 0
    (one,) = answer.data["calls"]
    assert (one["contract"], one["to"], one["function"], one["role"]) == ("oracle", ORACLE, "setLimits", "admin")
    assert one["delay"] == 7 * 86_400
    assert set(answer.data["elsewhere"]) == {"model.volatility.BTC.degrees", "system.ledger.buffers"}
    assert json.loads((tmp_path / "calls.json").read_text())["calls"] == answer.data["calls"]


def test_a_change_that_does_not_wait_is_seen(run: Run, desk: Desk, tmp_path: Path) -> None:
    ours = deployed(tmp_path / "ours.json", oracle=ORACLE)
    path = edited(desk, tmp_path, lambda document: document.update(effective_at="2026-12-07T23:59:59Z"))
    answer = run("parameters", "check", path, *desk.signed(), "--deployment", ours)
    assert held(answer)["waits"] is False
    path = edited(desk, tmp_path, lambda document: document.update(effective_at="2026-12-08T00:00:00Z"))
    answer = run("parameters", "check", path, *desk.signed(), "--deployment", ours)
    assert held(answer)["waits"] is True
    # Of when it was proposed, it says what it likes: who saw it later counts from then.
    assert any("That it was proposed at 2026-12-01T00:00:00Z" in text for text in answer.data["taken_on_trust"])
    for seen, waits in (("11-20T00:00:00", True), ("12-01T00:00:00", True), ("12-01T00:00:01", False)):
        answer = run("parameters", "check", path, *desk.signed(), "--deployment", ours, "--seen", f"2026-{seen}Z")
        assert (seen, held(answer)["waits"]) == (seen, waits)
        assert not any("was proposed at" in text for text in answer.data["taken_on_trust"])
    assert run("parameters", "check", path, "--deployment", ours, "--seen", "soon").data["field"] == "--seen"


def test_an_epoch_is_held_against_the_parameters_signed(run: Run, desk: Desk, tmp_path: Path) -> None:
    old = run("parameters", "check", desk / "proposal.json", *desk.signed(), "--applied", desk.epoch)
    assert old.code == 1
    assert held(old)["the epoch's model is the one after"] is False
    assert held(old)["the epoch's contingencies are those after"] is True
    assert run("epoch", "build", "--book", FIXTURES / "book.json", "--model", desk / "next.toml", "--out",
               tmp_path / "epoch").code == 0
    new = run("parameters", "check", desk / "proposal.json", *desk.signed(), "--applied", tmp_path / "epoch")
    assert new.code == 0


# -- bad input ---------------------------------------------------------------------------------------------------------
def test_nobody_signs_what_nobody_simulated(run: Run, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEYS[0].key.hex())
    answer = run("parameters", "sign", desk / "bare.json", "--out", tmp_path / "signature.json")
    assert (answer.code, answer.data["field"]) == (2, "simulation")
    assert not (tmp_path / "signature.json").exists()
    bare = run("parameters", "check", desk / "bare.json", *desk.signed())
    assert (bare.code, held(bare)["simulated"]) == (1, False)


def test_a_simulation_is_on_an_epoch_of_what_is_in_force(desk: Desk) -> None:
    numbers = epochs.load(desk.epoch)
    wrong = Proposal(parameters("3.5"), parameters("4.0"), "desk", "x", 0, 1)
    with pytest.raises(BadInput, match=r"--epoch is .* must be one of the model before"):
        simulate(wrong, numbers, BOOKS)                                                    # type: ignore[arg-type]
    book = json.loads((FIXTURES / "book.json").read_text())
    book["contingencies"][0]["short"] = "0.5"
    other = json.dumps(book).encode()
    with pytest.raises(BadInput, match="those of the parameters before"):
        simulate(Proposal(parameters(book=other), parameters("4.0", book=other), "desk", "x", 0, 1), numbers,  # type: ignore[arg-type]
                 BOOKS)


def test_parameters_that_make_no_epoch_are_found_in_the_simulation(desk: Desk) -> None:
    numbers = epochs.load(desk.epoch)
    book = json.loads((FIXTURES / "book.json").read_text())
    for entry in book["contingencies"]:
        entry["short"] = "0"
    proposal = Proposal(parameters(), parameters(book=json.dumps(book).encode()), "desk", "free", 0, 1)
    with pytest.raises(BadInput, match="G11"):
        simulate(proposal, numbers, BOOKS)                                                 # type: ignore[arg-type]


@pytest.mark.parametrize(("before", "after", "message"), [
    ({}, {}, "other parameters than before"), ({}, {"effective": "2026-11-30T00:00:00Z"}, "at or after 2026-12-01")])
def test_a_proposal_changes_something_and_ends_after_it_begins(run: Run, desk: Desk, tmp_path: Path,
                                                              before: dict[str, str], after: dict[str, str],
                                                              message: str) -> None:
    answer = run("parameters", "propose", desk / "now.json", desk / ("next.json" if after else "now.json"), "--author",
                 "desk", "--reason", "x", "--proposed", PROPOSED, "--effective", after.get("effective", EFFECTIVE),
                 "--out", tmp_path / "out.json")
    assert answer.code == 2
    assert message in answer.data["message"]


def test_the_same_parts_are_on_both_sides() -> None:
    with pytest.raises(BadInput, match="of the same parts as before"):
        Proposal(parameters(), gathered(31337, ORACLE, model=model("4.0")), "desk", "x", 0, 1)
    with pytest.raises(BadInput, match="at least one of them"):
        gathered(31337, ORACLE)


@pytest.mark.parametrize(("edit", "field"), [
    (lambda d: d["before"].update(model="schema = 3"), "before.model: "), (lambda d: d.update(reason="  "), "reason"),
    (lambda d: d["after"]["contingencies"][0].update(short="11"), "after.contingencies[0].short"),
    (lambda d: d["after"]["contingencies"].append(d["after"]["contingencies"][0]), "after.contingencies[10].kind"),
    (lambda d: d["after"]["system"]["oracle"].update(heartbeat=0), "after.system.oracle.heartbeat"),
    (lambda d: d["simulation"]["counts"].update(accounts=-1), "simulation.counts.accounts"),
    (lambda d: d.update(more=1), "more"), (lambda d: d.update(effective_at="soon"), "effective_at")])
def test_what_is_wrong_in_a_proposal_is_named(run: Run, desk: Desk, tmp_path: Path,
                                              edit: Callable[[dict[str, Any]], object], field: str) -> None:
    answer = run("parameters", "show", edited(desk, tmp_path, edit))
    assert answer.code == 2
    assert answer.data["field"].startswith(field)


@pytest.mark.parametrize(("text", "message"), [
    ("who,what\n", "line 1"), ("", "line 1"), ("account,collateral\na,1\na,2\n", "line 3"),
    ("account,collateral\na\n", "line 2"), ("account,collateral\na,-1\n", "line 2, collateral"),
    ("account,collateral\na,lots\n", "line 2, collateral"), (b"\xff\xfe", "UTF-8"),
    ('account,collateral\n"a,1\n', "file is no CSV"), ("account,collateral\na\rb,1\n", "line 2")])
def test_collateral_that_is_none_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput, match=message):
        read_collateral(path)


def test_who_may_sign_is_asked_for_by_the_option_s_name(run: Run, desk: Desk, tmp_path: Path) -> None:
    def models(document: dict[str, Any]) -> None:
        for side in ("before", "after"):
            del document[side]["system"]

    answer = run("parameters", "check", edited(desk, tmp_path, models))
    assert (answer.code, answer.data["field"]) == (2, "--known-signer")
    shown = CliRunner().invoke(main, ["parameters", "check", "--help"]).stdout
    assert "--known-signer" in shown


def test_collateral_and_accounts_are_the_same(desk: Desk, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("account,collateral\nnobody,5\n")
    answer = run("parameters", "simulate", desk / "bare.json", *desk.market(), "--collateral", path, "--out",
                 tmp_path / "out.json")
    assert (answer.code, answer.data["field"]) == (2, "collateral of concentrated_short")
    names = sorted(one.stem for one in BOOKS.glob("*.json"))
    path.write_text("account,collateral\n" + "".join(f"{name},5\n" for name in [*names, "nobody"]))
    answer = run("parameters", "simulate", desk / "bare.json", *desk.market(), "--collateral", path, "--out",
                 tmp_path / "out.json")
    assert (answer.code, answer.data["field"]) == (2, "account")
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (empty, tmp_path / "absent"):
        answer = run("parameters", "simulate", desk / "bare.json", "--epoch", desk.epoch, "--portfolios", folder,
                     "--out", tmp_path / "out.json")
        assert (answer.code, answer.data["field"]) == (2, "--portfolios")


def test_gather_wants_one_system(run: Run, tmp_path: Path) -> None:
    ours = deployed(tmp_path / "ours.json", oracle=ORACLE)
    made = run("parameters", "gather", "--deployment", ours, "--model", FIXTURES / "model.toml", "--out",
               tmp_path / "out.json")
    assert (made.code, made.data["oracle"], made.data["parts"]) == (0, ORACLE, ["model"])
    for words in ((), ("--chain", 5), ("--deployment", ours, "--chain", 5, "--oracle", ORACLE)):
        assert run("parameters", "gather", *words, "--model", FIXTURES / "model.toml", "--out",
                   tmp_path / "no.json").code == 2


def test_changes_are_told_number_by_number() -> None:
    book = json.loads((FIXTURES / "book.json").read_text())
    book["contingencies"][3]["short"] = "0.02"
    found = changes(parameters(), parameters("4.0", book=json.dumps(book).encode(), oracle__heartbeat=900))
    assert [(one.path, one.before, one.after) for one in found] == [
        ("contingencies.BTC call.short", "0.012", "0.02"), ("model.volatility.BTC.degrees", 3.05136, 4.0),
        ("system.oracle.heartbeat", 600, 900)]
    assert Parameters.parse(Node(parameters().document)).digest == parameters().digest


def test_who_signs_sees_each_of_several_that_change() -> None:
    """A list is told entry by entry: of three signers cut off after the first, another third would not be seen."""
    after, other = parameters().document, "0x" + "99" * 20
    after = json.loads(json.dumps(after))
    signers = after["system"]["publishers"]["signers"]
    before = signers[-1]
    signers[-1] = other
    made = Proposal(parameters(), Parameters.parse(Node(after)), "desk", "x", 0, 1)
    assert made.told() == [(f"system.publishers.signers[{len(signers) - 1}]", before, other)]
    signers[-1] = before
    signers.append("0x" + "aa" * 20)
    after["system"]["publishers"]["quorum"] = len(signers)
    made = Proposal(parameters(), Parameters.parse(Node(after)), "desk", "x", 0, 1)
    assert (f"system.publishers.signers[{len(signers) - 1}]", "-", signers[-1]) in made.told()
    assert len(made.told()) == 2, "the quorum, and who is new"
