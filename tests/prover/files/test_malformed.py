"""Files as an adversary writes them: every one is refused by name, none crashes a reader or makes it allocate."""

from __future__ import annotations

import copy
import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primitives import field
from primitives.errors import BadInput
from prover.backend import MOST_PUBLIC
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from prover.files import snarkjs
from prover.files import zkey as zkey_module
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_r1cs, write_r1cs
from prover.files.wtns import read_wtns, write_wtns
from prover.files.zkey import read_zkey, write_zkey
from prover.points import encode_g1, encode_g2
from prover.reference.vectors import PointVectors

TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))
BLS12_381_ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001


class EveryPairingHolds(PointVectors):
    """Stands in for a backend where only the form of a file is at stake: pairings take half a second."""

    def pairing_product_is_one(self, pairs):
        return True


def read_any_zkey(path):
    return read_zkey(path, backend=EveryPairingHolds())


@dataclass
class Binary:
    """A valid file and its reader."""

    read: Callable[[Path], object]
    content: bytes = dataclasses.field(repr=False)
    folder: Path

    def sections(self):
        """Type -> (place of the header, size)."""
        found, place = {}, 12
        while place < len(self.content):
            number = int.from_bytes(self.content[place:place + 4], "little")
            size = int.from_bytes(self.content[place + 4:place + 12], "little")
            found[number] = place, size
            place += 12 + size
        return found

    def patched(self, section, offset, new):
        """The file with some bytes of a section changed."""
        place = self.sections()[section][0] + 12 + offset
        return self.content[:place] + new + self.content[place + len(new):]

    def resized(self, section, body):
        """The file with another content of a section."""
        place, size = self.sections()[section]
        header = self.content[place:place + 4] + len(body).to_bytes(8, "little")
        return self.content[:place] + header + body + self.content[place + 12 + size:]

    def body(self, section):
        place, size = self.sections()[section]
        return self.content[place + 12:place + 12 + size]

    def load(self, content):
        path = self.folder / "mutated"
        path.unlink(missing_ok=True)                   # an earlier one may still be mapped
        path.write_bytes(content)
        return self.read(path)

    def refuses(self, content, match):
        with pytest.raises(BadInput, match=match) as caught:
            self.load(content)
        assert caught.value.source is not None


@pytest.fixture(scope="session")
def binaries(cubic, cubic_key, ceremony, tmp_path_factory):
    folder = tmp_path_factory.mktemp("binaries")
    write_r1cs(folder / "a.r1cs", cubic.r1cs)
    write_wtns(folder / "a.wtns", cubic.witness)
    write_zkey(folder / "a.zkey", cubic_key)
    readers = {"r1cs": read_r1cs, "wtns": read_wtns, "zkey": read_any_zkey}
    made = {name: Binary(read, (folder / f"a.{name}").read_bytes(), folder) for name, read in readers.items()}
    made["ptau"] = Binary(read_ptau, (ceremony.folder / "1.ptau").read_bytes(), folder)
    made["contributed"] = Binary(read_any_zkey, (ceremony.folder / "2.zkey").read_bytes(), folder)
    return made


FORMATS = ("r1cs", "wtns", "zkey", "ptau", "contributed")


def u32(value):
    return value.to_bytes(4, "little")


def words(value):
    return value.to_bytes(32, "little")


# -- the container -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FORMATS)
def test_a_valid_file_is_read(binaries, name):
    assert binaries[name].load(binaries[name].content) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_truncation_at_any_place_is_refused(binaries, name):
    binary = binaries[name]
    size = len(binary.content)
    for end in {*range(min(size, 120)), *range(0, size, 97), size - 1}:
        binary.refuses(binary.content[:end], "section|magic|version")


@pytest.mark.parametrize("name", FORMATS)
def test_the_frame_is_checked(binaries, name):
    binary = binaries[name]
    content = binary.content
    count = int.from_bytes(content[8:12], "little")
    first = min(binary.sections(), key=lambda number: binary.sections()[number][0])
    binary.refuses(b"PK\3\4" + content[4:], "magic")
    binary.refuses(content[:4] + u32(9) + content[8:], "version")
    binary.refuses(content + b"\0", "size")                                            # something behind the end
    binary.refuses(content[:8] + u32(count + 1) + content[12:], "section")
    binary.refuses(content[:8] + u32(2**32 - 1) + content[12:], "number of sections")
    binary.refuses(content[:16] + (2**64 - 1).to_bytes(8, "little") + content[24:], "ends too soon")
    binary.refuses(content[:8] + u32(count + 1) + content[12:] + u32(first) + bytes(8), "twice")


