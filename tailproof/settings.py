"""What the options that repeat (`--rpc`, `--deployment` …) are where nobody types them: environment and one file.

An option goes before the environment, the environment before a profile of the file, the profile before what stands at
the file's top, and that before the command's own default. The file is TOML:

    profile = "trial"                              which profile, where none is chosen
    timeout = 60                                   for every profile that says nothing else

    [profiles.trial]
    rpc = "http://127.0.0.1:8545"
    deployment = "contracts.json"                  paths are from where the file is

    [profiles.main]
    rpc = "https://node.example"
    chain-id = 1
    confirmations = 3

It is $TAILPROOF_CONFIG; else the nearest `tailproof.toml` of the current directory and those above it, up to the root
of the repository or the home directory that it is in; else `tailproof.toml` in the user's directory of configurations.
A folder that is in neither is not left, and a file of another user's is refused: whoever may write it would say whom
this user's commands talk to, and who signs. Secrets are refused in it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from primitives.errors import HIDDEN, BadInput, Said, suggestion, unreadable
from primitives.inputs import open_input
from primitives.jsonio import Node
from primitives.texts import text_of

FILE = "tailproof.toml"
LARGEST = 1 << 20
CONFIG, PROFILE, KEY = "TAILPROOF_CONFIG", "TAILPROOF_PROFILE", "TAILPROOF_PRIVATE_KEY"
INTEGERS = {"chain-id": (1, (1 << 53) - 1), "timeout": (1, 86_400), "gas-limit": (21_000, 1 << 40),
            "confirmations": (1, 10_000)}
"""Bounds of the settings that are integers, and of their options."""
URLS, PATHS = ("rpc", "signer"), ("deployment", "keystore", "passphrase-file")
NAMES = ("rpc", "deployment", "chain-id", "timeout", "max-fee", "gas-limit", "confirmations", "keystore",
         "passphrase-file", "signer", "from", "outbox")
"""Every setting, named as its option is."""
SIGNING = ("keystore", "passphrase-file", "signer", "from")
"""Who signs: one choice, which $TAILPROOF_PRIVATE_KEY makes too."""
OTHERS = (CONFIG, PROFILE, KEY, "TAILPROOF_THREADS", "TAILPROOF_FORCE_PORTABLE", "TAILPROOF_NODE_MODULES")
"""Variables of the environment that are no settings."""
_SECRET_NAME = re.compile(r"pass(word|phrase|wd)?|(private|secret|api|access)?[-_]?(key|token|secret)|mnemonic|seed")
_SECRET_VALUE = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_NO_SECRET = f"no secret stands in this file (a key is in a keystore, or in ${KEY})"
PROFILE_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""What a profile may be called, a regular expression."""


@dataclass(frozen=True)
class Given:
    """A setting. `value` is as its option takes it; `source` says where it stands; `in_file` whether in the file."""

    value: str
    source: str
    in_file: bool


@dataclass(frozen=True)
class Settings:
    """What environment and file say. `file` and `profile` are None where there is none."""

    file: Path | None
    profile: str | None
    chosen_by: str | None
    given: Mapping[str, Given]


def variable(name: str) -> str:
    """The environment's name of a setting: `chain-id` is TAILPROOF_CHAIN_ID."""
    return "TAILPROOF_" + name.upper().replace("-", "_")


def load(profile: str | None = None) -> Settings:
    """The settings of this process.

    Parameters
    ----------
    profile : one that an option names, which goes before $TAILPROOF_PROFILE.

    Raises
    ------
    BadInput : the file or the environment says what no setting may be; it names file, key, value and bound.
    """
    path = find()
    document = {} if path is None else _read(path)
    named, by = _profile(profile, document, path)
    given = _of_file(document, named, path)
    given |= {name: found for name in NAMES if (found := _of_environment(name)) is not None}
    # Whose key the environment has is who signs, not whom the file names: for one command that is how one says so.
    if os.environ.get(KEY):
        given = {name: found for name, found in given.items() if name not in SIGNING or not found.in_file}
    return Settings(path, named, by, _one_signer(given))


