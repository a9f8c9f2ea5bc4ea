"""The page's code, run by Node, says of a proof what the command says of it, to the word; and it is the committed page.

`test_page_in_a_browser.py` has the page itself.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import page_files
import pytest
from eth_keys.constants import SECPK1_N
from oracle_epochs import forge
from page_files import BUNDLES, CERTIFICATES, CUSTODIAN, OWNER, ROOT, VENUE, Judge, command, dropped

from primitives import jsonio
from primitives.poseidon import RATE, Tag, hash_integers
from prover.curve import G2_GROUP
from tailproof import epochs
from tailproof.custody import Attestation
from tailproof.page import FILE
from tailproof.page.facts import facts
from verifier_contracts.epoch_content import EpochContent, OracleDomain
from verifier_contracts.signers import LocalSigner

Run = Callable[..., Any]
Change = Callable[[Any], Any]
EVERY = (*BUNDLES, *CERTIFICATES)
BTC_ETH = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
VERDICTS = {0: "held", 1: "false", 2: "bad input"}
AT = 1_800_000_000


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as judge:
        yield judge


def agree(run: Run, judge: Judge, name: str, parts: dict[str, Path], *more: object, **asked: Any) -> Any:
    """The page's answer, which has to be the command's; only the arithmetic of the pairing has another name."""
    at = ["--at", AT] if name in CERTIFICATES else []
    told, found = run(*command(parts, name, *at, *more)), judge.verdict(parts, at=AT, **asked)
    assert found["verdict"] == VERDICTS[told.code], (found, told.data)
    if told.code == 2:
        assert found["data"]["field"] == told.data["field"] or "column" in found["data"]["field"], (found, told.data)
    else:
        expected = json.loads(json.dumps(told.data).replace("proof (kernels)", "proof (noble)"))
        expected.pop("units", None)                    # for programs, which read what the command says
        expected = {key: value for key, value in expected.items() if not key.endswith("_utc")}
        expected["taken_on_trust"] = [each for each in expected["taken_on_trust"] if "was checked as of" not in each]
        assert found["data"] == expected
    return found


# -- what holds --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EVERY)
def test_what_holds_holds_in_the_same_words(run: Run, folder: Path, judge: Judge, name: str) -> None:
    parts = dropped(folder, name)
    assert agree(run, judge, name, parts)["data"]["insecure_setup"] is True
    bare = agree(run, judge, name, {part: path for part, path in parts.items() if part != "note"})
    assert any("key is for this statement is unchecked" in each for each in bare["data"]["taken_on_trust"])


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("part", ["proof", "key", "epoch", "challenge"])
def test_what_is_missing_is_named(folder: Path, judge: Judge, name: str, part: str) -> None:
    parts = dropped(folder, name)
    if part in parts:
        given = {other: path for other, path in parts.items() if other != part}
        needed = judge.verdict(given, at=AT)["needed"]
        assert part in needed
        assert part == "proof" or needed == [part]


def test_a_commitment_that_is_known_is_compared(run: Run, folder: Path, judge: Judge) -> None:
    parts = dropped(folder, "margin")
    own = json.loads(parts["proof"].read_text())["public_inputs"]["portfolio_commitment"]
    for text, verdict in ((own, "held"), ("1", "false"), ("0", "bad input"), ("+1", "bad input")):
        assert agree(run, judge, "margin", parts, "--commitment", text, commitment=text)["verdict"] == verdict


def test_publishers_must_have_signed(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    root = epochs.read_claim(folder / "grid" / "grid.json").root
    content = EpochContent(10, 20, root, b"m" * 32, b"d" * 32, b"f" * 32, (7, 8), 1, 60, bytes(32))
    domain = OracleDomain(31337, page_files.MANAGER)
    signed = {"schema": "tailproof.epoch-signature/1", "chain_id": 31337, "oracle": domain.oracle,
              "signer": VENUE.address, "content": content.to_json(),
              "signature": "0x" + LocalSigner(VENUE).sign_message(domain.content(content)).hex()}
    parts = dropped(folder, "solvency")
    for name, change, publisher, verdict in (
            ("signed", {}, VENUE, "held"), ("other", {}, OWNER, "false"), ("said", {"signer": OWNER.address}, OWNER,
                                                                         "false"),
            ("chain", {"chain_id": 1}, VENUE, "false"), ("high", {"signature": "0x" + "ff" * 65}, VENUE, "false")):
        jsonio.write(tmp_path / f"{name}.json", {**signed, **change})
        given = {**parts, "content": tmp_path / f"{name}.json"}
        told = agree(run, judge, "solvency", given, "--content", given["content"], "--publisher", publisher.address,
                     publishers=[publisher.address])
        assert told["verdict"] == verdict, name
    assert agree(run, judge, "solvency", {**parts}, "--publisher", VENUE.address, publishers=[VENUE.address]
                 )["verdict"] == "bad input"


def test_a_signature_has_one_form(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    """(r, -s) with the other parity is a signature of the same by the same."""
    parts = dropped(folder, "solvency")
    certificate = json.loads(parts["proof"].read_text())
    signature = bytes.fromhex(certificate["attestations"][0]["signature"][2:])
    other = signature[:32] + (SECPK1_N - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big") + bytes([
        55 - signature[64]])
    for given in (other, signature[:64] + bytes([signature[64] - 27]), bytes(65), bytes(64) + b"\x1b"):
        certificate["attestations"][0]["signature"] = "0x" + given.hex()
        file = tmp_path / "certificate.json"
        file.write_text(jsonio.dumps(certificate))
        found = agree(run, judge, "solvency", {**parts, "proof": file})
        assert [each["name"] for each in found["data"]["checks"] if not each["holds"]] == ["signature of positions"]


def test_keepers_must_have_signed_this_for_all_its_time(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    """Truly signed, by the right keeper or another, of something else: each of these alone is what fails."""
    parts = dropped(folder, "solvency")
    certificate = json.loads(parts["proof"].read_text())
    honest = Attestation.of(jsonio.Node(certificate["attestations"][0]))
    for who, change, name in (
            (VENUE, {"until": honest.until - 1}, "time"), (VENUE, {"as_of": AT + 1}, "time"),
            (VENUE, {"account": CUSTODIAN.address}, "account"), (VENUE, {"commitment": 5}, "commitment"),
            (CUSTODIAN, {"signer": CUSTODIAN.address}, "signer")):
        word = replace(honest, **change).signed(LocalSigner(who))
        certificate["attestations"][0] = word.to_json()
        file = tmp_path / "certificate.json"
        file.write_text(jsonio.dumps(certificate))
        found = agree(run, judge, "solvency", {**parts, "proof": file})
        assert [each["name"] for each in found["data"]["checks"] if not each["holds"]] == [f"{name} of positions"]


# -- what does not -----------------------------------------------------------------------------------------------------
def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything in a document, itself left out."""
    for key in document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ():
        yield (*path, key)
        yield from places(document[key], (*path, key))


