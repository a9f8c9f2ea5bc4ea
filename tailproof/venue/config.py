"""What a venue's file says: where prices come from, what epochs are made of, who signs, whose margins are proven, where
bundles go. TOML; paths are from where the file is:

    state = "state"                what is built, published and proven: a venue that begins again goes on from there
    rounds = "rounds"              epochs and contents, for the signers
    signatures = ["signatures"]    folders that signers put theirs in
    interval = 600                 seconds of the chain's clock from one epoch to the next

    [feed]
    folder = "feed"                or url = "https://…"
    max_age = 900                  seconds that prices may be old
    replayed = false               whether they may be of the past

    [epoch]
    model = "model.toml"
    collateral = "collateral.json"
    valid_for = 300                seconds in which a content may be published
    allow_trial = false

    [accounts]
    store = "accounts"             salt files ACCOUNT.json or ACCOUNT-VERSION.json
    secret = "venue.secret.json"   what was escrowed to this key is opened with it

    [prove]
    key = "keys/margin"            key directory of a margin or cover statement: what is proven of every account
    step = 1                       of the ladder of buffers that covers show, where collateral reaches so far
    workers = 2                    or scheduler, tls_ca, tls_cert, tls_key
    limit = 600                    seconds of one proof

    [relay]
    outbox = "relay.db"

    [keeper]                       only where the venue does a keeper's steps too
    gas_per_day = 30000000
    delivery_key = "keys/delivery" with accounts.secret: openings are delivered when that is ordered

    [page]
    listen = "127.0.0.1:8090"

What nobody knows is refused, and so are secrets: they are in files of their own. Node, deployment and signer are the
options of the command, or tailproof.toml's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives.errors import HIDDEN, BadInput, Said, unreadable
from primitives.inputs import open_input
from primitives.jsonio import Node
from primitives.texts import text_of

from ..settings import with_password

LARGEST = 1 << 20
_SECRET = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_TEXT = r"(?s).+"


@dataclass(frozen=True)
class FeedSettings:
    """folder, url : one of them.  max_age : seconds.  replayed : whether prices of the past are taken."""

    folder: Path | None
    url: str | None
    max_age: int
    replayed: bool


@dataclass(frozen=True)
class EpochSettings:
    """model, collateral : files.  statement, regime : as of `epoch build`.  valid_for : seconds of a content."""

    model: Path
    collateral: Path | None
    statement: str | None
    regime: int
    valid_for: int
    allow_trial: bool


@dataclass(frozen=True)
class ProveSettings:
    """key : key directory.  step : of the ladder.  limit : seconds of a proof.  every : seconds between looks at
    accounts that have moved on; the rest as of `venue prove`."""

    key: Path
    step: int
    workers: int | None
    scheduler: str | None
    tls: tuple[Path, Path, Path] | None
    limit: int
    every: int


@dataclass(frozen=True)
class KeeperSettings:
    """gas_per_day : most gas to sign for in a day.  favours : whether it does what costs gas for others' good alone.
    every : seconds between rounds.  delivery, disclose : key directories, by which openings that were escrowed to the
    venue are delivered, or shown, when that is ordered."""

    gas_per_day: int
    favours: bool
    every: int
    delivery: Path | None
    disclose: Path | None


@dataclass(frozen=True)
class VenueConfig:
    """A venue's file, checked."""

    path: Path
    state: Path
    rounds: Path
    signatures: tuple[Path, ...]
    interval: int
    feed: FeedSettings
    epoch: EpochSettings
    store: Path | None
    secret: Path | None
    prove: ProveSettings
    outbox: str
    keeper: KeeperSettings | None
    listen: str | None

    @staticmethod
    def load(path: Path) -> VenueConfig:
        """Read it; raises BadInput naming file, key, value and bound."""
        document = _read(path)
        _refuse_secrets(document, "", path)
        root = Node(document, source=path)
        top = root.object({"signatures", "interval", "feed", "epoch", "accounts", "prove", "relay"},
                          {"state", "rounds", "keeper", "page"})
        folder = path.absolute().parent

        def at(node: Node) -> Path:
            return folder / Path(node.text(_TEXT, "a path")).expanduser()

        def maybe(parts: Mapping[str, Node], name: str) -> Path | None:
            return at(parts[name]) if name in parts else None

        def number(parts: Mapping[str, Node], name: str, low: int, high: int, default: int | None = None) -> int:
            if name not in parts and default is not None:
                return default
            return _required(parts, name, root).integer(low, high)

        def flag(parts: Mapping[str, Node], name: str, default: bool) -> bool:
            return parts[name].boolean() if name in parts else default

        accounts = top["accounts"].object((), {"store", "secret"})
        store, secret = maybe(accounts, "store"), maybe(accounts, "secret")
        if store is None and secret is None:
            raise BadInput("accounts.store, accounts.secret", None, "given, one of them", source=path)
        relay = top["relay"].object({"outbox"})
        outbox = relay["outbox"].text(_TEXT, "a path, or the URL of a database")
        if with_password(outbox):
            raise BadInput("relay.outbox", HIDDEN, "without a password (~/.pgpass has it, or $PGPASSWORD)", source=path)
        keeper = None if "keeper" not in top else top["keeper"].object(
            {"gas_per_day"}, {"favours", "every", "delivery_key", "disclose_key"})
        if keeper is not None and secret is None and keeper.keys() & {"delivery_key", "disclose_key"}:
            raise BadInput("keeper.delivery_key", Said("given"), "given with accounts.secret, which opens what is to "
                           "be delivered", source=path)
        page = None if "page" not in top else top["page"].object({"listen"})["listen"].text(_TEXT, "HOST:PORT")
        return VenueConfig(
            path, maybe(top, "state") or folder / "state", maybe(top, "rounds") or folder / "rounds",
            tuple(at(one) for one in top["signatures"].array(at_least=1, at_most=64)),
            number(top, "interval", 1, 31_536_000), _feed(top["feed"], at, path), _epoch(top["epoch"], at),
            store, secret, _prove(top["prove"], at, path),
            outbox if "://" in outbox else str(folder / Path(outbox).expanduser()),
            None if keeper is None else KeeperSettings(
                number(keeper, "gas_per_day", 21_000, 1 << 40), flag(keeper, "favours", False),
                number(keeper, "every", 1, 3_600, 12), maybe(keeper, "delivery_key"), maybe(keeper, "disclose_key")),
            page)


