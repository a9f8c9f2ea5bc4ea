"""Covers and flatness as margins: proven into a bundle, verified offline, carried by anybody. Embedded chain, tiny
statements, real proofs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from real_system import DEPOSIT, RealSystem

from circuits import statements
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from tailproof.cli import main
from tailproof.covering import least_value, required_margin
from tailproof.secret import Opening
from tailproof.statement_table import TABLE, kind_of
from verifier_contracts.context import STATEMENTS

HELD = 60_000 * 10**6


@pytest.fixture
def funded(real: RealSystem, tmp_path: Path) -> Path:
    """A registered account with collateral and cash; the folder of its opening."""
    def make(folder: Path) -> None:
        real.mint(HELD)
        real("vault", "deposit", "--amount", HELD)
        real.register([(real.epoch.cash_id, DEPOSIT)]).save(folder / "opening.json")
    return real.scene("funded", tmp_path, make)


def prove(real: RealSystem, folder: Path, slot: str, *more: object, code: int = 0) -> dict[str, Any]:
    epoch = () if slot == "flat" else ("--epoch", real.path("epoch"))
    return real("prove", "--key", real.path(f"keys/{slot}"), *epoch, "--opening", folder / "opening.json", "--account",
                real.trader.address, "--out", folder / f"{slot}.json", *more, sends=False, code=code)


def verify(real: RealSystem, bundle: Path, slot: str) -> Any:
    epoch = () if slot == "flat" else ("--epoch", real.path("epoch"))
    return real.run("verify", bundle, "--key", real.path(f"keys/{slot}"), *epoch)


def counted(real: RealSystem) -> tuple[object, ...]:
    return "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json")


def altered(path: Path, **changes: Any) -> Path:
    data = json.loads(path.read_text())
    for key, value in changes.items():
        part, _, name = key.partition("__")
        data[part] = {**data[part], name: value} if name else value
    other = path.with_name("altered.json")
    other.write_text(json.dumps(data))
    return other


# -- cover -------------------------------------------------------------------------------------------------------------
def test_a_cover_is_proven_verified_and_carried(real: RealSystem, funded: Path) -> None:
    buffer = real.at.ledger.buffer_of(1)
    proven = prove(real, funded, "cover", "--value", HELD, "--buffer", buffer)
    assert "margin" not in proven
    shown = verify(real, funded / "cover.json", "cover")
    assert shown.code == 0
    assert (shown.data["value"], shown.data["buffer"], shown.data["covered"]) == (str(HELD), buffer, True)
    assert any("vault holds" in line for line in shown.data["taken_on_trust"])
    done = real("submit", funded / "cover.json", *counted(real), by=real.world.relayer)
    assert done["outcome"] == "attested"
    assert real("contract", "show", "--account", real.trader.address, sends=False)["margin_hidden"] is True


def test_a_cover_of_something_else_is_not_carried(real: RealSystem, funded: Path) -> None:
    buffer = real.at.ledger.buffer_of(1)
    prove(real, funded, "cover", "--value", HELD, "--buffer", buffer)
    bundle, blocks = funded / "cover.json", real.chain.block_number()
    claim = Claim(HELD, buffer, True)
    for name, changes in {
            "OtherChain": {"context__chain_id": 1}, "OtherManager": {"context__manager": real.trader.address},
            "OtherAction": {"context__action_hash": "0x" + "11" * 32}, "ContextMismatch": {"context__version": 7},
            "OtherCircuit": {"r1cs_digest": "11" * 32}, "OtherCommitment": {"public_inputs__portfolio_commitment": "7"},
            "OtherRoot": {"public_inputs__epoch_root": "7"}, "OtherStatement": {"statement": "cover-tiny-w"},
            "OtherBuffer": {"public_inputs__claim": str(Claim(HELD, 7, True).packed())},
            "OtherSide": {"public_inputs__claim": str(Claim(HELD, buffer, False).packed())}}.items():
        answer = real("submit", altered(bundle, **changes), *counted(real), code=1)
        assert answer["error"] == name
    for step, error in ((1, "ClaimAboveValue"), (-1, "ProofRejected")):
        moved = altered(bundle, public_inputs__claim=str(claim.packed() + step))
        assert real("submit", moved, *counted(real), code=1)["error"] == error
    assert real.chain.block_number() == blocks, "nothing was sent"
    assert real("submit", bundle, code=2)["field"] == "--epoch"


def test_a_false_claim_is_not_proven(real: RealSystem, funded: Path) -> None:
    least = least_value(required_margin(real.epoch, Opening.load(funded / "opening.json")), 500)
    if least:
        assert "10**4 V" in prove(real, funded, "cover", "--value", least - 1, "--buffer", 500, code=2)["field"]
    assert "10**4 V" in prove(real, funded, "cover", "--value", least, "--buffer", 500, "--short", code=2)["field"]
    assert prove(real, funded, "cover", code=2)["field"] == "--value and --buffer"
    assert prove(real, funded, "cover", "--value", 5, code=2)["field"] == "--value and --buffer"
    assert prove(real, funded, "margin", "--value", 5, "--buffer", 5, code=2)["field"] == "--value and --buffer"


def test_each_false_part_of_a_cover_is_found_offline(real: RealSystem, funded: Path) -> None:
    prove(real, funded, "cover", "--value", HELD, "--buffer", 500)
    bundle = funded / "cover.json"
    for check, changes in {
            "context": {"context__version": 9}, "context's statement": {"context__statement": "margin"},
            "epoch root": {"public_inputs__epoch_root": "7"}, "constraint system": {"r1cs_digest": "11" * 32},
            "proof (kernels)": {"public_inputs__claim": str(Claim(HELD, 499, True).packed())}}.items():
        answer = verify(real, altered(bundle, **changes), "cover")
        assert answer.code == 1
        assert check in {found["name"] for found in answer.data["checks"] if not found["holds"]}
    wide = verify(real, altered(bundle, public_inputs__claim=str(1 << 145)), "cover")
    assert (wide.code, wide.data["field"]) == (2, "claim")
    bare = real.run("verify", bundle, "--key", real.path("keys/cover"))
    assert (bare.code, bare.data["field"]) == (2, "--epoch")


def test_a_claim_is_read_as_it_was_packed() -> None:
    for claim in (Claim(0, 0, False), Claim(2**96 - 1, 2**16 - 1, True), Claim(7, 500, True), Claim(7, 500, False)):
        assert Claim.of(claim.packed()) == claim
    for none in (-1, 1 << 145, 1 << 96):
        with pytest.raises(BadInput):
            Claim.of(none)


# -- flat --------------------------------------------------------------------------------------------------------------
def test_flatness_is_proven_verified_and_carried(real: RealSystem, tmp_path: Path) -> None:
    real.register([]).save(tmp_path / "opening.json")
    prove(real, tmp_path, "flat")
    assert verify(real, tmp_path / "flat.json", "flat").code == 0
    other = verify(real, altered(tmp_path / "flat.json", context__version=9), "flat")
    assert (other.code, [check["name"] for check in other.data["checks"] if not check["holds"]]) == (1, ["context"])
    answer = real("submit", altered(tmp_path / "flat.json", public_inputs__portfolio_commitment="7"), code=1)
    assert answer["error"] == "OtherCommitment"
    assert real("submit", tmp_path / "flat.json", by=real.world.relayer)["outcome"] == "attested"
    assert real.at.ledger.is_flat(real.trader.address)


def test_what_holds_something_is_not_flat(real: RealSystem, funded: Path) -> None:
    assert "lots" in prove(real, funded, "flat", code=2)["field"]
    assert prove(real, funded, "flat", "--epoch", real.path("epoch"), code=2)["field"] == "--epoch"
    assert prove(real, funded, "flat", "--epoch-id", 5, code=2)["field"] == "--epoch-id"


# -- the table ---------------------------------------------------------------------------------------------------------
def test_every_statement_has_its_row_and_every_command_is_there() -> None:
    assert {kind_of(statements.get(name)) for name in statements.names()} == set(TABLE) == set(STATEMENTS)
    for kind, row in TABLE.items():
        for step in ("commit", "prove", "verify", "submit"):
            words = getattr(row, step)
            if words.startswith("("):
                assert words.endswith(")"), (kind, step)
                continue
            command: click.Command = main
            for word in words.split():
                assert isinstance(command, click.Group)
                found = command.get_command(click.Context(command), word)
                assert found is not None, (kind, words)
                command = found


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).parent.parent / "docs" / "statements.md").read_text()
    for kind, row in TABLE.items():
        cells = [words if words.startswith("(") else f"`{words}`"
                 for words in (row.commit, row.prove, row.verify, row.submit)]
        assert f"| {kind} | {row.needs} | {' | '.join(cells)} |\n" in page


def test_a_key_of_another_statement_is_told_its_command(real: RealSystem, funded: Path) -> None:
    answer = prove(real, funded, "transition", code=2)
    assert answer["field"] == "--key"
    assert "trade apply" in answer["bound"]
    shown = real.run("statement", "show", "cover-tiny").data["commands"]
    assert shown == {"needs": "epoch, value, buffer and side", "commit": "commit", "prove": "prove", "verify": "verify",
                     "submit": "submit"}