def changed(document: Any, path: tuple[Any, ...], change: Change) -> Any:
    made = json.loads(json.dumps(document))
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = change(inner[path[-1]])
    return made


def plausible(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value.isdigit():
        return str(int(value) + 1)
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{40}", value):
        return OWNER.address if value != OWNER.address else VENUE.address
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value[::-1] if isinstance(value, list) else {**value, "another": "1"}


FORMS: tuple[Change, ...] = (
    plausible, lambda value: None, lambda value: 3.5, lambda value: "", lambda value: [value],
    lambda value: value.upper() if isinstance(value, str) else str(value),
    lambda value: f"0{value}" if isinstance(value, str) else float(value) if isinstance(value, int) else True,
    lambda value: str(2**256 + int(value)) if isinstance(value, str) and value.isdigit() else f"{value} ")


@pytest.mark.parametrize("name", EVERY)
def test_whatever_is_changed_both_say_the_same(run: Run, folder: Path, judge: Judge, tmp_path: Path, name: str) -> None:
    """Each value of a proof, in a way that keeps its form and in one that does not; none of them holds."""
    parts, draw = dropped(folder, name), random.Random(name)
    document = json.loads(parts["proof"].read_text())
    every = [path for path in places(document) if path != ("proof", "curve")]
    for path in every if name in ("margin", "solvency") else draw.sample(every, 12):
        for change in (plausible, draw.choice(FORMS[1:])):
            made = changed(document, path, change)
            if made != document:
                file = tmp_path / "changed.json"
                file.write_text(jsonio.dumps(made) if draw.random() < 0.9 else json.dumps(made))
                assert agree(run, judge, name, {**parts, "proof": file})["verdict"] != "held", (path, made)


def test_a_name_with_a_comma_in_it_is_one_name(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    """Joined by commas, other names are the statement's own, with inputs that are not there."""
    parts = dropped(folder, "margin")
    bundle = json.loads(parts["proof"].read_text())
    bundle["public_inputs"]["context,epoch_root"] = bundle["public_inputs"].pop("context")
    del bundle["public_inputs"]["epoch_root"]
    file = tmp_path / "bundle.json"
    file.write_text(jsonio.dumps(bundle))
    assert agree(run, judge, "margin", {**parts, "proof": file})["verdict"] == "bad input"


def test_without_an_epochs_directory_its_time_is_the_holders_word(run: Run, folder: Path, judge: Judge) -> None:
    """A grid's manifest does not say it: balances of a better day could be counted at this epoch's prices."""
    for name, said in (("solvency", False), ("netting", True)):
        trust = agree(run, judge, name, dropped(folder, name))["data"]["taken_on_trust"]
        assert [("balances are of then" in one) for one in trust if "when the epoch's prices are" in one] == [said]
        assert epochs.NO_PURPOSE in trust, "nor whether it is a trial, of which no box says anything then"
    told = agree_in_folder(run, judge, "netting", dropped(folder, "netting"), folder / "grid")
    assert not any("when the epoch's prices are" in one for one in told["data"]["taken_on_trust"])
    assert epochs.NO_PURPOSE not in told["data"]["taken_on_trust"]


def test_a_group_is_whole(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    parts = dropped(folder, "netting")
    certificate = json.loads(parts["proof"].read_text())
    one, two = certificate["members"]
    for members in ([one], [one, two, two], [two, one], [one, one]):
        file = tmp_path / "certificate.json"
        file.write_text(jsonio.dumps({**certificate, "members": members}))
        assert agree(run, judge, "netting", {**parts, "proof": file})["verdict"] == "false"


@pytest.mark.parametrize(("name", "public", "value", "verdict"), [
    ("margin", "margin", 2**128, "false"), ("cover", "claim", 2**145, "bad input"),
    ("cover", "claim", 2**96, "bad input"), ("cover", "claim", 2**144 + 2**128, "false"),
    ("cover", "claim", 0, "false")])
def test_public_inputs_are_held_to_what_they_may_be(run: Run, folder: Path, judge: Judge, tmp_path: Path, name: str,
                                                   public: str, value: int, verdict: str) -> None:
    parts, file = dropped(folder, name), tmp_path / "bundle.json"
    document = json.loads(parts["proof"].read_text())
    file.write_text(json.dumps(changed(document, ("public_inputs", public), lambda _: str(value))))
    assert agree(run, judge, name, {**parts, "proof": file})["verdict"] == verdict


TEXTS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("a key twice", lambda text: text.replace(b'"setup"', b'"setup": "ceremony", "setup"', 1)),
    ("a schema twice", lambda text: text.replace(b'"schema"', b'"schema": "tailproof.bundle/1", "schema"', 1)),
    ("a key twice, spelt otherwise", lambda text: text.replace(b'"setup"', b'"s\\u0065tup": "ceremony", "setup"', 1)),
    ("NaN", lambda text: re.sub(rb'"version": \d+', b'"version": NaN', text)),
    ("infinity", lambda text: re.sub(rb'"version": \d+', b'"version": -Infinity', text)),
    ("beyond doubles", lambda text: re.sub(rb'"version": \d+', b'"version": 1e400', text)),
    ("a float", lambda text: re.sub(rb'"version": (\d+)', rb'"version": \1.0', text)),
    ("an exponent", lambda text: re.sub(rb'"version": (\d+)', rb'"version": \1e0', text)),
    ("a leading zero", lambda text: re.sub(rb'"version": (\d+)', rb'"version": 0\1', text)),
    ("many digits", lambda text: re.sub(rb'"version": (\d+)', b'"version": ' + b"1" * 5000, text)),
    ("two byte order marks", lambda text: b"\xef\xbb\xbf" * 2 + text),
    ("UTF-16", lambda text: text.decode().encode("utf-16")),
    ("other bytes", lambda text: text.replace(b"groth16", b"groth\xff6")),
    ("an overlong form", lambda text: text.replace(b"groth16", b"groth\xc0\xb16")),
    ("a tail", lambda text: text + b"{}"), ("nothing", lambda text: b""), ("half", lambda text: text[:len(text) // 2]),
    ("an array", lambda text: b"[" + text + b"]"), ("depth", lambda text: b"[" * 200 + b"]" * 200),
    ("a comma", lambda text: text.replace(b"\n}\n", b",\n}\n")), ("a comment", lambda text: b"// \n" + text),
    ("a control character", lambda text: text.replace(b"groth16", b"groth\n16")),
    ("a bad escape", lambda text: text.replace(b"groth16", b"groth\\x16")),
    ("half a pair", lambda text: text.replace(b"groth16", b"\\ud800")),
    ("a form feed", lambda text: b"\f" + text), ("a wide space", lambda text: "\u2003".encode() + text),
    ("unknown keys", lambda text: text.replace(b'"setup"', b'"__proto__": {}, "setup"', 1)),
    ("a prototype's key", lambda text: text.replace(b'"setup"', b'"constructor"', 1)))


@pytest.mark.parametrize("name", ["margin", "solvency"])
def test_json_is_as_strict(run: Run, folder: Path, judge: Judge, tmp_path: Path, name: str) -> None:
    parts = dropped(folder, name)
    for what, change in TEXTS:
        file = tmp_path / "changed.json"
        file.write_bytes(change(parts["proof"].read_bytes()))
        assert file.read_bytes() != parts["proof"].read_bytes(), what
        told, found = run(*command({**parts, "proof": file}, name)), judge.verdict({**parts, "proof": file}, at=AT)
        assert (told.code, found["verdict"]) == (2, "bad input"), (what, told.data, found)


@pytest.mark.parametrize("inside", [b"NaN", b"1e400", b'"\xff"', b"[" * 120 + b"]" * 120, b'1, "x": 1', b"1" * 5000,
                                    b'"\t"', b"01", b"'x'"])
def test_json_is_as_strict_where_nobody_looks(run: Run, folder: Path, judge: Judge, tmp_path: Path, inside: bytes
                                              ) -> None:
    """In a part of the manifest that the page does not read."""
    parts, file = dropped(folder, "margin"), tmp_path / "manifest.json"
    text = parts["epoch"].read_bytes()
    for given, verdict in ((b'{"x": ' + inside + b"}", "bad input"), (b'{"x": 1}', None)):
        file.write_bytes(re.sub(rb'"calibration": \{.*?\n  \}', b'"calibration": ' + given, text, flags=re.DOTALL))
        if verdict is not None:
            assert run(*command({**parts, "epoch": file}, "margin")).code == 2
        assert judge.verdict({**parts, "epoch": file}, at=AT)["verdict"] == (verdict or "held")


def test_a_bundle_may_be_spelt_otherwise_and_a_certificate_not(run: Run, folder: Path, judge: Judge, tmp_path: Path
                                                               ) -> None:
    for name, verdict in (("margin", "held"), ("solvency", "bad input")):
        parts = dropped(folder, name)
        file = tmp_path / f"{name}.json"
        for text in (json.dumps(json.loads(parts["proof"].read_text())), "\ufeff" + parts["proof"].read_text()):
            file.write_text(text)
            assert agree(run, judge, name, {**parts, "proof": file})["verdict"] == verdict


def _multiple(k: int, point: Any) -> Any:
    x, y = G2_GROUP.multiply(tuple(tuple(map(int, part)) for part in point[:2]), k)      # type: ignore[misc,arg-type]
    return [[str(part) for part in x], [str(part) for part in y], ["1", "0"]]


GENERATOR = [[str(part) for part in coordinate] for coordinate in (*G2_GROUP.generator, (1, 0))]
OUTSIDE = next([[str(x), "0"], [str(y[0]), str(y[1])], ["1", "0"]] for x in range(100) for y in [
    page_files.twist_y(x)] if y is not None)
"""A point of the twist outside the subgroup."""
KEYS: Any = {
    "delta is gamma": lambda key: {**key, "vk_delta_2": key["vk_gamma_2"]},
    "delta is the generator": lambda key: {**key, "vk_delta_2": GENERATOR},
    "delta is a multiple": lambda key: {**key, "vk_delta_2": _multiple(65_536, key["vk_gamma_2"])},
    "delta is a part": lambda key: {**key, "vk_gamma_2": _multiple(-40_001, key["vk_delta_2"])},
    "beta is a multiple": lambda key: {**key, "vk_beta_2": _multiple(-3, key["vk_delta_2"])},
    "alpha is the generator": lambda key: {**key, "vk_alpha_1": ["1", "2", "1"]},
    "outside the subgroup": lambda key: {**key, "vk_beta_2": OUTSIDE},
    "off the curve": lambda key: {**key, "vk_alpha_1": ["1", "3", "1"]},
    "at infinity": lambda key: {**key, "vk_alpha_1": ["0", "0", "1"]},
    "two equal": lambda key: {**key, "IC": [key["IC"][1], *key["IC"][1:]]},
    "one less": lambda key: {**key, "IC": key["IC"][:-1]},
    "fewer inputs": lambda key: {**key, "IC": key["IC"][:-1], "nPublic": key["nPublic"] - 1},
    "inputs exchanged": lambda key: {**key, "IC": [key["IC"][0], *key["IC"][:0:-1]]},
    "not marked": lambda key: {name: value for name, value in key.items() if name != "setup"},
    "another mark": lambda key: {**key, "setup": "ceremony"},
    "another curve": lambda key: {**key, "curve": "bls12381"},
    "unknown": lambda key: {**key, "vk_epsilon": "1"},
}


@pytest.mark.parametrize("what", KEYS)
def test_keys_are_looked_at_as_closely(run: Run, folder: Path, judge: Judge, tmp_path: Path, what: str) -> None:
    """Also one just beyond what is looked for is no error."""
    parts = {part: path for part, path in dropped(folder, "margin").items() if part != "note"}
    key = json.loads(parts["key"].read_text())
    jsonio.write(tmp_path / "key.json", KEYS[what](key))
    assert agree(run, judge, "margin", {**parts, "key": tmp_path / "key.json"})["verdict"] != "held"


def test_a_note_is_of_its_key(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    parts = dropped(folder, "margin")
    note = json.loads(parts["note"].read_text())
    shutil.copy(parts["key"], tmp_path)
    for change in ({"key_digest": "0x" + "1" * 64}, {"setup": "ceremony"}, {"r1cs_digest": "A" * 64}):
        jsonio.write(tmp_path / "key.json", {**note, **change}, over=True)
        given = {**parts, "key": tmp_path / parts["key"].name, "note": tmp_path / "key.json"}
        assert agree(run, judge, "margin", given)["verdict"] == "bad input"


def test_a_ratio_beyond_the_bound_is_not_looked_for(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    parts = {part: path for part, path in dropped(folder, "margin").items() if part != "note"}
    key = json.loads(parts["key"].read_text())
    for k, verdict in ((65_536, "bad input"), (-65_536, "bad input"), (65_537, "false")):
        path = tmp_path / f"{k}.json"
        jsonio.write(path, {**key, "vk_delta_2": _multiple(k, key["vk_gamma_2"])})
        assert agree(run, judge, "margin", {**parts, "key": path})["verdict"] == verdict


def test_other_keys_epochs_and_challenges_are_false(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    margin, solvency = dropped(folder, "margin"), dropped(folder, "solvency")
    epochs.save(epochs.load(folder / "grid").under(0), tmp_path / "regime")               # type: ignore[union-attr]
    asked = json.loads(solvency["challenge"].read_text())
    assert agree(run, judge, "margin", {**margin, "epoch": solvency["epoch"]})["verdict"] == "false"
    assert agree(run, judge, "solvency", {**solvency, "epoch": margin["epoch"]})["verdict"] == "false"
    assert agree(run, judge, "solvency", {**solvency, "epoch": tmp_path / "regime" / "grid.json"})["verdict"] == "false"
    told = json.loads(margin["proof"].read_text())
    for statement in ("cover", "solvency"):
        jsonio.write(tmp_path / f"{statement}.json", changed(told, ("context", "statement"), lambda _, s=statement: s))
        assert agree(run, judge, "margin", {**margin, "proof": tmp_path / f"{statement}.json"})["verdict"] == "false"
    other = {part: dropped(folder, "cover")[part] for part in ("key", "note")}
    assert agree(run, judge, "margin", {**margin, **other})["verdict"] == "false"
    for name, change, verdict in (
            ("nonce", {"nonce": "0x" + "22" * 32}, "false"), ("over", {"until": AT - 1}, "false"),
            ("late", {"until": 2**40 - 1}, "false"), ("more", {"buffer": 501}, "false"),
            ("root", {"epoch_root": "1"}, "false"), ("whom", {"custodian": VENUE.address}, "false"),
            ("self", {"venue": OWNER.address}, "bad input"), ("asker", {"asker": "two\nlines"}, "bad input"),
            ("blank", {"asker": "\t "}, "bad input"), ("of", {"statement": "margin-tiny"}, "bad input"),
            ("other", {"statement": "solvency-grid-1000x32"}, "bad input")):
        jsonio.write(tmp_path / f"{name}.json", {**asked, **change})
        assert agree(run, judge, "solvency", {**solvency, "challenge": tmp_path / f"{name}.json"}
                     )["verdict"] == verdict, name
    group = {**solvency, "challenge": folder / "netting-challenge.json"}
    assert agree(run, judge, "solvency", group)["verdict"] == "bad input"


@pytest.mark.parametrize("name", ["margin", "solvency"])
def test_a_manifest_says_no_other_root_than_its_fields_give(run: Run, folder: Path, judge: Judge, tmp_path: Path,
                                                            name: str) -> None:
    parts = dropped(folder, name)
    manifest = json.loads(parts["epoch"].read_text())
    for field in ("root", "tree_root", "shape_digest", *(["assets_root"] if name == "solvency" else [])):
        changed_one = {**manifest, field: str(int(manifest[field]) + 1)}
        file = tmp_path / field / parts["epoch"].name
        file.parent.mkdir()
        jsonio.write(file, changed_one)
        assert agree(run, judge, name, {**parts, "epoch": file})["verdict"] == "bad input"
    rooted = {**manifest, "root": "5", "regime": 7}
    file = tmp_path / parts["epoch"].name
    jsonio.write(file, rooted)
    assert agree(run, judge, name, {**parts, "epoch": file})["verdict"] == "bad input"


# -- an epoch's folder -------------------------------------------------------------------------------------------------
def in_folder(parts: dict[str, Path], epoch: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """What the command takes, and what the page takes, of an epoch's directory."""
    arrays = epoch / "arrays" if (epoch / "arrays").is_dir() else epoch
    files = {path.name: path for path in (arrays / "manifest.json", *arrays.glob("*.npy"))
             if path.stem not in ("returns", "variances", "today", "shocks")}
    own = {"epoch": epoch / "grid.json"} if arrays != epoch else {"epoch": files.pop("manifest.json")}
    sources = {path.name: path for path in (arrays / "sources").iterdir()}
    return {**parts, "epoch": epoch}, {**parts, **own, **files, **sources}


def agree_in_folder(run: Run, judge: Judge, name: str, parts: dict[str, Path], epoch: Path) -> Any:
    by_command, by_page = in_folder(parts, epoch)
    told = run(*command(by_command, name, *(["--at", AT] if name in CERTIFICATES else [])))
    found = judge.verdict(by_page, at=AT)
    assert found["verdict"] == VERDICTS[told.code], (found, told.data)
    if told.code < 2:
        assert found["data"]["taken_on_trust"] == [
            each for each in told.data["taken_on_trust"] if "was checked as of" not in each]
        assert [each["holds"] for each in found["data"]["checks"]] == [each["holds"] for each in told.data["checks"]]
    return found


@pytest.mark.parametrize(("name", "epoch"), [("margin", "epoch"), ("cover", "epoch"), ("solvency", "grid"),
                                             ("netting", "grid"), ("margin", "grid"), ("solvency", "epoch")])
def test_an_epochs_root_is_made_again_from_its_arrays(run: Run, folder: Path, judge: Judge, name: str, epoch: str
                                                      ) -> None:
    found = agree_in_folder(run, judge, name, dropped(folder, name), folder / epoch)
    assert found["verdict"] == ("held" if (epoch == "grid") == (name in CERTIFICATES) else "false")
    assert not any("manifest's own" in each for each in found["data"]["taken_on_trust"])


def test_an_epoch_with_add_ons_sizes_and_late_gates_is_hashed_as_well(run: Run, folder: Path, judge: Judge,
                                                                      tmp_path: Path) -> None:
    """Another epoch than the bundle's, so false; were a key, a term or a gate unknown, it would be bad input."""
    made = json.loads((BTC_ETH / "book.json").read_text())
    made["liquidity"] = {"as_of": made["valuation"], "quote_price": "0.85", "markets": [
        {"underlying": "BTC", "kind": "spot", "daily_volume": "1", "open_interest": "1", "half_spread": "0",
         "size": "1"}]}
    made["instruments"].append({**made["instruments"][0], "symbol": "SIZED", "most": 7})
    (tmp_path / "book.json").write_text(json.dumps(made))
    (tmp_path / "model.toml").write_text((BTC_ETH / "model.toml").read_text()
                                         + "\n[addons.depeg]\nthreshold = 0.98\nfactor = 1.0\n")
    epoch = tmp_path / "epoch"
    built = run("epoch", "build", "--book", tmp_path / "book.json", "--model", tmp_path / "model.toml", "--accept",
                "G15=a test", "--accept", "G14=a test", "--out", epoch)
    assert built.code == 0, built
    manifest = json.loads((epoch / "manifest.json").read_text())
    assert manifest["addons"]["terms"] == ["contingency", "rounding", "depeg"]
    found = agree_in_folder(run, judge, "margin", dropped(folder, "margin"), epoch)
    assert found["verdict"] == "false", found
    sized = next(leaf for leaf in manifest["leaves"] if leaf.get("symbol") == "SIZED")
    sized["terms"]["most"] = "8"
    (epoch / "manifest.json").write_text(json.dumps(manifest))
    assert agree_in_folder(run, judge, "margin", dropped(folder, "margin"), epoch)["verdict"] == "bad input"


def _first(value: int) -> Change:
    def change(array: Any) -> Any:
        array.reshape(-1)[0] = value
        return array
    return change


def _row(row: int, value: int) -> Change:
    def change(array: Any) -> Any:
        array[row] = value
        return array
    return change


FORGED: dict[str, dict[str, Any]] = {
    "E1, null leaf": {"changes": _first(1)}, "E1, id twice": {"ids": _row(2, 0)},
    "E2, amax understated": {"amax": _row(1, 1)}, "E2, amax out of bounds": {"amax": _row(1, 2**44)},
    "E3, negative rate": {"long": _row(1, -1)}, "E3, rate out of bounds": {"short": _row(1, 2**44)},
    "E5, no such underlying": {"underlying": _row(1, 9)}, "E7, settled twice": {"settlements": ((5, 1), (5, 1))},
    "E12, no marks": {"marks": ()}, "E12, another price": {"marks": lambda marks: (
        *(mark._replace(price=0) for mark in marks[:1]), *marks[1:])},
    "E12, a wide mark": {"marks": lambda marks: (marks[0]._replace(short=marks[0].long + 2), *marks[1:])},
    "E12, cash that moves": {"changes": lambda array: array - (array == 1000)},
    "another value": {"changes": lambda array: array - ((array > 0) & (array != 1000))},
}


@pytest.mark.parametrize("what", FORGED)
def test_epochs_that_break_their_preconditions_are_refused(run: Run, folder: Path, judge: Judge, tmp_path: Path,
                                                           what: str) -> None:
    """Their manifests say the roots that they have, so that nothing else is wrong with them."""
    forged = forge(folder / "epoch", tmp_path / "forged", **FORGED[what])
    found = agree_in_folder(run, judge, "margin", dropped(folder, "margin"), forged)
    assert found["verdict"] == ("false" if what == "another value" else "bad input"), found
    if found["verdict"] == "bad input" and what != "E1, id twice":        # which is no digest of its terms, too
        assert what[:3].rstrip(",") in found["data"]["field"]


def test_arrays_of_another_epoch_or_form_are_refused(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    parts = dropped(folder, "margin")
    for name, change in (
            ("value", lambda array: array - ((array > 0) & (array != 1000))), ("less", lambda array: array[:-1]),
            ("narrow", lambda array: array.astype(np.int32)), ("big", lambda array: array.astype(">i8")),
            ("float", lambda array: array.astype(float))):
        copy = shutil.copytree(folder / "epoch", tmp_path / name)
        array = np.load(copy / "changes.npy")
        np.save(copy / "changes.npy", change(array))
        assert agree_in_folder(run, judge, "margin", parts, copy)["verdict"] == "bad input", name
    copy = shutil.copytree(folder / "epoch", tmp_path / "cut")
    (copy / "amax.npy").write_bytes((copy / "amax.npy").read_bytes()[:-8])
    assert agree_in_folder(run, judge, "margin", parts, copy)["verdict"] == "bad input"
    for field, value in (("timestamp", "2021-01-01T00:00:01Z"), ("quote", "EUR"), ("purpose", "production"),
                         ("seed", 2), ("previous", "1"), ("venue", "elsewhere"), ("basis", "change")):
        copy = shutil.copytree(folder / "epoch", tmp_path / field)
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps({**manifest, field: value}))
        assert agree_in_folder(run, judge, "margin", parts, copy)["verdict"] == "bad input", field


@pytest.mark.parametrize("kind", ["epoch", "grid"])
def test_sources_are_those_that_the_manifest_names(run: Run, folder: Path, judge: Judge, tmp_path: Path, kind: str
                                                   ) -> None:
    """No root binds a book: a folder could show another beside the numbers that were published."""
    name = "margin" if kind == "epoch" else "solvency"
    parts, inner = dropped(folder, name), "arrays" if kind == "grid" else "."
    whole = agree_in_folder(run, judge, name, parts, folder / kind)
    assert whole["verdict"] == "held"
    told = json.loads((folder / kind / inner / "manifest.json").read_text())["sources"]
    changes: dict[str, Callable[[Path], object]] = {source: lambda one, source=source: (  # type: ignore[misc]
        one / "sources" / source).write_bytes((one / "sources" / source).read_bytes() + b"\n")
        for source in ("model.toml", "book.json")}
    changes["gone"] = lambda one: (one / "sources" / "book.json").unlink()
    for what, change in changes.items():
        copy = shutil.copytree(folder / kind, tmp_path / what)
        change(copy / inner)
        found = agree_in_folder(run, judge, name, parts, copy)
        assert (found["verdict"], found["data"]["field"]) == ("bad input", "sources." + (
            "book" if what == "gone" else what.partition(".")[0])), found
    # A manifest that names what is there all the same: of another model, of no book, of what is none.
    named: dict[str, Callable[[dict[str, str]], object]] = {
        "other": lambda sources: sources.update(book="0x" + "1" * 64), "none": lambda sources: sources.pop("book"),
        "more": lambda sources: sources.update(more=sources["book"]),
        "short": lambda sources: sources.update(book="0x1")}
    for what, rename in named.items():
        copy = shutil.copytree(folder / kind, tmp_path / what)
        path, sources = copy / inner / "manifest.json", dict(told)
        rename(sources)
        path.write_text(json.dumps({**json.loads(path.read_text()), "sources": sources}))
        assert agree_in_folder(run, judge, name, parts, copy)["verdict"] == "bad input", what
    # Without the folder's sources there is nothing to compare.
    without = {part: path for part, path in in_folder(parts, folder / kind)[1].items() if path.parent.name != "sources"}
    assert judge.verdict(without, at=AT)["verdict"] == "held"


def test_an_instruments_id_is_the_digest_of_its_terms(run: Run, folder: Path, judge: Judge, tmp_path: Path) -> None:
    parts = dropped(folder, "margin")
    manifest, file = json.loads(parts["epoch"].read_text()), tmp_path / "manifest.json"
    for change in (plausible, lambda terms: {**terms, "lot": "7"}, lambda terms: []):
        jsonio.write(file, changed(manifest, ("leaves", 1, "terms"), change), over=True)
        assert agree_in_words(run, judge, {**parts, "epoch": file}) == "bad input"


def agree_in_words(run: Run, judge: Judge, parts: dict[str, Path]) -> str:
    """The verdict of both, on a margin, whichever field each of them names."""
    found = judge.verdict(parts, at=AT)["verdict"]
    assert found == VERDICTS[run(*command(parts, "margin")).code]
    return str(found)


def test_what_the_page_has_no_use_for_is_refused_by_name(folder: Path, judge: Judge, tmp_path: Path) -> None:
    for schema, word in (("tailproof.batch/1", "batch verify"), ("tailproof.opening/1", "none of your secrets"),
                         ("tailproof.model/1", "verified here")):
        file = tmp_path / "file.json"
        file.write_text(json.dumps({"schema": schema}))
        found = judge.ask(files=[str(file)], at=AT)
        assert found["verdict"] == "bad input"
        assert word in found["error"]
    file.write_text(json.dumps(json.loads((folder / "margin.json").read_text())["proof"]))
    assert "a bare proof" in judge.ask(files=[str(file)], at=AT)["error"]


def test_statements_of_other_commands_are_refused_with_theirs(run: Run, folder: Path, judge: Judge, tmp_path: Path
                                                              ) -> None:
    parts, file = dropped(folder, "margin"), tmp_path / "bundle.json"
    for statement, word in (("solvency-tiny", "solvency verify"), ("transition-tiny", "contract does"),
                            ("none", "must be one of")):
        file.write_text(json.dumps({**json.loads(parts["proof"].read_text()), "statement": statement}))
        assert word in agree(run, judge, "margin", {**parts, "proof": file})["error"]


# -- the page as it is committed ---------------------------------------------------------------------------------------
def test_poseidon_is_ours(judge: Judge) -> None:
    draw = random.Random(1)
    for tag, length in ((Tag.NODE, 8), (Tag.EPOCH, 3), (Tag.EPOCH, 4), (Tag.LEAF, RATE + 3), (Tag.HEADER, 1)):
        elements = [draw.randrange(2**253) - 2**252 for _ in range(length)]
        assert judge.ask(poseidon=[int(tag), list(map(str, elements))]) == {
            "hash": str(hash_integers(tag, elements))}


def test_what_the_page_is_told_is_so() -> None:
    """`make page` writes it."""
    assert json.loads((ROOT / "web" / "facts.json").read_text()) == json.loads(json.dumps(facts()))


def test_the_committed_page_is_what_its_sources_build(tmp_path: Path) -> None:
    """`make page` writes it."""
    subprocess.run(["node", str(ROOT / "web" / "build.mjs"), str(tmp_path / "page.html")], check=True)
    is_the_same = (tmp_path / "page.html").read_bytes() == FILE.read_bytes()
    assert is_the_same, "run `make page`"
    assert len(FILE.read_bytes()) < 400_000


def test_the_pages_files_stand_in_an_order_and_bring_nothing_else() -> None:
    """Each imports files that import it in no way, and else @noble alone; one touches the document."""
    above: dict[str, set[str]] = {}
    for path in (ROOT / "web" / "src").glob("*.js"):
        text = path.read_text()
        found = set(re.findall(r'^(?:import|export)[^;]* from "([^"]+)"', text, re.MULTILINE))
        above[path.name] = {name.removeprefix("./") for name in found if name.startswith("./")}
        assert all(name.startswith("@noble/") or name == "../facts.json" for name in found if not name.startswith("./"))
        assert "import(" not in text
        assert path.name == "page.js" or not re.search(r"\b(document|window|globalThis|localStorage)\.\w", text)
    left = dict(above)
    while left:
        lowest = [name for name, names in left.items() if not names & left.keys()]
        assert lowest, f"a circle among {sorted(left)}"
        for name in lowest:
            del left[name]


def test_the_command_writes_the_page(run: Run, tmp_path: Path) -> None:
    answer = run("page", "--out", tmp_path / "page.html")
    assert answer.code == 0
    content = (tmp_path / "page.html").read_bytes()
    assert content == FILE.read_bytes()
    assert answer.data["sha256"] == hashlib.sha256(content).hexdigest()
    assert run("page", "--out", tmp_path / "page.html").code == 2


def test_colours_can_be_told_from_their_ground() -> None:
    """WCAG 2.1, 1.4.3: a ratio of 4.5 for text, in light and in dark."""
    style = (ROOT / "web" / "page.css").read_text()
    for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for name, ground in (*((name, "paper") for name in ("ink", "soft", "held", "false", "bad")),
                             ("mark-ink", "mark")):
            light, dark = sorted(map(_luminance, (colours[name], colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, block)


def _luminance(colour: str) -> float:
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
