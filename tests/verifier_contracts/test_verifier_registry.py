"""The registry of verifiers: announced, waited for, examined, replaced, distrusted; no key ever comes back."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from ledger_world import (
    DAY,
    HOUR,
    NOWHERE,
    REGISTRY_GAS,
    STATEMENTS,
    Tested,
    candidate,
    refused,
    replace,
    send_contract,
    statement_id,
)
from toykey import CIRCUIT, ToyKey, g1
from world import embedded

from verifier_contracts import embedded as embedded_machine
from verifier_contracts.abi import encode_deployment
from verifier_contracts.compiler import compile_contracts, compile_sources
from verifier_contracts.creation import deploy_verifier

COVER = statement_id("cover")
WAIT = 7 * DAY

FAKES = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Says what a good verifier says, and answers as it was made to.
contract Fake {
    bytes32 public constant CIRCUIT_DIGEST = {circuit};
    bool public constant INSECURE = false;
    address private immutable good;
    uint256 private immutable mode;
    bytes32 private immutable digest;
    bool public broken;

    error Nope();

    constructor(address good_, uint256 mode_, bytes32 digest_) {
        (good, mode, digest) = (good_, mode_, digest_);
    }

    function breakDown() external {
        broken = true;
    }

    function KEY_DIGEST() external view returns (bytes32) {
        if (broken && mode == 3) return ~digest;
        require(!broken, "broken");
        return digest;
    }

    /// 0: anything holds; 1: nothing does; 2: only the known answer; 3: asks the good one; 4: looks at the first 3
    /// inputs, 6: at the last 3; 7: refuses by another error's name, 8: by more than the right one.
    fallback() external {
        if (mode == 0) return;
        if (mode == 1) revert Nope();
        bytes memory data = msg.data;
        if (mode == 2) {
            if (uint8(data[data.length - 1]) != 4) revert Nope();
            return;
        }
        if (mode == 4) data[data.length - 1] = bytes1(uint8(4));
        if (mode == 6) data[291] = bytes1(uint8(1));
        (bool ok, bytes memory answer) = good.staticcall(data);
        if (mode == 7) answer = abi.encodeWithSignature("Nope()");
        if (mode == 8) answer = bytes.concat(answer, "!");
        if (!ok) assembly { revert(add(answer, 0x20), mload(answer)) }
    }
}
""".replace("{circuit}", "0x" + CIRCUIT.hex())


@pytest.fixture(scope="module")
def next_key() -> ToyKey:
    return ToyKey(4, seed="cover, next")


@pytest.fixture(scope="module")
def third_key() -> ToyKey:
    return ToyKey(4, seed="cover, third")


def verifier_of(world, key):
    return deploy_verifier(world.chain, key.verification_key, "cover", CIRCUIT)


def announce(world, given, statement=COVER, sender=None):
    return world.registry.transact("announce", statement, given, sender=sender or world.admin)


def activate(world, given, statement=COVER, sender=None):
    return world.registry.transact("activate", statement, given, sender=sender or world.stranger)


def wait(world, seconds=WAIT):
    world.chain.travel_to(world.chain.now() + seconds)


def rotate(world, key):
    """Announce, wait and activate; returns what was announced."""
    given = candidate(world.chain, key, verifier_of(world, key))
    announce(world, given)
    wait(world)
    activate(world, given)
    return given


def fake(world, key, mode):
    artifact = compile_sources({"Fake.sol": FAKES})["Fake"]
    code = encode_deployment(artifact, [verifier_of(world, key), mode, key.verification_key.digest()])
    return world.chain.send(None, code).contract


