"""A `tailproof.toml` (`settings`) made of values, for who would rather not write one by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from primitives.errors import BadInput, Said
from primitives.jsonio import Node

from . import settings


def composed(values: Mapping[str, str], path: Path, profile: str | None = None) -> bytes:
    """The file's bytes, once they are seen to give these values and nothing that a file may not say.

    Parameters
    ----------
    values : by name (`settings.NAMES`), as options take them; paths from the current directory.
    path : where the file will be, from which its paths count.
    profile : the values stand in this profile, which is the one that counts then; None: at the file's top.

    Raises
    ------
    BadInput : no value at all; what `settings.load` refuses in a file, a secret above all.
    """
    if not values:
        raise BadInput("settings", None, f"given, one or more: --{', --'.join(settings.NAMES)}")
    if profile is not None:
        Node(profile, field="--profile").text(settings.PROFILE_NAME, "a name of letters, digits, _ and -")
    lines = [] if profile is None else [f"profile = {_text(profile)}", "", f"[profiles.{profile}]"]
    lines += [f"{name} = {_value(name, values[name], path)}" for name in settings.NAMES if name in values]
    try:
        data = ("\n".join(lines) + "\n").encode()
    except UnicodeEncodeError:                     # a name of a file in another encoding
        raise BadInput("settings", Said("no text"), "names that UTF-8 has", source=path) from None
    settings.given_by(data, path, profile)
    return data


def _value(name: str, value: str, path: Path) -> str:
    if name in settings.INTEGERS and value.isascii() and value.isdigit():
        return str(int(value))
    if name in settings.PATHS or (name == "outbox" and "://" not in value):
        place = Path(value).expanduser()
        value = str(place) if place.is_absolute() else os.path.relpath(place, path.parent)
    return _text(value)


def _text(value: str) -> str:
    """A string of TOML; JSON's is one, but for the character that JSON lets stand as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
