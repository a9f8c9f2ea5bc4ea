"""Many accounts in one transaction: batches by one proof, and strangers' proofs by a random linear combination."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from ledger_world import (
    EMPTY,
    FACTORS,
    LIVES,
    MAX_AGE,
    MINUTE,
    SKIPPED,
    key_at,
    key_bytes,
    refused,
    send_contract,
    statement_id,
)
from test_verifier_registry import take_away
from toykey import ToyKey
from world import embedded

from circuits.statements import batch
from prover.curve import BASE_MODULUS, G1_GROUP, ORDER
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.errors import Reverted

RICH = 10**9


@dataclass(frozen=True)
class Member:
    """An account of a batch: registered with a commitment of its own."""

    account: str
    commitment: int
    margin: int


@pytest.fixture(scope="session")
def members(built_ledger):
    """Seventeen accounts, each with collateral."""
    world, made = built_ledger, []
    for number in range(17):
        owner = Account.from_key((1000 + number).to_bytes(32, "big"))
        commitment = world.keys["margin"].scalar(f"commitment {number}")
        world.register(commitment, owner=owner)
        world.deposit(RICH, owner.address)
        made.append(Member(owner.address, commitment, 1_000_000 + number))
    return made


# -- the statement `batch` ---------------------------------------------------------------------------------------------
def rows_of(members, **changes):
    return [tuple(({"account": m.account, "version": 1, "value": m.margin, "commitment": m.commitment} | changes
                   ).values()) for m in members]


def batch_proof(world, rows, epoch, size, *, digest=987, key=None, root=None):
    """The inputs as `circuits.statements.batch` computes them, which is written without a look at the contract."""
    key = key or world.keys[f"batch-{size}"]
    key_digest = key.verification_key.digest()
    y = [world.root if root is None else root]
    for account, version, margin, commitment in rows:
        context = world.context(f"batch-{size}", account=account, epoch=epoch, version=version, key=key)
        y += [context, commitment, margin]
    y += [0, EMPTY, 0] * (size - len(rows))
    return proof_words(key.prove(list(batch.public_inputs(key_digest, y, digest))))


def attest_batch(world, rows, epoch=None, *, proof=None, digest=987, generation=0):
    epoch = epoch or world.epoch
    size = 4 if len(rows) <= 4 else 16
    proof = batch_proof(world, rows, epoch, size, digest=digest) if proof is None else proof
    return world.attestor.transact("attestBatch", epoch, generation, rows, digest, proof, sender=world.relayer)


def skipped(world, receipt):
    return {event["account"]: SKIPPED[event["why"]]
            for event in world.events(receipt, world.ledger, "AttestationSkipped")}


@pytest.mark.parametrize("count", [1, 4, 5, 16])
def test_a_batch_attests_its_accounts(ledgers, members, count):
    receipt = attest_batch(ledgers, rows_of(members[:count]))
    assert skipped(ledgers, receipt) == {}
    for member in members[:count]:
        assert ledgers.reading(member.account)[:3] == (1, member.margin, ledgers.epoch)
        assert ledgers.ledger.read("stateOf", member.account)[4] == 8 + (1 if count <= 4 else 2)
    assert ledgers.status(members[count].account) == "NotAttested"


def test_batches_are_of_one_to_sixteen(ledgers, members):
    for rows in ([], rows_of(members)):
        with refused("EntriesOutOfRange"):
            ledgers.attestor.transact("attestBatch", ledgers.epoch, 0, rows, 1, [0] * 8)


@pytest.mark.parametrize("field", ["account", "version", "margin", "commitment"])
def test_every_field_of_an_entry_is_proven(ledgers, members, field):
    """Also of an entry that would be skipped: nothing unproven is even reported."""
    rows = rows_of(members[:3])
    proof = batch_proof(ledgers, rows, ledgers.epoch, 4)
    for place in range(3):
        account, version, margin, commitment = rows[place]
        changed = {"account": (members[3].account, version, margin, commitment),
                   "version": (account, version + 1, margin, commitment),
                   "margin": (account, version, margin + 1, commitment),
                   "commitment": (account, version, margin, commitment + 1)}[field]
        with refused("ProofRejected"):
            attest_batch(ledgers, [*rows[:place], changed, *rows[place + 1:]], proof=proof)


def test_digest_root_order_and_size_are_proven(ledgers, members):
    rows = rows_of(members[:3])
    proof = batch_proof(ledgers, rows, ledgers.epoch, 4)
    for wrong in (lambda: attest_batch(ledgers, rows, proof=proof, digest=988),
                  lambda: attest_batch(ledgers, rows[::-1], proof=proof),
                  lambda: attest_batch(ledgers, rows[:2], proof=proof),
                  lambda: attest_batch(ledgers, rows, proof=batch_proof(ledgers, rows, ledgers.epoch, 4,
                                                                        root=ledgers.root + 1)),
                  lambda: attest_batch(ledgers, rows, proof=batch_proof(ledgers, rows, ledgers.epoch + 1, 4)),
                  lambda: attest_batch(ledgers, rows, proof=batch_proof(ledgers, rows, ledgers.epoch, 4,
                                                                        key=ToyKey(3, seed="other")))):
        with refused("ProofRejected"):
            wrong()
    attest_batch(ledgers, rows, proof=proof)


def test_a_residue_is_no_element(ledgers, members):
    rows = rows_of(members[:1], commitment=members[0].commitment + ORDER)
    with refused("ValueTooWide"):
        attest_batch(ledgers, rows, proof=batch_proof(ledgers, rows_of(members[:1]), ledgers.epoch, 4))
    with refused("ValueTooWide"):
        attest_batch(ledgers, rows_of(members[:1], value=2**91), proof=[0] * 8)


def test_what_no_longer_matches_is_skipped_and_reported(ledgers, members):
    """One account that was overtaken kills no batch."""
    changed, newer, standing, covered, called, good = members[:6]
    later = ledgers.next_epoch(MINUTE)
    ledgers.register(5, owner=owner_of(0))
    attest_batch(ledgers, rows_of([newer]), later)
    attest_batch(ledgers, rows_of([standing]))
    ledgers.cover(RICH, account=covered.account, commitment=covered.commitment)
    ledgers.ledger.transact("proveShortfall", called.account, ledgers.epoch, 1, RICH, 0, FACTORS, ledgers.cover_proof(
        RICH, side=0, account=called.account, commitment=called.commitment))
    before = {m.account: ledgers.ledger.read("stateOf", m.account) for m in members[:5]}
    receipt = attest_batch(ledgers, rows_of(members[:6]))
    assert skipped(ledgers, receipt) == {changed.account: "Replaced", newer.account: "Older",
                                         standing.account: "Stands", covered.account: "Stands",
                                         called.account: "Called"}
    assert [(event["epochId"], event["version"]) for event in ledgers.events(
        receipt, ledgers.ledger, "AttestationSkipped")] == [(ledgers.epoch, 1)] * 5
    assert {m.account: ledgers.ledger.read("stateOf", m.account) for m in members[:5]} == before
    assert ledgers.reading(good.account)[:2] == (1, good.margin)


def owner_of(number):
    return Account.from_key((1000 + number).to_bytes(32, "big"))


def test_an_entry_with_the_version_and_another_commitment_is_skipped(ledgers, members):
    rows = rows_of(members[:1], commitment=7)
    receipt = attest_batch(ledgers, rows)
    assert skipped(ledgers, receipt) == {members[0].account: "Replaced"}
    void = rows_of(members[:1], version=2, commitment=0)
    ledgers.desk.transact("voidCommitment", members[0].account, sender=ledgers.guardian)
    assert skipped(ledgers, attest_batch(ledgers, void)) == {members[0].account: "Replaced"}


def test_the_same_account_twice_counts_once(ledgers, members):
    rows = [rows_of(members[:1])[0], rows_of(members[:1], value=5)[0]]
    receipt = attest_batch(ledgers, rows)
    assert skipped(ledgers, receipt) == {members[0].account: "Stands"}
    assert ledgers.reading(members[0].account)[1] == members[0].margin


def test_a_batchs_epoch_is_fresh_and_known(ledgers, members):
    with refused("UnknownEpoch"):
        attest_batch(ledgers, rows_of(members[:1]), ledgers.epoch + 1)
    proof = batch_proof(ledgers, rows_of(members[:1]), ledgers.epoch, 4)
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE + 1)
    with refused("StaleEpoch"):
        attest_batch(ledgers, rows_of(members[:1]), proof=proof)


@pytest.mark.parametrize(("count", "statement"), [(1, "batch-4"), (5, "batch-16")])
def test_a_batchs_margins_rest_on_its_own_key(ledgers, members, count, statement):
    attest_batch(ledgers, rows_of(members[:count]))
    for other in ("margin", "batch-16" if statement == "batch-4" else "batch-4"):
        ledgers.registry.transact("distrust", statement_id(other), 1, sender=ledgers.guardian)
    assert ledgers.status(members[0].account) == "Valid"
    ledgers.ledger.transact("coverByMargin", members[0].account, 0, FACTORS)
    assert ledgers.status(members[0].account) == "Valid"
    ledgers.registry.transact("distrust", statement_id(statement), 1, sender=ledgers.guardian)
    assert ledgers.status(members[0].account) == "Distrusted"
    with refused("NoVerifier"):
        attest_batch(ledgers, rows_of(members[:count]))


# -- strangers' covers and margins -------------------------------------------------------------------------------------
def covers_of(world, members, *, step=0, epoch=None, claimed=RICH // 2, version=1):
    return [((m.account, version, claimed, m.commitment), world.cover_proof(
        claimed, step=step, account=m.account, version=version, epoch=epoch or world.epoch, commitment=m.commitment))
        for m in members]


def margins_of(world, members, epoch=None):
    return [((m.account, 1, m.margin, m.commitment), world.margin_proof(
        m.margin, account=m.account, version=1, epoch=epoch or world.epoch, commitment=m.commitment)) for m in members]


def split(entries):
    """Rows, and their proofs."""
    return [row for row, _ in entries], [proof for _, proof in entries]


def attest_covers(world, entries, *, step=0, epoch=None, key=None, generation=0, factors=FACTORS):
    return world.attestor.transact("attestCovers", epoch or world.epoch, step, generation, factors,
                                   key_at(world, key or key_bytes(world.keys["cover"])), *split(entries),
                                   sender=world.relayer)


def attest_margins(world, entries, *, epoch=None, key=None, generation=0):
    return world.attestor.transact("attestMargins", epoch or world.epoch, generation,
                                   key_at(world, key or key_bytes(world.keys["margin"])), *split(entries),
                                   sender=world.relayer)


@pytest.mark.parametrize("count", [1, 2, 16])
def test_strangers_covers_go_together(ledgers, members, count):
    for member in members[:count]:
        ledgers.deposit(RICH // 2, member.account)                       # what they claim, to the unit
    receipt = attest_covers(ledgers, covers_of(ledgers, members[:count], step=1), step=1)
    assert skipped(ledgers, receipt) == {}
    for member in members[:count]:
        assert ledgers.reading(member.account) == (1, RICH // 2, ledgers.epoch, ledgers.epoch + LIVES[1])


def test_strangers_margins_go_together(ledgers, members):
    receipt = attest_margins(ledgers, margins_of(ledgers, members[:3]))
    assert skipped(ledgers, receipt) == {}
    for member in members[:3]:
        assert ledgers.reading(member.account)[:3] == (1, member.margin, ledgers.epoch)
        assert ledgers.ledger.read("stateOf", member.account)[4] == 8


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("field", ["account", "version", "value", "commitment"])
def test_one_false_entry_refuses_all(ledgers, members, place, field):
    for entries, send in ((covers_of(ledgers, members[:3]), attest_covers),
                          (margins_of(ledgers, members[:3]), attest_margins)):
        (account, version, value, commitment), proof = entries[place]
        changed = {"account": (members[3].account, version, value, commitment),
                   "version": (account, version + 1, value, commitment),
                   "value": (account, version, value + 1, commitment),
                   "commitment": (account, version, value, commitment + 1)}[field]
        with refused("ProofRejected"):
            send(ledgers, [*entries[:place], (changed, proof), *entries[place + 1:]])


def test_covers_are_of_the_step_and_the_side(ledgers, members):
    entries = covers_of(ledgers, members[:2])
    with refused("ProofRejected"):
        attest_covers(ledgers, entries, step=1)
    with refused("NoSuchStep"):
        attest_covers(ledgers, entries, step=4)
    row, _ = entries[0]
    short = ledgers.cover_proof(RICH // 2, side=0, account=row[0], version=1, commitment=row[3])
    with refused("ProofRejected"):
        attest_covers(ledgers, [(row, short), entries[1]])
    with refused("ProofRejected"):                                      # of another statement, by the very same key
        attest_margins(ledgers, entries, key=key_bytes(ledgers.keys["margin"]))


def test_a_value_fits_its_lane(ledgers, members):
    """Above it are buffer and side of a cover's claim."""
    (row, proof), *_ = covers_of(ledgers, members[:1])
    with refused("ValueTooWide"):
        attest_covers(ledgers, [((row[0], row[1], 2**96, row[3]), proof)])
    with refused("ValueTooWide"):
        attest_margins(ledgers, [((row[0], row[1], 2**91, row[3]), proof)])