# -- at deployment -----------------------------------------------------------------------------------------------------
def test_first_generations_are_in_force_at_once(ledgers):
    for name in STATEMENTS:
        verifier, digest, generation = ledgers.registry.read("active", statement_id(name))
        assert (digest, generation) == (ledgers.keys[name].verification_key.digest(), 1)
        assert ledgers.registry.read("byGeneration", statement_id(name), 1) == (verifier, digest)
        assert ledgers.registry.read("isTrusted", statement_id(name), 1)
    with refused("NoVerifier"):
        ledgers.registry.read("active", statement_id("nobody's"))
    with refused("NoVerifier"):
        ledgers.registry.read("byGeneration", COVER, 2)
    assert not ledgers.registry.read("isTrusted", COVER, 2)
    assert not ledgers.registry.read("isTrusted", COVER, 0)


def test_an_authority_without_code_is_refused(ledgers):
    for nothing in (NOWHERE, ledgers.stranger):
        with refused("AuthorityMissing"):
            send_contract(ledgers.chain, "VerifierRegistry", [nothing, True, []])


def test_permission_for_insecure_keys_is_public(ledgers, next_key):
    assert ledgers.registry.read("allowsInsecureSetup")
    strict = send_contract(ledgers.chain, "VerifierRegistry", [ledgers.authority.address, False, []])
    assert not strict.read("allowsInsecureSetup")
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key))
    with refused("InsecureSetup"):
        strict.transact("announce", COVER, given, sender=ledgers.admin)
    with refused("InsecureSetup"):
        send_contract(ledgers.chain, "VerifierRegistry", [ledgers.authority.address, False, [(COVER, given)]])


def test_a_registry_of_insecure_keys_says_so_when_it_is_deployed(ledgers, next_key):
    """Its events alone tell a reader what its proofs are worth."""
    verifier = verifier_of(ledgers, next_key)
    for allowed, first in ((False, []), (True, [(COVER, candidate(ledgers.chain, next_key, verifier))])):
        code = encode_deployment(compile_contracts()["VerifierRegistry"], [ledgers.authority.address, allowed, first])
        receipt = ledgers.chain.send(None, code, gas=REGISTRY_GAS)
        registry = Tested(ledgers.chain, receipt.contract, "VerifierRegistry")
        assert ledgers.events(receipt, registry, "InsecureSetupAllowed") == [{}] * allowed
        assert ledgers.events(receipt, registry, "GenerationActivated") == [
            {"statement": COVER, "generation": 1, "keyDigest": next_key.verification_key.digest(),
             "verifier": verifier, "insecure": True}] * allowed


# -- rotation ----------------------------------------------------------------------------------------------------------
def test_a_rotation_takes_a_week_and_leaves_time_for_proofs_in_flight(ledgers, next_key):
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key), sunset=2 * HOUR)
    receipt = announce(ledgers, given)
    announced = ledgers.chain.now()
    (event,) = ledgers.events(receipt, ledgers.registry, "GenerationAnnounced")
    assert (event["statement"], event["keyDigest"]) == (COVER, next_key.verification_key.digest())
    assert (event["ready"], tuple(event["candidate"].values())) == (announced + WAIT, given)
    before = ledgers.registry.read("active", COVER)
    ledgers.chain.travel_to(announced + WAIT - 2)
    with refused("NotReady"):
        activate(ledgers, given)
    ledgers.chain.travel_to(announced + WAIT)
    receipt = activate(ledgers, given)
    activated = ledgers.chain.now()
    (event,) = ledgers.events(receipt, ledgers.registry, "GenerationActivated")
    assert (event["generation"], event["keyDigest"]) == (2, next_key.verification_key.digest())
    (event,) = ledgers.events(receipt, ledgers.registry, "GenerationReplaced")
    assert (event["generation"], event["sunset"]) == (1, activated + 2 * HOUR)
    assert ledgers.registry.addressed("active", COVER) == given[0]
    assert ledgers.registry.read("active", COVER)[1:] == (next_key.verification_key.digest(), 2)
    ledgers.chain.travel_to(activated + 2 * HOUR - 1)
    assert ledgers.registry.read("byGeneration", COVER, 1) == before[:2]
    ledgers.chain.travel_to(activated + 2 * HOUR)
    with refused("SunsetPassed"):
        ledgers.registry.read("byGeneration", COVER, 1)
    assert ledgers.registry.read("isTrusted", COVER, 1)                 # what was proven stands
    with refused("NotAnnounced"):
        activate(ledgers, given)