@pytest.mark.parametrize("name", FORMATS)
def test_each_section_must_be_there_and_of_its_size(binaries, name):
    binary = binaries[name]
    for number in binary.sections():
        body = binary.body(number)
        binary.refuses(binary.resized(number, body[:-1]), f"section {number} ")
        binary.refuses(binary.resized(number, body + bytes(8)), f"section {number} ")
        if not (name == "r1cs" and number == 3):                                       # labels may be left out
            place = binary.sections()[number][0]
            binary.refuses(binary.content[:place] + u32(99) + binary.content[place + 4:], f"section {number} ")


def test_files_that_are_none(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "empty"):
        for read in (read_r1cs, read_wtns, read_any_zkey, read_ptau):
            with pytest.raises(BadInput, match=path.name):
                read(path)


@pytest.mark.parametrize(("name", "section", "offset"), [
    ("r1cs", 1, 0), ("r1cs", 1, 36), ("r1cs", 1, 60), ("r1cs", 2, 0), ("wtns", 1, 0), ("wtns", 1, 36), ("zkey", 2, 0),
    ("zkey", 2, 72), ("zkey", 2, 76), ("zkey", 2, 80), ("zkey", 4, 0), ("zkey", 10, 64), ("ptau", 1, 36),
    ("ptau", 7, 0), ("contributed", 10, 64 + 4 + 192 + 128 + 64 + 4)])
def test_huge_counts_are_refused_before_anything_is_allocated(binaries, name, section, offset):
    for count in (2**32 - 1, 2**31 - 1, 2**27):
        content = binaries[name].patched(section, offset, u32(count))
        tracemalloc.start()
        binaries[name].refuses(content, r"section \d+ ")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 24


# -- elements ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "section", "offset"), [("r1cs", 1, 4), ("wtns", 1, 4), ("zkey", 2, 40)])
def test_other_curves_are_named(binaries, name, section, offset):
    binary = binaries[name]
    binary.refuses(binary.patched(section, offset, words(BLS12_381_ORDER)), "BLS12-381")
    binary.refuses(binary.patched(section, offset, words(BASE_MODULUS)), "base field of BN254")
    binary.refuses(binary.patched(section, offset - 4, u32(8)), "prime")


def test_other_protocols_are_named(binaries):
    binaries["zkey"].refuses(binaries["zkey"].patched(1, 0, u32(2)), "PLONK")


def test_scalars_are_canonical(binaries):
    wtns, r1cs, zkey = (binaries[name] for name in ("wtns", "r1cs", "zkey"))
    for value in (ORDER, ORDER + 35, 2**256 - 1):
        wtns.refuses(wtns.patched(2, 32, words(value)), r"value\[1\]")
        r1cs.refuses(r1cs.patched(2, 8, words(value)), "coefficient")
        zkey.refuses(zkey.patched(4, 4 + 12, words(value)), r"value\[0\]")
    assert field.decode(wtns.load(wtns.patched(2, 32, words(ORDER - 1))))[1] == ORDER - 1


def test_wires_rows_and_domains_exist(binaries):
    r1cs, zkey = binaries["r1cs"], binaries["zkey"]
    r1cs.refuses(r1cs.patched(2, 4, u32(5)), "wire")
    r1cs.refuses(r1cs.patched(1, 40, u32(5)), "public outputs")
    r1cs.refuses(r1cs.patched(1, 44, u32(5)), "public inputs")
    assert r1cs.load(r1cs.patched(1, 48, u32(500))).wires == 5         # those of the source: circom removes wires
    r1cs.refuses(r1cs.patched(1, 60, u32(2)), "size")
    r1cs.refuses(r1cs.patched(1, 60, u32(4)), "constraint 3")
    for offset, name in ((4, "matrix"), (8, "row"), (12, "wire")):
        zkey.refuses(zkey.patched(4, offset, u32(8)), name)
    zkey.refuses(zkey.patched(2, 80, u32(7)), "power of two")
    zkey.refuses(zkey.patched(2, 80, u32(1 << 28)), "domain size")
    zkey.refuses(zkey.patched(2, 80, u32(16)), r"section 9 \(H\)")
    zkey.refuses(zkey.patched(2, 72, u32(6)), "section")


