"""Words from outside, made fit to be shown: on a terminal, and in a page."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """A text as one line that commands no terminal: control characters (escapes, line ends), those that turn the
    direction of what follows, separators of lines and lone surrogates become escapes as in Python's strings."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
                   else character.encode("unicode_escape", "surrogatepass").decode("ascii") for character in text)