def test_only_the_admin_announces(ledgers, next_key):
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key))
    for sender in (ledgers.guardian, ledgers.venue, ledgers.stranger):
        with refused("AccessManagedUnauthorized"):
            announce(ledgers, given, sender=sender)


def test_what_is_activated_is_what_was_announced(ledgers, next_key, third_key):
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key))
    announce(ledgers, given)
    wait(ledgers)
    for other in (candidate(ledgers.chain, third_key, verifier_of(ledgers, third_key)),
                  candidate(ledgers.chain, next_key, given[0], sunset=HOUR)):
        with refused("NotTheCandidate"):
            activate(ledgers, other)
    activate(ledgers, given)


def test_an_announcement_can_be_cancelled_and_lapses(ledgers, next_key):
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key))
    with refused("NotAnnounced"):
        ledgers.registry.transact("cancel", COVER, sender=ledgers.guardian)
    announce(ledgers, given)
    with refused("AnnouncementPending"):
        announce(ledgers, given)
    with refused("AccessManagedUnauthorized"):
        ledgers.registry.transact("cancel", COVER, sender=ledgers.stranger)
    ledgers.registry.transact("cancel", COVER, sender=ledgers.guardian)
    wait(ledgers)
    with refused("NotAnnounced"):
        activate(ledgers, given)
    announce(ledgers, given)
    end = ledgers.chain.now() + WAIT + 30 * DAY
    ledgers.chain.travel_to(end)
    ledgers.registry.check("activate", COVER, given, sender=ledgers.stranger)
    with refused("AnnouncementPending"):
        ledgers.registry.check("announce", COVER, given, sender=ledgers.admin)
    ledgers.chain.travel_to(end + 1)
    with refused("AnnouncementLapsed"):
        activate(ledgers, given)
    announce(ledgers, given)                                            # a lapsed one is in nobody's way


@pytest.mark.parametrize(("bound", "beyond"), [(HOUR, HOUR - 1), (30 * DAY, 30 * DAY + 1)])
def test_a_sunset_has_bounds(ledgers, next_key, bound, beyond):
    verifier = verifier_of(ledgers, next_key)
    with refused("SunsetOutOfRange"):
        announce(ledgers, candidate(ledgers.chain, next_key, verifier, sunset=beyond))
    announce(ledgers, candidate(ledgers.chain, next_key, verifier, sunset=bound))


def test_a_statement_has_a_name(ledgers, next_key):
    with refused("StatementMissing"):
        announce(ledgers, candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key)), statement=bytes(32))


# -- a key serves one statement once -----------------------------------------------------------------------------------
def test_no_key_returns(ledgers, next_key):
    """From A to B and back to A: every proof under A that nobody has shown yet would come alive again."""
    first = ledgers.keys["cover"]
    rotate(ledgers, next_key)
    with refused("KeyAlreadyUsed"):
        announce(ledgers, candidate(ledgers.chain, first, verifier_of(ledgers, first)))
    with refused("KeyAlreadyUsed"):
        announce(ledgers, candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key)))


def test_no_key_serves_two_statements(ledgers, next_key, third_key):
    """`cover` has as many inputs as `margin`: its proofs would pass for the other's."""
    margin = ledgers.keys["margin"]
    with refused("KeyAlreadyUsed"):
        announce(ledgers, candidate(ledgers.chain, margin, verifier_of(ledgers, margin)))
    given = candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key))
    for name in ("cover", "margin"):
        announce(ledgers, given, statement=statement_id(name))          # in both hands at once: the first has it
    wait(ledgers)
    activate(ledgers, given)
    with refused("KeyAlreadyUsed"):
        activate(ledgers, given, statement=statement_id("margin"))