def test_wires_of_a_system_without_labels_are_borne_out_by_its_constraints(binaries):
    """Four bytes of a small file may not promise 2**31 wires, for each of which a key then takes hundreds."""
    r1cs = binaries["r1cs"]
    place = r1cs.sections()[3][0]
    most = len(r1cs.body(2)) // 8

    def without_labels(wires, public=1):
        content = r1cs.patched(1, 36, u32(wires) + u32(0) + u32(public) + u32(0))
        return content[:8] + u32(2) + content[12:place]

    assert r1cs.load(without_labels(5)).wires == 5
    assert r1cs.load(without_labels(most, most - 1)).wires == most
    for wires in (most + 1, 2**26, 2**31 - 1):
        r1cs.refuses(without_labels(wires), f"wires is {wires}: must be at most {most}")
    r1cs.refuses(without_labels(2**31 - 1, 2**31 - 2), "wires")


def test_a_key_has_no_more_public_inputs_than_a_verifier_takes(binaries, documents, monkeypatch):
    """Where a key is made, loaded and read as JSON: a proof that is made can be verified."""
    monkeypatch.setattr(zkey_module, "MOST_PUBLIC", 0)
    binaries["zkey"].refuses(binaries["zkey"].content, r"public inputs are 1: must be in \[0, 0\]")
    with pytest.raises(BadInput, match="nPublic"):
        READERS["key"](changed(documents["key"], ["nPublic"], MOST_PUBLIC + 1))


def test_custom_gates_are_refused(binaries):
    r1cs = binaries["r1cs"]
    more = r1cs.content[:8] + u32(4) + r1cs.content[12:]
    assert r1cs.load(more + u32(5) + (4).to_bytes(8, "little") + u32(0)) is not None
    r1cs.refuses(more + u32(5) + (4).to_bytes(8, "little") + u32(1), "custom gates")


HEADER_POINTS = {"alpha in G1": 84, "beta in G1": 148, "beta in G2": 212, "gamma in G2": 340, "delta in G1": 468,
                 "delta in G2": 532}


@pytest.mark.parametrize("name", HEADER_POINTS)
def test_single_points_are_finite_on_their_curve_and_in_their_group(binaries, name):
    zkey, offset = binaries["zkey"], HEADER_POINTS[name]
    if name.endswith("G1"):
        bad = [encode_g1([None]), encode_g1([(1, 3)])]
        good = encode_g1([G1_GROUP.multiply((1, 2), 99)])
    else:
        bad = [encode_g2([None]), encode_g2([((1, 0), (2, 0))]), encode_g2([TWIST_POINT])]
        good = encode_g2([G2_GROUP.multiply(G2_GROUP.generator, 99)])
    for points in bad:
        zkey.refuses(zkey.patched(2, offset, points.tobytes()), name)
    first = int.from_bytes(good.tobytes()[:32], "little")
    zkey.refuses(zkey.patched(2, offset, words(first + BASE_MODULUS) + good.tobytes()[32:]), name)


def test_unsound_keys_are_refused_on_loading(binaries):
    zkey = binaries["zkey"]
    gamma = zkey.body(2)[340:468]
    zkey.refuses(zkey.patched(2, 532, gamma), "gamma")                                   # δ = γ
    zkey.refuses(zkey.patched(2, 212, gamma), "beta")
    zkey.refuses(zkey.patched(2, 148, zkey.body(2)[84:148]), "alpha")                   # β = α
    zkey.refuses(zkey.patched(2, 532, encode_g2([G2_GROUP.generator]).tobytes()), "unfinished")
    zkey.refuses(zkey.patched(3, 0, bytes(64)), r"IC\[0\]")
    zkey.refuses(zkey.patched(3, 0, zkey.body(3)[64:128]), "IC")
    contributed = binaries["contributed"]
    other = encode_g1([G1_GROUP.multiply((1, 2), 99)]).tobytes()
    contributed.refuses(contributed.patched(2, 468, other), "last contribution")


