"""Text as people's editors save it: UTF-8, with or without the byte order mark that those of Windows put first."""

from __future__ import annotations

import codecs
from pathlib import Path

from primitives.errors import BadInput, Said

MARK = "\ufeff"
"""The byte order mark, as a character of text. It says nothing: who reads JSON may leave it out (RFC 8259, section
8.1)."""
_OTHERS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"),
           (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
"""Marks of other encodings; those of UTF-32 begin as those of UTF-16 do."""


def text_of(data: bytes, *, source: str | Path | None = None) -> str:
    """The text in a file's bytes, without a byte order mark.

    Raises
    ------
    BadInput : they are not UTF-8. Of UTF-16, as PowerShell's `>` and Excel's "Unicode text" write it, it says so.
    """
    for mark, name in _OTHERS:
        if data.startswith(mark):
            raise BadInput("encoding", Said(name), "UTF-8 (save the file as that)", source=source)
    begin = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[begin:].decode()
    except UnicodeDecodeError as error:
        place = begin + error.start
        raise BadInput(f"byte {place}", data[place:place + 8], "valid UTF-8", source=source) from None