def test_generations_are_as_many_as_readers_can_store(ledgers):
    """Five bits: a thirty-second would pass for generation 0."""
    statement = statement_id("rotated often")
    artifact = compile_sources({"Shape.sol": SHAPE})["Shape"]

    def shape(number):
        digest = number.to_bytes(32, "big")
        verifier = ledgers.chain.send(None, encode_deployment(artifact, [digest])).contract
        return verifier, keccak(ledgers.chain.code(verifier)), digest, CIRCUIT, HOUR, [0] * 8, [1]

    registry = send_contract(ledgers.chain, "VerifierRegistry", [
        ledgers.authority.address, False, [(statement, shape(number)) for number in range(1, 32)]])
    assert registry.read("active", statement)[2] == registry.read("generationsOf", statement) == 31
    with refused("GenerationsExhausted"):
        registry.transact("announce", statement, shape(32), sender=ledgers.admin)


SHAPE = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Shape {
    bytes32 public constant CIRCUIT_DIGEST = {circuit};
    bool public constant INSECURE = false;
    bytes32 public immutable KEY_DIGEST;
    error ProofRejected();
    constructor(bytes32 digest) { KEY_DIGEST = digest; }
    function verifyProof(uint256[8] calldata, uint256[1] calldata inputs) external pure {
        if (inputs[0] != 1) revert ProofRejected();
    }
}
""".replace("{circuit}", "0x" + CIRCUIT.hex())


# -- examination -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("field", "error"), [("code_hash", "CodeHashMismatch"), ("key_digest", "KeyDigestMismatch"),
                                              ("circuit_digest", "CircuitDigestMismatch")])
def test_a_candidate_is_what_the_admin_says(ledgers, next_key, field, error):
    with refused(error):
        announce(ledgers, candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key), **{field: b"\x01" * 32}))


@pytest.mark.parametrize(("mode", "valid"), [(0, False), (1, True), (2, False), (4, False), (6, False), (7, False),
                                             (8, False)])
def test_a_verifier_that_answers_without_verifying_is_refused(ledgers, next_key, mode, valid):
    with refused("VerifierSelfTestFailed") as caught:
        announce(ledgers, candidate(ledgers.chain, next_key, fake(ledgers, next_key, mode)))
    assert caught.value.arguments["valid"] == valid


def test_a_known_answer_that_is_none_is_refused(ledgers, next_key):
    with refused("VerifierSelfTestFailed"):
        announce(ledgers, candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key), inputs=[1, 2, 3, 5]))
    with refused("VerifierSelfTestFailed"):                             # of another number of inputs
        announce(ledgers, candidate(ledgers.chain, next_key, verifier_of(ledgers, next_key), inputs=[1, 2, 3]))


def test_a_key_that_no_proof_is_valid_for_is_refused(ledgers, next_key):
    broken = replace(next_key.verification_key)
    x, y = broken.ic[0]
    for point in ((x, y + 1), g1(77)):
        object.__setattr__(broken, "ic", (point, *broken.ic[1:]))
        verifier = deploy_verifier(ledgers.chain, broken, "cover", CIRCUIT)
        with refused("VerifierSelfTestFailed"):
            announce(ledgers, candidate(ledgers.chain, next_key, verifier, key_digest=broken.digest()))


def test_a_verifier_is_examined_again_when_it_is_activated(ledgers, next_key):
    spoilt = fake(ledgers, next_key, 3)
    given = candidate(ledgers.chain, next_key, spoilt)
    announce(ledgers, given)
    wait(ledgers)
    ledgers.chain.send(spoilt, keccak(text="breakDown()")[:4])
    with refused("KeyDigestMismatch"):
        activate(ledgers, given)


def test_a_verifier_that_tells_no_digest_any_more_is_still_replaced(ledgers, next_key, third_key):
    """Today's rotation asks the old verifier for its digest, and stands still with it."""
    broken = fake(ledgers, next_key, 5)
    given = candidate(ledgers.chain, next_key, broken)
    announce(ledgers, given)
    wait(ledgers)
    activate(ledgers, given)
    ledgers.chain.send(broken, keccak(text="breakDown()")[:4])
    with pytest.raises(Exception, match="broken"):
        ledgers.registry.read("active", COVER)
    rotate(ledgers, third_key)
    assert ledgers.registry.read("active", COVER)[1] == third_key.verification_key.digest()