def test_beta_and_delta_are_the_same_in_both_groups(binaries, backend):
    zkey = binaries["zkey"]
    other = encode_g1([G1_GROUP.multiply((1, 2), 99)]).tobytes()
    path = zkey.folder / "other-beta.zkey"
    for name, offset in (("beta", 148), ("delta", 468)):
        path.write_bytes(zkey.patched(2, offset, other))
        with pytest.raises(BadInput, match=f"{name} is two different numbers"):
            read_zkey(path, backend=backend)


def test_an_unfinished_key_is_opened_only_on_request(ceremony):
    path = ceremony.folder / "0.zkey"
    with pytest.raises(BadInput, match="unfinished"):
        read_any_zkey(path)
    key = read_zkey(path, backend=EveryPairingHolds(), unfinished=True)
    assert not key.finished
    with pytest.raises(BadInput, match="unfinished"):
        _ = key.verification_key


def test_every_point_is_checked_on_request(binaries):
    zkey = binaries["zkey"]
    for section in (5, 6, 8, 9):
        content = zkey.patched(section, 64, encode_g1([(1, 3)]).tobytes())
        assert zkey.load(content) is not None
        with pytest.raises(BadInput, match="no point of G1"):
            read_zkey(zkey.folder / "mutated", backend=EveryPairingHolds(), every_point=True)
    zkey.load(zkey.patched(7, 128, encode_g2([TWIST_POINT]).tobytes()))
    with pytest.raises(BadInput, match="no point of G2"):
        read_zkey(zkey.folder / "mutated", backend=EveryPairingHolds(), every_point=True)


def test_contributions_parameters(binaries):
    binary = binaries["contributed"]
    body = binary.body(10)
    kind = 64 + 4 + 192 + 128 + 64                                     # of the first contribution; then size, name
    assert body[kind:kind + 13] == u32(0) + u32(5) + b"\1\3bob"
    for new, match in ((u32(2), "kind"), (u32(1), "beacon"), (u32(0) + u32(5) + b"\4", "type"),
                       (u32(0) + u32(5) + b"\1\4", "ends too soon"), (u32(0) + u32(5) + b"\1\2bo\1", "increasing")):
        binary.refuses(binary.patched(10, kind, new), match)


@pytest.mark.parametrize("name", [b"\xff\xfe\x80", b"\x1b[2J", b"\0\n\r", "e\u0301\u202e!".encode(), b"\\x1"])
def test_a_name_is_whatever_its_bytes_are(binaries, name):
    """No hash covers it and nothing depends on it: the key is good, and is handed on to the byte."""
    binary = binaries["contributed"]
    place = 64 + 4 + 192 + 128 + 64 + 4
    body = binary.body(10)
    parameters = b"\1" + bytes([len(name)]) + name
    renamed = body[:place] + u32(len(parameters)) + parameters + body[place + 4 + 5:]
    key = binary.load(binary.resized(10, renamed))
    assert len(key.transcript.contributions) == 2
    assert key.transcript.contributions[0].name.encode("utf-8", "surrogateescape") == name
    assert zkey_module.encode_transcript(key.transcript) == renamed


# -- fuzzing -------------------------------------------------------------------------------------------------------
MUTATION = st.tuples(st.floats(0, 1, exclude_max=True), st.one_of(
    st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, b"\xff" * 8, bytes(8), bytes(32), b"\xff" * 32])))
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def mutate(content, place, new):
    start = int(place * len(content))
    return (content[:start] + new + content[start + len(new):])[:max(len(content), start + len(new))]


