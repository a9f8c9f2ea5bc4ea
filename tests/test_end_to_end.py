"""From fixtures to three verifiers that share no code: all accept the proof, all refuse everything beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import outside_snarkjs
import pytest
from eth_account import Account
from margin_site import deploy_margins, publish
from nodes import anvil
from system_world import SystemWorld

import tailproof
from circuits import statements
from primitives.errors import BadInput
from primitives.field import MODULUS
from prover import Proof, VerificationKey, verify
from prover.curve import BASE_MODULUS
from prover.files import snarkjs
from tailproof.demo import WRITTEN, snarkjs_accepts
from tailproof.statements import r1cs_digest
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.errors import ContractRefused, Reverted

FIXTURES = Path(__file__).parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"
PORTFOLIOS = sorted(path.stem for path in (FIXTURES / "portfolios").glob("*.json"))


@pytest.fixture(scope="module")
def keys(key_directory: Path) -> tailproof.KeyDirectory:
    return tailproof.KeyDirectory.load(key_directory)


@pytest.fixture(scope="module")
def key(keys: tailproof.KeyDirectory) -> VerificationKey:
    return keys.verification_key()


@pytest.fixture(scope="module")
def epoch(epoch_directory: Path) -> tailproof.Epoch:
    return tailproof.load_epoch(epoch_directory)


@pytest.fixture(scope="module", params=[pytest.param("embedded", marks=pytest.mark.slow), "anvil"])
def contracts(request: pytest.FixtureRequest, keys: tailproof.KeyDirectory, epoch: tailproof.Epoch
              ) -> Iterator[tuple[SystemWorld, int]]:
    """A deployed system, and the id under which the epoch is published."""
    if request.param == "embedded":
        world = deploy_margins(Chain.embedded(), keys)
        yield world, publish(world, epoch)
    else:
        with anvil() as chain:
            world = deploy_margins(chain, keys)
            yield world, publish(world, epoch)


def prove_for(world: SystemWorld, epoch_id: int, keys: tailproof.KeyDirectory, epoch: tailproof.Epoch, name: str
              ) -> tailproof.Bundle:
    """Register a fixture portfolio for a fresh account, and prove its margin."""
    owner = Account.create()
    portfolio = tailproof.Portfolio.read(FIXTURES / "portfolios" / f"{name}.json")
    opening = tailproof.commit(statements.get(STATEMENT), epoch, portfolio)
    desk, ledger = world.at.desk, world.at.ledger
    consent = desk.consent(owner.address, world.venue, opening.commitment, world.chain.now() + 3600)
    desk.register(consent, consent.sign(owner), sender=world.venue)
    context = ledger.context("margin", bytes.fromhex(keys.key_digest[2:]), owner.address, epoch_id, 1)
    return tailproof.prove_margin(keys, epoch, opening, context)


@pytest.mark.parametrize("name", PORTFOLIOS)
def test_the_margin_of_every_fixture_moves_on_chain_and_is_the_integer_one(
        contracts: tuple[SystemWorld, int], keys: tailproof.KeyDirectory, epoch: tailproof.Epoch, name: str) -> None:
    world, epoch_id = contracts
    expected = tailproof.Portfolio.read(FIXTURES / "portfolios" / f"{name}.json").margin(epoch)
    bundle = prove_for(world, epoch_id, keys, epoch, name)
    account, ledger = bundle.context.account, world.at.ledger
    with pytest.raises(ContractRefused):
        ledger.margin_of(account, 3600)
    ledger.attest(account, epoch_id, 1, bundle.margin, proof_words(bundle.proof), sender=world.relayer)
    assert ledger.margin_of(account, 3600) == bundle.margin == expected.required
    assert expected.required == max(0, expected.shortfall.ceiling) + expected.addons
    assert expected.netting_benefit >= 0


# -- three verifiers -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def proven(keys: tailproof.KeyDirectory, epoch: tailproof.Epoch) -> tailproof.Bundle:
    """A proof to attack; its context is of no chain."""
    opening = tailproof.commit(statements.get(STATEMENT), epoch, tailproof.Portfolio.read(
        FIXTURES / "portfolios" / "covered_call.json"))
    context = tailproof.Context("margin", 1, "0x" + "11" * 20, bytes.fromhex(keys.key_digest[2:]), "0x" + "22" * 20, 7,
                                1)
    with pytest.raises(BadInput, match=r"context\.statement"):
        tailproof.prove_margin(keys, epoch, opening, replace(context, statement="cover"))
    return tailproof.prove_margin(keys, epoch, opening, context)


def inputs_of(bundle: tailproof.Bundle) -> list[int]:
    return [bundle.public_inputs[name] for name in statements.get(bundle.statement).public_inputs]


Words = Sequence[int]


def changes(inputs: Words, words: Words) -> Iterator[tuple[str, list[int], list[int]]]:
    """Everything that must be refused: (name, inputs, the proof's eight words)."""
    for i, _ in enumerate(inputs):
        for name, by in (("input + 1", 1), ("input + r", MODULUS)):
            yield f"{name} [{i}]", [x + by * (i == j) for j, x in enumerate(inputs)], list(words)
    for i in range(len(words)):
        yield f"coordinate + 1 [{i}]", list(inputs), [w + (i == j) for j, w in enumerate(words)]
        yield f"coordinate + q [{i}]", list(inputs), [w + BASE_MODULUS * (i == j) for j, w in enumerate(words)]
        negated = [BASE_MODULUS - w if i == j else w for j, w in enumerate(words)]
        yield f"coordinate negated [{i}]", list(inputs), negated
    yield "C in place of A", list(inputs), [*words[6:], *words[2:]]
    yield "all-zero proof", list(inputs), [0] * 8


def proof_of(words: Words) -> Proof:
    """The proof that eight words stand for, in the order of EIP-197."""
    ax, ay, bx1, bx0, by1, by0, cx, cy = words
    return Proof((ax, ay), ((bx0, bx1), (by0, by1)), (cx, cy))


@pytest.mark.parametrize(("backend", "places"), [("kernels", "each"), ("reference", "one"),
                                                 pytest.param("reference", "each", marks=pytest.mark.slow)])
def test_our_verifiers_accept_the_proof_and_refuse_every_change(proven: tailproof.Bundle, key: VerificationKey,
                                                                backend: str, places: str) -> None:
    """The reference takes most of a second: of each kind of change it sees one, in one place."""
    inputs, words = inputs_of(proven), proof_words(proven.proof)

    def accepts(inputs: Words, words: Words) -> bool:
        try:
            data = snarkjs.proof_to_json(proof_of(words))
            return verify(key, list(inputs), snarkjs.proof_from_json(data), backend=backend)
        except BadInput:
            return False
    assert accepts(inputs, words)
    seen = set()
    for name, changed_inputs, changed_words in changes(inputs, words):
        kind = name.split(" [")[0]
        if places == "each" or kind not in seen:
            assert not accepts(changed_inputs, changed_words), name
        seen.add(kind)
    assert len(seen) == 7


def test_snarkjs_accepts_the_proof_and_refuses_every_change_it_can_see(proven: tailproof.Bundle, key: VerificationKey,
                                                                       tmp_path: Path) -> None:
    """It takes the coordinates of a proof modulo q, which is why ours and the contract are stricter than it."""
    inputs, words = inputs_of(proven), proof_words(proven.proof)
    snarkjs.write_verification_key(tmp_path / "verification_key.json", key)

    def accepts(inputs: Words, words: Words) -> bool:
        for name in ("proof.json", "public.json"):     # what exists is never overwritten
            (tmp_path / name).unlink(missing_ok=True)
        snarkjs.write_proof(tmp_path / "proof.json", proof_of(words))
        snarkjs.write_public(tmp_path / "public.json", list(inputs))
        done = outside_snarkjs.snarkjs("groth16", "verify", "verification_key.json", "public.json", "proof.json",
                                       folder=tmp_path)
        assert done.code in (0, 1)
        assert done.said, "snarkjs gave no answer"
        assert ("OK!" in done.said) == (done.code == 0), done.said
        return done.code == 0
    assert accepts(inputs, words)
    assert snarkjs_accepts(tmp_path), "so does the program"
    assert not accepts([inputs[0] + 1, *inputs[1:]], words)
    assert not snarkjs_accepts(tmp_path)
    for name, changed_inputs, changed_words in changes(inputs, words):
        if name.startswith(("input + 1", "input + r", "coordinate + 1", "C in place")):
            assert not accepts(changed_inputs, changed_words), name


def test_the_contract_accepts_the_proof_and_refuses_every_change(contracts: Any, proven: tailproof.Bundle) -> None:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak
    world, _ = contracts
    verifier = world.system.installed("margin").verifier
    inputs, words = inputs_of(proven), proof_words(proven.proof)
    selector = keccak(text="verifyProof(uint256[8],uint256[4])")[:4]

    def refusal(inputs: Words, words: Words) -> str | None:
        try:
            world.chain.call(verifier, selector + encode(["uint256[8]", "uint256[4]"], [list(words), list(inputs)]))
        except Reverted as error:
            return error.data.hex()
        return None
    assert refusal(inputs, words) is None
    for name, changed_inputs, changed_words in changes(inputs, words):
        assert refusal(changed_inputs, changed_words), name


def test_a_negated_proof_pair_is_another_proof_of_the_statement(proven: tailproof.Bundle, key: VerificationKey) -> None:
    """Groth16 is malleable: (-A, -B, C) verifies too, so nothing may be keyed on proof bytes. The chain keys on
    (account, epoch, version)."""
    a, b = proven.proof.a, proven.proof.b
    assert a is not None
    assert b is not None
    mirrored = replace(proven.proof, a=(a[0], BASE_MODULUS - a[1]),
                       b=(b[0], (BASE_MODULUS - b[1][0], BASE_MODULUS - b[1][1])))
    assert mirrored != proven.proof
    assert verify(key, inputs_of(proven), mirrored)


def test_the_bundle_names_its_constraint_system(proven: tailproof.Bundle) -> None:
    assert proven.r1cs_digest == r1cs_digest(STATEMENT)


def test_the_demo_runs_and_everything_in_it_holds(run: Callable[..., Any], tmp_path: Path) -> None:
    answer = run("demo", "--out", tmp_path / "demo")
    assert answer.code == 0, answer.stderr
    assert answer.data["holds"] is True
    assert answer.data["not_run"] == {}, "Node is here, and snarkjs has been asked"
    assert answer.data["verified"]["snarkjs"] is True
    assert len(answer.data["attacks"]) == 7
    assert all(attack["refused_as"] == attack["expected"] for attack in answer.data["attacks"])
    assert [entry["statement"] for entry in answer.data["family"]] == ["solvency-grid-1000x32", "netting-grid-4x8"]
    assert all(set(entry["verified"].values()) == {True} for entry in answer.data["family"])
    assert "margin" not in answer.data["family"][0]["shown"], "solvency shows no margin"
    assert answer.data["family"][1]["margin"] < answer.data["family"][1]["standalone"]
    second = answer.data["collateral"]
    assert len(second["attacks"]) == 9
    assert all(attack["refused_as"] == attack["expected"] for attack in second["attacks"])
    assert 0 < int(second["withdrawn"]) == int(second["paid"]) < int(second["deposited"])
    assert 0 <= int(second["kept"]) - int(second["needed"]) <= 1, "one unit more would have been too much"
    assert int(second["cash"]) < -int(second["deposited"]), "she bought on credit"
    assert (second["attested"], int(second["forfeited"])) == (16, 3 * 10**18)
    assert second["opened"] == 2, "her venue alone, and two of the committee, read what she holds"
    third = answer.data["liquidation"]
    assert third["failures"] == []
    assert third["ended"]["sleeper, sold"].startswith("sold to bidder 3 for 18,000")
    assert {"call", "cure", "lot", "sale", "lie"} <= {entry["kind"] for entry in third["entries"]}
    assert {path.name for path in (tmp_path / "demo").iterdir()} == WRITTEN, "what the next run may take away"
    for picture in ("losses.png", "timeline.png"):
        assert (tmp_path / "demo" / picture).read_bytes()[:4] == b"\x89PNG"