def test_a_verifier_cannot_slip_another_digest_in(ledgers, next_key):
    shifty = fake(ledgers, next_key, 3)
    given = candidate(ledgers.chain, next_key, shifty)
    announce(ledgers, given)
    wait(ledgers)
    activate(ledgers, given)
    assert ledgers.registry.addressed("active", COVER) == shifty
    ledgers.chain.send(shifty, keccak(text="breakDown()")[:4])
    with refused("KeyDigestMismatch"):
        ledgers.registry.read("active", COVER)


def take_away(monkeypatch, precompile):
    """From the embedded chains: a call of it succeeds from now on, and answers nothing."""
    left = {place: run for place, run in embedded_machine._Computation._precompiles.items()
            if int.from_bytes(place, "big") != precompile}
    monkeypatch.setattr(embedded_machine._Computation, "_precompiles", left)


@pytest.mark.parametrize("missing", [6, 7, 8])
def test_no_verifier_is_taken_on_a_chain_without_the_curve(monkeypatch, missing):
    """Of a precompile that is missing every call succeeds, with an empty answer. This candidate needs none."""
    chain = embedded()
    authority = send_contract(chain, "Authority", [chain.senders[0]])
    registry = send_contract(chain, "VerifierRegistry", [authority.address, False, []])
    shape = compile_sources({"Shape.sol": SHAPE})["Shape"]
    verifier = chain.send(None, encode_deployment(shape, [b"\x01" * 32])).contract
    given = (verifier, keccak(chain.code(verifier)), b"\x01" * 32, CIRCUIT, HOUR, [0] * 8, [1])
    registry.check("announce", COVER, given, sender=chain.senders[0])
    take_away(monkeypatch, missing)
    with refused("PrecompileMissing") as caught:
        registry.check("announce", COVER, given, sender=chain.senders[0])
    assert caught.value.arguments == {"precompile": missing}


# -- distrust ----------------------------------------------------------------------------------------------------------
def test_a_generation_is_distrusted_at_once(ledgers, next_key):
    rotate(ledgers, next_key)
    for sender in (ledgers.admin, ledgers.stranger):
        with refused("AccessManagedUnauthorized"):
            ledgers.registry.transact("distrust", COVER, 1, sender=sender)
    ledgers.registry.transact("distrust", COVER, 1, sender=ledgers.guardian)
    assert not ledgers.registry.read("isTrusted", COVER, 1)
    with refused("GenerationDistrusted"):
        ledgers.registry.read("byGeneration", COVER, 1)
    assert ledgers.registry.read("active", COVER)[2] == 2               # the one in force is another
    with refused("AlreadyDistrusted"):
        ledgers.registry.transact("distrust", COVER, 1, sender=ledgers.guardian)
    with refused("NoVerifier"):
        ledgers.registry.transact("distrust", COVER, 3, sender=ledgers.guardian)


def test_a_distrusted_generation_is_not_in_force(ledgers, next_key):
    ledgers.registry.transact("distrust", COVER, 1, sender=ledgers.guardian)
    with refused("NoVerifier"):
        ledgers.registry.read("active", COVER)
    rotate(ledgers, next_key)
    assert ledgers.registry.read("active", COVER)[2] == 2
    assert not ledgers.registry.read("isTrusted", COVER, 1)