def _one_signer(given: dict[str, Given]) -> dict[str, Given]:
    """The environment's keystore in place of the file's signer, and the reverse; both in one place are refused."""
    keystore, signer = given.get("keystore"), given.get("signer")
    if keystore is not None and signer is not None:
        if keystore.in_file == signer.in_file:
            raise BadInput("signer", Said("given"), "absent where keystore is given: one of them signs",
                           source=signer.source)
        given = {name: found for name, found in given.items()
                 if name not in ("keystore", "passphrase-file", "signer") or not found.in_file}
    return given


# -- the file ------------------------------------------------------------------------------------------------------
def find() -> Path | None:
    """Where the file is; see the head of this module."""
    named = os.environ.get(CONFIG)
    if named:
        return Path(named)
    for folder in _folders():
        if os.path.isfile(folder / FILE):
            return folder / FILE
    import click
    path = Path(click.get_app_dir("tailproof")) / FILE
    return path if os.path.isfile(path) else None          # also where one may not look


def _folders() -> list[Path]:
    """The current directory, and those above it up to the root of its repository or the home directory."""
    try:
        here = Path.cwd()
    except OSError:                                # a folder that is gone
        return []
    home = Path.home() if os.environ.get("HOME") else None
    above: list[Path] = []
    for folder in (here, *here.parents):
        above.append(folder)
        if folder == home or (folder / ".git").exists():
            return above
    return [here]


def _read(path: Path) -> dict[str, Any]:
    try:
        with open_input(path) as file:
            owner = os.fstat(file.fileno()).st_uid
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    if not os.environ.get(CONFIG) and hasattr(os, "getuid") and owner not in (os.getuid(), 0):
        raise BadInput("owner", owner, f"you ({os.getuid()}): it says whom commands talk to; if you trust it, name it "
                       f"in ${CONFIG}", source=path)
    if len(data) > LARGEST:
        raise BadInput("file size", Said("too large"), f"at most {LARGEST} bytes", source=path)
    return _document(data, path)


def given_by(data: bytes, path: Path, profile: str | None) -> Mapping[str, Given]:
    """What a file of these bytes at `path` gives under a profile; raises BadInput as `load`."""
    return _one_signer(_of_file(_document(data, path), profile, path))