def state(name, loaded):
    """What a reader got out of a file, comparable; the parts of a format that readers leave unread are not in it."""
    if name == "r1cs":
        try:
            return loaded.digest()
        except ValueError:
            return "not in normal form"
    if name == "wtns":
        return loaded.tobytes()
    if name == "ptau":
        return (loaded.power, loaded.ceremony_power, loaded.contributions, loaded.beta_g2,
                *(getattr(loaded, part).tobytes() for part in ("tau_g1", "tau_g2", "alpha_tau_g1", "beta_tau_g1")))
    entries = [(m.starts.tobytes(), m.wires.tobytes(), loaded.table[m.coefficients].tobytes())
               for m in (loaded.left, loaded.right)]
    return (loaded.transcript, loaded.alpha_g1, loaded.beta_g2, loaded.gamma_g2, loaded.delta_g2, entries,
            *(getattr(loaded, part).tobytes() for part in ("ic", "a", "b_g1", "b_g2", "c", "h")))


@pytest.mark.parametrize("name", FORMATS)
@FUZZ
@given(mutations=st.lists(MUTATION, min_size=1, max_size=3))
def test_a_mutated_file_is_refused_or_says_something_else(binaries, name, mutations):
    """Never an error but BadInput; and what is accepted is not silently taken for the original."""
    binary = binaries[name]
    content = binary.content
    for place, new in mutations:
        content = mutate(content, place, new)
    try:
        loaded = binary.load(content)
    except BadInput:
        return
    original = binary.load(binary.content)
    if name in ("zkey", "contributed"):
        assert loaded.verification_key.digest() == original.verification_key.digest()
    if state(name, loaded) == state(name, original) and content != binary.content:
        differing = [i for i, (old, now) in enumerate(zip(binary.content, content, strict=True)) if old != now]
        assert all(unread(binary, name, place) for place in differing)


def unread(binary, name, place):
    """Bytes that say nothing to us: versions, labels with their section's number, the split of wires circom adds."""
    sections = {number: (start + 12, start + 12 + size) for number, (start, size) in binary.sections().items()}
    if 4 <= place < 8:
        return True
    if name == "r1cs":
        label, header = sections[3], sections[1]
        number = range(label[0] - 12, label[0] - 8)
        return place in number or label[0] <= place < label[1] or header[0] + 40 <= place < header[0] + 60
    return False


# -- JSON ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def documents(cubic_key, cubic_proof):
    return {"proof": snarkjs.proof_to_json(cubic_proof), "public": snarkjs.public_to_json([35]),
            "key": snarkjs.verification_key_to_json(cubic_key.verification_key)}


READERS = {"proof": snarkjs.proof_from_json, "public": snarkjs.public_from_json,
           "key": snarkjs.verification_key_from_json}


def changed(document, path, value):
    result = copy.deepcopy(document)
    target = result
    for step in path[:-1]:
        target = target[step]
    if value is KeyError:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return result


def test_documents_survive(documents, cubic_key, cubic_proof):
    assert READERS["proof"](documents["proof"]) == cubic_proof
    assert READERS["public"](documents["public"]) == [35]
    assert READERS["key"](documents["key"]) == cubic_key.verification_key
    assert READERS["proof"](changed(documents["proof"], ["curve"], KeyError)) == cubic_proof


def plus(text, amount):
    return str(int(text) + amount)