def test_covers_that_no_longer_match_are_skipped_and_reported(ledgers, members):
    changed, newer, standing, flat, called, poor, good = members[:7]
    entries = covers_of(ledgers, members[:7])
    later = ledgers.next_epoch(MINUTE)
    ledgers.register(5, owner=owner_of(0))
    attest_covers(ledgers, covers_of(ledgers, [newer], epoch=later), epoch=later)
    attest_covers(ledgers, covers_of(ledgers, [standing]))
    ledgers.flat(account=flat.account, commitment=flat.commitment)
    ledgers.ledger.transact("proveShortfall", called.account, ledgers.epoch, 1, RICH, 0, FACTORS, ledgers.cover_proof(
        RICH, side=0, account=called.account, commitment=called.commitment))
    ledgers.deposit(RICH // 2 - 1, poor.account)
    before = {m.account: ledgers.ledger.read("stateOf", m.account) for m in members[:6]}
    receipt = attest_covers(ledgers, entries)
    assert skipped(ledgers, receipt) == {changed.account: "Replaced", newer.account: "Older",
                                         standing.account: "Stands", flat.account: "Stands",
                                         called.account: "Called", poor.account: "Uncovered"}
    assert {m.account: ledgers.ledger.read("stateOf", m.account) for m in members[:6]} == before
    assert ledgers.reading(good.account)[:2] == (1, RICH // 2)


@pytest.mark.parametrize(("field", "byte"), [(0, 11), (0, 0), (1, 26), (2, 15)])
def test_a_field_has_no_more_bits_than_its_type(ledgers, members, field, byte):
    """The proof is for the account and the version without them."""
    for function, entries, more in (("attestCovers", covers_of(ledgers, members[:2]), [0, 0, FACTORS]),
                                    ("attestMargins", margins_of(ledgers, members[:2]), [0])):
        rows, proofs = split(entries)
        keyed = key_at(ledgers, key_bytes(ledgers.keys["cover" if function == "attestCovers" else "margin"]))
        data = bytearray(encode_call(ledgers.attestor.artifact, function,
                                     [ledgers.epoch, *more, keyed, rows, proofs]))
        at = data.index(bytes(12) + bytes.fromhex(rows[1][0][2:])) + 32 * field + byte
        assert data[at] == 0
        data[at] = 1
        with pytest.raises(Reverted):
            ledgers.chain.send(ledgers.attestor.address, bytes(data), sender=ledgers.relayer)
        data[at] = 0
        ledgers.chain.send(ledgers.attestor.address, bytes(data), sender=ledgers.relayer)


def test_each_row_has_a_proof(ledgers, members):
    rows, proofs = split(covers_of(ledgers, members[:3]))
    for given in ((rows, proofs[:2]), (rows[:2], proofs), ([], [])):
        with refused("BadLength"):
            ledgers.attestor.transact("attestCovers", ledgers.epoch, 0, 0, FACTORS,
                                      key_at(ledgers, key_bytes(ledgers.keys["cover"])), *given)


def test_the_keys_digest_is_the_registrys(ledgers, members):
    other = ToyKey(4, seed="forged")
    entries = covers_of(ledgers, members[:2])
    with refused("KeyDigestMismatch"):
        attest_covers(ledgers, entries, key=key_bytes(other))
    with refused("KeyDigestMismatch"):
        attest_margins(ledgers, margins_of(ledgers, members[:2]), key=key_bytes(other))


def test_a_combinations_epoch_is_fresh(ledgers, members):
    covers, margins = covers_of(ledgers, members[:1]), margins_of(ledgers, members[:1])
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE + 1)
    with refused("StaleEpoch"):
        attest_covers(ledgers, covers)
    with refused("StaleEpoch"):
        attest_margins(ledgers, margins)


def test_proofs_of_an_older_generation_go_until_its_sunset(ledgers, members):
    attest_covers(ledgers, covers_of(ledgers, members[:2]), generation=1)
    with refused("NoVerifier"):
        attest_covers(ledgers, covers_of(ledgers, members[:2]), generation=2)


# -- the combination itself --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def small():
    return ToyKey(2, seed="small")


def combined(world, key, proofs, inputs, *, data=None, digest=None):
    world.combiner.check("verify", digest or key.verification_key.digest(), key_at(world, data or key_bytes(key)),
                         proofs, inputs)


def proven(key, count):
    inputs = [[7 * i + 1, 11 * i + 2] for i in range(count)]
    return [proof_words(key.prove(row)) for row in inputs], [x for row in inputs for x in row]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_true_proofs_hold_together_and_one_false_one_does_not(ledgers, small, count):
    proofs, inputs = proven(small, count)
    combined(ledgers, small, proofs, inputs)
    for place in range(len(inputs)):
        with refused("ProofRejected"):
            combined(ledgers, small, proofs, [*inputs[:place], (inputs[place] + 1) % ORDER, *inputs[place + 1:]])


@pytest.mark.parametrize("index", range(8))
def test_every_coordinate_counts(ledgers, small, index):
    proofs, inputs = proven(small, 2)
    for place in range(2):
        for changed in (proofs[place][index] + 1, proofs[place][index] + BASE_MODULUS):
            bad = [list(words) for words in proofs]
            bad[place][index] = changed
            with refused("PrecompileFailed"):
                combined(ledgers, small, bad, inputs)
    for place, at in ((0, 1), (0, 7), (1, 1), (1, 7)):
        bad = [list(words) for words in proofs]
        bad[place][at] = BASE_MODULUS - bad[place][at]
        with refused("ProofRejected"):
            combined(ledgers, small, bad, inputs)


def test_errors_that_cancel_are_found(ledgers, small):
    """C of one proof too large by a point, C of the other too small by the same: with equal multipliers they would
    hold. Whoever knows the multipliers beforehand could do that with any: they are hashes of the proofs themselves."""
    proofs, inputs = proven(small, 3)
    shift = G1_GROUP.multiply(G1_GROUP.generator, 12345)
    for pair in ((0, 1), (1, 2), (0, 2)):
        moved = [list(words) for words in proofs]
        for place, point in zip(pair, (shift, G1_GROUP.negate(shift)), strict=True):
            moved[place][6:] = G1_GROUP.add((moved[place][6], moved[place][7]), point)
        with refused("ProofRejected"):
            combined(ledgers, small, moved, inputs)


@pytest.mark.parametrize("end", [-32, 0x44])
def test_the_last_word_is_hashed_too(ledgers, small, end):
    """Else it is chosen last, for multipliers that it does not change: so that it makes up for a false input before."""
    proofs, inputs = proven(small, 2)
    inputs[1] += 1
    data = encode_call(ledgers.combiner.artifact, "verify",
                       [small.verification_key.digest(), key_at(ledgers, key_bytes(small)), proofs, inputs])
    r = int.from_bytes(keccak(keccak(data[:end]) + (1).to_bytes(32, "big"))[:16], "big")
    inputs[3] = (inputs[3] - pow(r, -1, ORDER)) % ORDER
    with refused("ProofRejected"):
        combined(ledgers, small, proofs, inputs)


def test_errors_that_cancel_under_yesterdays_multipliers_are_found(ledgers, small):
    """Take the true proofs' multipliers r_0 and r_1 and shift C_0 by r_1 s and C_1 by -r_0 s: it holds where the
    multipliers do not depend on what was shifted. Each part of the calldata is shifted in turn: C, and an input."""
    proofs, inputs = proven(small, 2)
    data = encode_call(ledgers.combiner.artifact, "verify",
                       [small.verification_key.digest(), key_at(ledgers, key_bytes(small)), proofs, inputs])
    seed = keccak(data)
    r = [1, int.from_bytes(keccak(seed + (1).to_bytes(32, "big"))[:16], "big")]
    by_c = [list(words) for words in proofs]
    for words, scale in zip(by_c, (r[1], ORDER - r[0]), strict=True):
        words[6:] = G1_GROUP.add((words[6], words[7]), G1_GROUP.multiply(G1_GROUP.generator, scale))
    with refused("ProofRejected"):
        combined(ledgers, small, by_c, inputs)
    by_input = [*inputs]
    by_input[0], by_input[2] = (inputs[0] + r[1]) % ORDER, (inputs[2] - r[0]) % ORDER
    with refused("ProofRejected"):
        combined(ledgers, small, proofs, by_input)


@pytest.mark.parametrize("width", [2, 3, 4, 5, 7])
def test_inputs_are_reduced_and_each_counts(ledgers, width):
    """Inputs are read four at a time, and one by one what is over."""
    key = ToyKey(width, seed="small")
    rows = [[7 * i + 11 * j + 1 for j in range(width)] for i in range(2)]
    proofs, inputs = [proof_words(key.prove(row)) for row in rows], [x for row in rows for x in row]
    combined(ledgers, key, proofs, inputs)
    for place in range(2 * width):
        with refused("InputOutOfField"):
            combined(ledgers, key, proofs, [*inputs[:place], inputs[place] + ORDER, *inputs[place + 1:]])
        with refused("ProofRejected"):
            combined(ledgers, key, proofs, [*inputs[:place], inputs[place] + 1, *inputs[place + 1:]])
    nothing = [proof_words(key.prove([0] * width))]
    combined(ledgers, key, nothing, [0] * width)
    for place in range(width):
        with refused("InputOutOfField"):                                     # which is 0, and not written as 0
            combined(ledgers, key, nothing, [ORDER * (place == each) for each in range(width)])


def test_lengths_fit(ledgers, small):
    proofs, inputs = proven(small, 2)
    for case in (([], []), (proofs, inputs[:-1]), (proofs, [*inputs, 1]), (proofs * 33, inputs * 33)):
        with refused("BadLength"):
            combined(ledgers, small, *case)
    for data in (key_bytes(small)[:-32], key_bytes(small)[:0x1c0], key_bytes(small)[:0x200]):
        with refused("BadLength"):
            ledgers.combiner.transact("keep", data)
    digest = small.verification_key.digest()
    for code in ("", "60006000fd", "00" + key_bytes(small)[:-32].hex(), "00" + key_bytes(small)[:0x200].hex()):
        with refused("BadLength"):
            ledgers.combiner.check("verify", digest, code_at(ledgers.chain, bytes.fromhex(code)), proofs, inputs)
    for end, width in ((-32, 1), (0x200, 0)):                                # with as many inputs as such a key had
        short = key_bytes(small)[:end]
        with refused("BadLength"):
            ledgers.combiner.check("verify", keccak(short), code_at(ledgers.chain, b"\0" + short), proofs,
                                   [1] * (2 * width))
    with refused("KeyDigestMismatch"):
        combined(ledgers, small, proofs, inputs, data=key_bytes(small)[:-1] + b"\x01")
    # Whoever put it there, and whatever the first byte: what is hashed is what counts.
    ledgers.combiner.check("verify", digest, code_at(ledgers.chain, b"\xfe" + key_bytes(small)), proofs, inputs)
    combined(ledgers, small, proofs * 32, inputs * 32)


def code_at(chain, code):
    """A contract with this code; nobody's where it is empty."""
    if not code:
        return "0x" + "ab" * 20
    creation = b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("80600a3d393df3") + code
    return chain.send(None, creation).contract


def test_a_key_is_kept_once_and_lies_where_it_follows_from(ledgers, small):
    data = key_bytes(small)
    place = key_at(ledgers, data)
    assert ledgers.chain.code(place) == b"\x00" + data
    (kept,) = ledgers.events(ledgers.combiner.transact("keep", data), ledgers.combiner, "KeyKept")
    assert (kept["keyDigest"], kept["keyAt"]) == (small.verification_key.digest(), place)


@pytest.mark.parametrize("place", range(3))
def test_errors_of_the_first_proof_count(ledgers, small, place):
    """Its multiplier is 1: whatever the others are, an error of it alone remains, and so does one of another alone."""
    proofs, inputs = proven(small, 3)
    moved = [list(words) for words in proofs]
    moved[place][6:] = G1_GROUP.add((moved[place][6], moved[place][7]), G1_GROUP.generator)
    with refused("ProofRejected"):
        combined(ledgers, small, moved, inputs)


def test_points_at_infinity_are_no_proof(ledgers, small):
    _, inputs = proven(small, 1)
    with refused("ProofRejected"):
        combined(ledgers, small, [[0] * 8], inputs)


@pytest.mark.parametrize("missing", [6, 7, 8])
def test_a_precompile_that_is_not_there_is_missed(monkeypatch, small, missing):
    """At deployment; and where it is taken away later, no proof holds, and none is called false."""
    chain = embedded()
    combiner = send_contract(chain, "ProofCombiner", [])
    key_at = code_at(chain, b"\x00" + key_bytes(small))
    given = (small.verification_key.digest(), key_at, *proven(small, 2))
    combiner.check("verify", *given)
    take_away(monkeypatch, missing)
    with refused("PrecompileFailed"):
        combiner.check("verify", *given)
    with refused("PrecompileMissing") as caught:
        send_contract(chain, "ProofCombiner", [])
    assert caught.value.arguments == {"precompile": missing}


def test_too_little_gas_is_no_false(ledgers, small):
    """Nothing but a revert comes of it; given enough, the same call holds."""
    proofs, inputs = proven(small, 2)
    arguments = (small.verification_key.digest(), key_at(ledgers, key_bytes(small)), proofs, inputs)
    for gas in (100_000, 200_000, 250_000):
        with pytest.raises(Exception, match=r"PrecompileFailed|OutOfGas|NoReason"):
            ledgers.combiner.check("verify", *arguments, gas=gas)
    ledgers.combiner.check("verify", *arguments, gas=450_000)