def _document(data: bytes, path: Path) -> dict[str, Any]:
    text = text_of(data, source=path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadInput("TOML document", Said(f"not readable ({error})"), "valid TOML", source=path) from None


def _profile(asked: str | None, document: dict[str, Any], path: Path | None) -> tuple[str | None, str | None]:
    """Which profile counts, and who chose it."""
    inside = document.get("profile")
    if inside is not None:
        inside = Node(inside, field="profile", source=path).text(PROFILE_NAME, "the name of a profile")
    chosen = ((asked, "--profile"), (os.environ.get(PROFILE) or None, f"${PROFILE}"), (inside, f"{path}: profile"))
    name, by = next(((name, by) for name, by in chosen if name is not None), (None, None))
    if name is None:
        return None, None
    known = document.get("profiles", {})
    if not isinstance(known, dict) or name not in known:
        there = ", ".join(sorted(known)) if isinstance(known, dict) and known else "none"
        near = suggestion(name, known) if isinstance(known, dict) else ""
        raise BadInput(str(by).rpartition(": ")[2], name, f"a profile of {path or FILE}: known are {there}{near}",
                       source=path if name == inside and by not in ("--profile", f"${PROFILE}") else None)
    return name, by


def _of_file(document: dict[str, Any], profile: str | None, path: Path | None) -> dict[str, Given]:
    """All of it is looked at, also the profiles that do not count now."""
    if path is None:
        return {}
    found = _table({key: value for key, value in document.items() if key not in ("profile", "profiles")}, "", path,
                   ("profile", "profiles"))
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        raise BadInput("profiles", profiles, "tables, [profiles.NAME]", source=path)
    for name, table in profiles.items():
        Node(name, field="profiles", source=path).text(PROFILE_NAME, "names of letters, digits, _ and -")
        if not isinstance(table, dict):
            raise BadInput(f"profiles.{name}", table, f"a table, [profiles.{name}]", source=path)
        own = _table(table, f"profiles.{name}.", path)
        if name == profile:
            # A profile that says who signs says all of it.
            if own.keys() & {"keystore", "signer"}:
                found = {key: one for key, one in found.items() if key not in ("keystore", "passphrase-file", "signer")}
            found |= own
    return found


def _table(entries: dict[str, Any], prefix: str, path: Path, more: tuple[str, ...] = ()) -> dict[str, Given]:
    found = {}
    for key, value in entries.items():
        field = prefix + key
        if key not in NAMES:
            if _SECRET_NAME.fullmatch(key.casefold()):
                raise BadInput(field, HIDDEN, f"absent: {_NO_SECRET}", source=path)
            known = (*NAMES, *more)
            raise BadInput(field, _hidden(value), f"absent: known are {', '.join(known)}{suggestion(key, known)}",
                           source=path)
        if isinstance(value, str) and _SECRET_VALUE.fullmatch(value):
            raise BadInput(field, HIDDEN, f"no private key: {_NO_SECRET}", source=path)
        read = _checked(key, _as_text(Node(value, field=field, source=path), key))
        if key in PATHS or (key == "outbox" and "://" not in read):
            read = str(path.parent / Path(read).expanduser())
        found[key] = Given(read, f"{path}: {field}", True)
    return found


def _hidden(value: object) -> object:
    return HIDDEN if isinstance(value, str) and _SECRET_VALUE.fullmatch(value) else value


def _as_text(node: Node, key: str) -> Node:
    """A TOML number as the text that an option would be given."""
    if key in INTEGERS:
        return Node(str(node.integer(*INTEGERS[key])), field=node.field, source=node.source)
    if key == "max-fee" and type(node.value) is int:
        return Node(str(node.value), field=node.field, source=node.source)
    return node


# -- environment, and what both may say ----------------------------------------------------------------------------
def _of_environment(name: str) -> Given | None:
    text = os.environ.get(variable(name))
    if not text:
        return None
    return Given(_checked(name, Node(text, field=f"${variable(name)}")), f"${variable(name)}", False)


def _checked(name: str, node: Node) -> str:
    """A setting's text, once its option would take it."""
    if name in INTEGERS:
        return str(node.decimal(*INTEGERS[name]))
    if name == "max-fee":
        text = node.text(r"[0-9]{1,12}(\.[0-9]{1,9})?", "a positive number of gwei, with at most 9 decimals (a string "
                         "where it has decimals)")
        if not text.strip("0."):
            raise node.refuse("a positive number of gwei, with at most 9 decimals")
        return text
    if name == "from":
        from verifier_contracts.addresses import checksummed
        try:
            return str(checksummed(node.text(meaning="an address"), node.field))
        except BadInput as error:
            raise node.refuse(error.bound) from None
    text = node.text(r"(?s).+", "a string that is not empty")
    if name in URLS:
        return _url(text, node)
    if name == "outbox" and node.source is not None and with_password(text):
        raise BadInput(node.field, HIDDEN, f"without a password, which belongs in ${variable(name)}",
                       source=node.source)
    return text


def _url(text: str, node: Node) -> str:
    from verifier_contracts.signers import endpoint_name
    try:
        endpoint_name(text)
    except BadInput as error:
        raise BadInput(node.field, error.value, error.bound, source=node.source) from None
    if node.source is not None and "@" in urlsplit(text).netloc:
        raise BadInput(node.field, HIDDEN, "without user and password, which belong in "
                       f"${variable(node.field.rpartition('.')[2])}", source=node.source)
    return text


def with_password(url: str) -> bool:
    """Whether a password stands in a database's URL: before the host, where its readers take a / too, or among what
    follows the name."""
    return re.match(r"\w[\w+.-]*://([^/@?]*:[^@]*@|.*[?&][^=]*password=)", url, re.DOTALL) is not None


def shown(name: str, value: str) -> str:
    """A setting as it may be shown: of a URL neither user and password nor its path, which may be a provider's key."""
    if name in URLS:
        from verifier_contracts.signers import endpoint_name
        bare = endpoint_name(value)
        return bare if value.rstrip("/") == bare else bare + "/…"
    if name != "outbox" or "://" not in value:
        return value
    return re.sub(r"[?].*", "?…", re.sub(r"(?<=://).*@", "…@", value, flags=re.DOTALL), flags=re.DOTALL)


def unknown_variables() -> list[tuple[str, str]]:
    """Variables of ours in the environment that nobody reads, each with the one that may have been meant, or ""."""
    known = (*(variable(name) for name in NAMES), *OTHERS)
    return [(name, suggestion(name, known)) for name in sorted(os.environ)
            if name.startswith("TAILPROOF_") and name not in known and not name.startswith("_TAILPROOF")]