@pytest.mark.parametrize(("name", "path", "value", "match"), [
    ("proof", ["protocol"], "plonk", "protocol"), ("proof", ["protocol"], KeyError, "protocol"),
    ("proof", ["curve"], "bls12381", "curve"), ("proof", ["extra"], 1, "extra"),
    ("proof", ["pi_a"], KeyError, "pi_a"), ("proof", ["pi_a"], "1", "pi_a"), ("proof", ["pi_a"], ["1", "2"], "pi_a"),
    ("proof", ["pi_a"], ["1", "3", "1"], "pi_a"), ("proof", ["pi_a"], ["0", "1", "0"], "pi_a"),
    ("proof", ["pi_a"], ["0", "0", "1"], "pi_a"), ("proof", ["pi_a"], ["01", "2", "1"], "pi_a"),
    ("proof", ["pi_a"], [1, 2, 1], "pi_a"), ("proof", ["pi_a"], ["1", "-2", "1"], "pi_a"),
    ("proof", ["pi_a"], [" 1", "2", "1"], "pi_a"), ("proof", ["pi_a"], ["0x1", "2", "1"], "pi_a"),
    ("proof", ["pi_a"], ["1", "２", "1"], "pi_a"), ("proof", ["pi_a"], ["1", "2", "2"], "pi_a"),
    ("proof", ["pi_a"], ["1", str(2 + BASE_MODULUS), "1"], "pi_a"), ("proof", ["pi_a", 1], True, "pi_a"),
    ("proof", ["pi_b", 2], ["0", "0"], "pi_b"), ("proof", ["pi_b", 0], ["1"], "pi_b"),
    ("proof", ["pi_b"], [["1", "0"], ["2", "0"], ["1", "0"]], "pi_b"),
    ("proof", ["pi_b"], [[*map(str, part)] for part in (*TWIST_POINT, (1, 0))], "pi_b"),
    ("public", [0], str(ORDER), "public"), ("public", [0], "-1", "public"), ("public", [0], 35, "public"),
    ("public", [0], "35.0", "public"), ("public", [0], None, "public"),
    ("key", ["nPublic"], 2, "IC"), ("key", ["nPublic"], -1, "nPublic"), ("key", ["nPublic"], "1", "nPublic"),
    ("key", ["IC"], [], "IC"), ("key", ["IC", 0], ["0", "0", "1"], "IC"), ("key", ["setup"], "fine", "setup"),
    ("key", ["vk_gamma_2"], KeyError, "vk_gamma_2"), ("key", ["protocol"], "fflonk", "protocol"),
    ("key", ["curve"], "bls12381", "curve"), ("key", ["curve"], KeyError, "curve"),
])
def test_malformed_documents_are_refused(documents, name, path, value, match):
    with pytest.raises(BadInput, match=match) as caught:
        READERS[name](changed(documents[name], path, value), source="file.json")
    assert caught.value.source == "file.json"


FP12 = [[["1", str(BASE_MODULUS - 1)], ["0", "0"], ["2", "3"]], [["4", "5"], ["6", "7"], ["8", "9"]]]


def test_the_pairing_that_snarkjs_adds_to_a_key_is_of_its_form(documents, cubic_key):
    good = changed(documents["key"], ["vk_alphabeta_12"], FP12)
    assert READERS["key"](good) == cubic_key.verification_key
    for path, value in (([], "garbage"), ([], None), ([], []), ([1], FP12[1][:2]), ([0, 2], ["1", "2", "3"]),
                        ([0, 1], "00"), ([1, 2, 0], 8), ([1, 2, 0], "08"), ([0, 0, 1], str(BASE_MODULUS)),
                        ([0, 0, 0], "-1")):
        with pytest.raises(BadInput, match="vk_alphabeta_12"):
            READERS["key"](changed(good, ["vk_alphabeta_12", *path], value))


def test_a_key_with_gamma_equal_to_delta_is_refused(documents):
    broken = changed(documents["key"], ["vk_delta_2"], documents["key"]["vk_gamma_2"])
    with pytest.raises(BadInput, match="gamma"):
        READERS["key"](broken)


@FUZZ
@given(place=st.floats(0, 1, exclude_max=True), new=st.one_of(st.characters(), st.sampled_from("0123456789\"[],")))
def test_a_mutated_document_is_refused_or_reads_the_same(documents, tmp_path, place, new):
    """One character changed: no coordinate of a valid point can become another valid one."""
    text = json.dumps(documents["proof"])
    start = int(place * len(text))
    (tmp_path / "proof.json").write_text(text[:start] + new + text[start + 1:], encoding="utf-8",
                                         errors="surrogatepass")
    try:
        assert snarkjs.read_proof(tmp_path / "proof.json") == READERS["proof"](documents["proof"])
    except BadInput:
        pass


def test_a_public_document_must_be_a_list():
    for data in ({}, "35", 35, None, [["35"]]):
        with pytest.raises(BadInput, match="public"):
            snarkjs.public_from_json(data)


def test_duplicate_keys_are_refused(tmp_path, documents):
    text = json.dumps(documents["proof"])
    (tmp_path / "proof.json").write_text(text[:-1] + ', "curve": "bn128"}')
    with pytest.raises(BadInput, match="curve"):
        snarkjs.read_proof(tmp_path / "proof.json")