def _feed(node: Node, at: Any, path: Path) -> FeedSettings:
    parts = node.object({"max_age"}, {"folder", "url", "replayed"})
    if ("folder" in parts) == ("url" in parts):
        raise BadInput("feed", Said("both" if "url" in parts else "neither"), "one of folder and url", source=path)
    return FeedSettings(at(parts["folder"]) if "folder" in parts else None,
                        parts["url"].text(_TEXT, "a URL") if "url" in parts else None,
                        parts["max_age"].integer(1, 31_536_000),
                        parts["replayed"].boolean() if "replayed" in parts else False)


def _epoch(node: Node, at: Any) -> EpochSettings:
    parts = node.object({"model"}, {"collateral", "statement", "regime", "valid_for", "allow_trial"})
    return EpochSettings(
        at(parts["model"]), at(parts["collateral"]) if "collateral" in parts else None,
        parts["statement"].text(_TEXT, "the name of a statement") if "statement" in parts else None,
        parts["regime"].integer(0, 255) if "regime" in parts else 0,
        parts["valid_for"].integer(60, 3_600) if "valid_for" in parts else 300,
        parts["allow_trial"].boolean() if "allow_trial" in parts else False)


def _prove(node: Node, at: Any, path: Path) -> ProveSettings:
    tls = ("tls_ca", "tls_cert", "tls_key")
    parts = node.object({"key"}, {"step", "workers", "scheduler", "limit", "every", *tls})
    if "workers" in parts and "scheduler" in parts:
        raise BadInput("prove.workers", parts["workers"].value, "absent beside scheduler, which has its own",
                       source=path)
    given = [name for name in tls if name in parts]
    if given and (len(given) < len(tls) or "scheduler" not in parts):
        raise BadInput("prove." + given[0], Said("given"), "given with the other two, and with scheduler", source=path)
    return ProveSettings(
        at(parts["key"]), parts["step"].integer(0, 3) if "step" in parts else 1,
        parts["workers"].integer(1, 1024) if "workers" in parts else None,
        parts["scheduler"].text(_TEXT, "an address") if "scheduler" in parts else None,
        (at(parts["tls_ca"]), at(parts["tls_cert"]), at(parts["tls_key"])) if given else None,
        parts["limit"].integer(1, 86_400) if "limit" in parts else 600,
        parts["every"].integer(1, 3_600) if "every" in parts else 15)


def _required(parts: Mapping[str, Node], name: str, root: Node) -> Node:
    if name not in parts:
        raise BadInput(name, None, "given", source=root.source)
    return parts[name]


def _read(path: Path) -> dict[str, Any]:
    try:
        with open_input(path) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    if len(data) > LARGEST:
        raise BadInput("file size", Said("too large"), f"at most {LARGEST} bytes", source=path)
    text = text_of(data, source=path)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadInput("TOML document", str(error), "valid TOML", source=path) from None


def _refuse_secrets(value: Any, field: str, path: Path) -> None:
    """A private key has no business here, under whatever name."""
    if isinstance(value, dict):
        for key, one in value.items():
            _refuse_secrets(one, f"{field}.{key}" if field else str(key), path)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            _refuse_secrets(one, f"{field}[{place}]", path)
    elif isinstance(value, str) and _SECRET.fullmatch(value):
        raise BadInput(field, HIDDEN, "no private key: a key is in a keystore, or in $TAILPROOF_PRIVATE_KEY",
                       source=path)


