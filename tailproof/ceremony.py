"""How a ceremony's story is told: who contributed, what a beacon adds, and what remains to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

INSECURE_POWERS = ("INSECURE powers of tau: a single party contributed their secret, and can forge with any key made "
                   "from them. For trials, never for money.")
UNFINISHED = "UNFINISHED: nobody has contributed yet, so this key can forge. Contribute next."
UNFINISHED_POWERS = ("UNFINISHED: nobody has contributed a secret to these powers of tau, so anybody can forge with "
                     "any key made from them. Contribute next.")

PHASE_1 = "Who contributed to the powers of tau, no key tells; "


def escaped(name: str | None) -> str:
    """A contributor's name for the terminal: what could move the cursor, or pass for something else, as an escape."""
    if not name:
        return "(no name)"
    return "".join(letter if letter.isprintable() and letter != "\\" else letter.encode("unicode_escape").decode()
                   for letter in name)


def told(facts: Mapping[str, Any]) -> list[str]:
    """The contributions that `Transcript.to_json` or `PowersOfTau.to_json` lists, and what they are worth."""
    steps, lines = facts["contributions"], []
    for number, step in enumerate(steps, 1):
        beacon = step["beacon"]
        kind = f"beacon {beacon['value']}, 2^{beacon['iterations']} hashes" if beacon else "secret"
        lines += [f"  {number}. {escaped(step['name'])} ({kind})", f"     {step['digest']}"]
    return [*lines, *late(facts)]


def late(facts: Mapping[str, Any]) -> list[str]:
    """A remark on contributions after the beacon, if there are any."""
    numbers: Sequence[int] = facts["after_beacon"]
    if not numbers:
        return []
    several = len(numbers) > 1
    return [f"AFTER THE BEACON: contribution{'s' * several} {', '.join(map(str, numbers))}. A beacon keeps the last to "
            "contribute from choosing among outcomes, and vouches only for what came before it."]


def believed(facts: Mapping[str, Any], what: str) -> list[str]:
    """What must be believed of contributions by more than one party; nothing is said of fewer, who are insecure."""
    if facts["insecure"]:
        return []
    parties = sum(step["beacon"] is None for step in facts["contributions"])
    lines = [f"To be believed: of the {parties} who contributed a secret to {what}, one was honest and forgot it; and "
             "they were not all one party. No hash covers names: ask each for the digest that she published."]
    if any(step["beacon"] for step in facts["contributions"]):
        lines.append("And that nobody could know the beacon's value when the last secret was contributed.")
    return lines
