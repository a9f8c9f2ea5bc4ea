"""docs/tutorial.md, line by line in a shell, as a newcomer types it who has installed the wheel: each line does what
the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from installed_shell import Shell

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
FALSE = "    # exits 1"


def lines_of(page: Path) -> list[str]:
    return [line for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
            for line in block.splitlines()]


@pytest.mark.slow  # a key and a proof of 129,464 rows: half a minute
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    lines, shell, said = lines_of(PAGE), Shell(tmp_path), dict[str, str]()
    assert sum(line.endswith(FALSE) for line in lines) == 2
    for line in lines:
        code, said[line] = shell(line)
        assert code == (1 if line.endswith(FALSE) else 0), f"{line}\n{said[line]}"

    def told(part: str) -> str:
        (found,) = [text for line, text in said.items() if part in line]
        return found

    first = (shell.folder / "model.toml").read_text()
    assert first != (shell.folder / "model.toml.before").read_text()             # `sed` found what to change
    assert told("epoch build").splitlines()[0].startswith("root ")
    assert told("risk margin").splitlines()[0].startswith("margin ")
    answer = told("verify certificate.json --challenge challenge.json")
    assert "SHOWN: " in answer
    assert "FALSE" not in answer
    assert "FALSE" in told("verify certificate.json --challenge asked-by-b.json")
    assert not (shell.folder / "none.json").exists()
    shown = said["tailproof config show"]
    assert "profile  trial" in shown
    (dropped,) = re.findall(r"open it and drop the certificate, (.*) on it", PAGE.read_text())
    for name in re.findall(r"`([^`]+)`", dropped):
        assert (shell.folder / name).is_file(), name
    assert str(shell.folder / "contracts.json") in shown


def test_the_tutorial_is_short_enough_for_a_sitting_and_names_what_is_there() -> None:
    """Every page that it links to exists."""
    text = PAGE.read_text()
    assert len(text.split()) < 1_600
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (PAGE.parent / target).exists(), target
