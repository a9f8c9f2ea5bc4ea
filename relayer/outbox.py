"""The outbox: everything that a relayer has taken and signed, in a database, before anybody else hears of it.

SQLite in a file, or PostgreSQL by URL. Many may add; one process at a time moves what is in it on, the *writer*. Every
move names the state that it goes out from and is made in one transaction with everything that belongs to it, so that a
process may be killed between any two of them: whoever opens the outbox next finds a state of `outbox_steps`. A move
from another state than the one that is there is `OutboxConflict`: somebody else writes.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError

from primitives.errors import BadInput, Said, TailproofError
from relayer import item_names
from relayer.outbox_steps import LOST, MOVES, OUT, WAITING, Attempt, Delivery, Found, State
from verifier_contracts.senders import locked

SCHEMA = "tailproof.outbox/1"
_metadata = MetaData()
_meta = Table("outbox_meta", _metadata, Column("name", String(32), primary_key=True),
              Column("value", Text, nullable=False))
_ID = BigInteger().with_variant(Integer, "sqlite")
_deliveries = Table(
    "outbox_deliveries", _metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("sender", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("recipient", String(42), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("broadcast_at", Double),
    Column("transaction", String(66)),
    Column("block", BigInteger),
    Column("block_hash", String(66)),
    Column("succeeded", Boolean),
    Column("gas_used", BigInteger),
    UniqueConstraint("sender", "nonce"),
    Index("outbox_deliveries_by_state", "state"))
_attempts = Table(
    "outbox_attempts", _metadata,
    Column("transaction", String(66), primary_key=True),
    Column("delivery", _ID, ForeignKey("outbox_deliveries.id"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("tip", BigInteger),
    Column("fill", Boolean, nullable=False),
    Column("signed_at", Double, nullable=False),
    UniqueConstraint("delivery", "place"))
_items = Table(
    "outbox_items", _metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", String(160), nullable=False, unique=True),
    Column("says", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", Text),
    Column("delivery", _ID, ForeignKey("outbox_deliveries.id"), index=True),
    Column("tries", Integer, nullable=False),
    Column("retry_at", Double, nullable=False),
    Column("taken_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Index("outbox_items_by_state", "state", "id"),
    Index("outbox_items_by_change", "changed_at", "id"))
_NAMES = 500
"""Names in one question; databases bound how many a question may have."""
_READS = "tailproof_reads"
"""Of a connection that only reads: it waits for no writer, and keeps none waiting."""


class OutboxConflict(TailproofError):
    """Something in the outbox is in another state than it was left in: a second writer, or a hand in the database."""


class OutboxBusy(TailproofError):
    """Another process works on this outbox, or the database does not answer."""

    try_again = True


class OtherContent(TailproofError):
    """Something else is already carried under the same name: for one account, epoch and version there is one margin.

    name : of the parcel.
    """

    checked_and_false = True

    def __init__(self, name: str, state: State) -> None:
        self.name, self.state = name, state
        super().__init__(f"another content is {state} as {item_names.words(name)}: nothing was taken")


class Item(NamedTuple):
    """What is carried. says : digest of what the parcel says.  reason : why it is where it is, or "".
    tries : transactions that were mined without effect.  Times in seconds since 1970."""

    id: int
    name: str
    says: str
    document: str
    state: State
    reason: str
    delivery: int | None
    tries: int
    retry_at: float
    taken_at: float
    changed_at: float


@dataclass(frozen=True)
class Load:
    """What a transaction does. kind : "attest", "attestMargins", "attestBatch", "keep", "fill"; gas : its limit."""

    kind: str
    recipient: str
    data: bytes
    gas: int


@dataclass(frozen=True)
class Out:
    """A delivery with what it does and its place in the outbox."""

    id: int
    revision: int
    state: str
    sender: str
    load: Load
    made_at: float
    delivery: Delivery


class Outcome(NamedTuple):
    """What becomes of an item when its delivery has ended."""

    state: State
    reason: str
    retry_at: float = 0.0
    tried: bool = False


def database(place: str) -> URL:
    """Where an outbox is: a file's path, or a URL that begins with "sqlite:" or "postgresql:".

    Raises
    ------
    BadInput : it is another database's URL, or none. Passwords are not shown.
    """
    if "://" not in place:
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise BadInput("outbox", "(hidden)", "a path, or a URL: sqlite:///FILE, postgresql://USER@HOST/NAME") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadInput("outbox", url.drivername, "of SQLite or PostgreSQL")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise BadInput("outbox", Said("sqlite://"), "of a file: what is in memory is lost")
    if any("password" in name for name in url.query):          # which nothing here would hide
        raise BadInput("outbox", "(hidden)", "without a password in its query: it belongs before the @, or in "
                       "$PGPASSWORD or ~/.pgpass")
    return url


class Outbox:
    """Raises `OutboxBusy` from every method where the database fails.

    name : its place, without a password.  kind : "sqlite" or "postgresql".
    """

    def __init__(self, engine: Engine, chain_id: int, ledger: str) -> None:
        self._engine = engine
        self.name, self.kind = engine.url.render_as_string(hide_password=True), engine.dialect.name
        with self._transaction() as connection:
            _metadata.create_all(connection)
            for index in (one for table in _metadata.tables.values() for one in table.indexes):
                index.create(connection, checkfirst=True)          # of an outbox made before there was this one
            for name, value in (("schema", SCHEMA), ("chain_id", str(chain_id)), ("ledger", ledger.lower())):
                found = connection.scalar(select(_meta.c.value).where(_meta.c.name == name))
                if found is None:
                    connection.execute(insert(_meta).values(name=name, value=value))
                elif found != value:
                    raise BadInput(name.replace("_", " ") + " of the outbox", found, f"{value}: an outbox is for one "
                                   "deployment", source=self.name)

    @staticmethod
    def open(place: str, chain_id: int, ledger: str) -> Outbox:
        """The outbox at a place (`database`), made if there is none: a file that only its owner reads, for who has a
        signed transaction can send it.

        Raises
        ------
        BadInput : it is another deployment's.  OutboxBusy : the database does not answer.
        """
        url = database(place)
        if url.drivername == "sqlite" and not url.query:
            with suppress(OSError):                # it is there; or it cannot be, which SQLite says
                os.close(os.open(str(url.database), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return Outbox(_engine(url), chain_id, ledger)

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    @contextmanager
    def writing(self, patience: float = 0.0) -> Iterator[None]:
        """Be the writer: on this machine by a lock of the system's, in PostgreSQL by one of the database's session
        too. Both go when the process does.

        Raises
        ------
        OutboxBusy : another is.
        """
        database = str(self._engine.url.database)
        if self.kind == "sqlite":
            database = os.path.realpath(database)  # by whatever name: a link is the same outbox
        mark = int.from_bytes(hashlib.sha256(f"{SCHEMA} {database}".encode()).digest()[:7], "big")
        with locked(f"outbox-{mark:x}", patience) as ours:
            if not ours:
                raise OutboxBusy(f"another process works on {self.name}")
            if self._engine.dialect.name != "postgresql":
                yield
                return
            with self._engine.connect() as session:
                until = time.monotonic() + patience
                while not session.scalar(text("select pg_try_advisory_lock(:mark)"), {"mark": mark}):
                    if time.monotonic() > until:
                        raise OutboxBusy(f"another process works on {self.name}")
                    time.sleep(0.1)
                session.commit()
                try:
                    yield
                finally:
                    session.scalar(text("select pg_advisory_unlock(:mark)"), {"mark": mark})

    # -- taking --------------------------------------------------------------------------------------------------------
    def take(self, name: str, says: str, document: str, now: float) -> tuple[Item, Literal["new", "known", "again"]]:
        """Take a parcel, once: whoever brings it again is told how far it is. One that was refused is taken again.

        Raises
        ------
        OtherContent : another content is under this name, and not refused.
        """
        digest = hashlib.sha256(says.encode()).hexdigest()
        fresh: dict[str, Any] = {"says": digest, "document": document, "state": State.QUEUED, "reason": None,
                                 "tries": 0, "retry_at": 0.0, "taken_at": now, "changed_at": now}
        with self._transaction() as connection:
            found = _item(connection.execute(select(_items).where(_items.c.name == name)).one_or_none())
            if found is None:
                try:
                    with connection.begin_nested():
                        connection.execute(insert(_items).values(name=name, **fresh))
                    return _required(connection, name), "new"
                except IntegrityError:             # another took it this moment
                    found = _required(connection, name)
            if found.state is State.REFUSED:
                changed = connection.execute(update(_items).where(
                    _items.c.id == found.id, _items.c.state == State.REFUSED).values(delivery=None, **fresh))
                if changed.rowcount == 1:
                    return _required(connection, name), "again"
                found = _required(connection, name)
            if found.says != digest:
                raise OtherContent(name, found.state)
            return found, "known"

    # -- what waits ----------------------------------------------------------------------------------------------------
    def waiting(self, now: float, most: int) -> list[Item]:
        """Items that may be looked at: those that never were put off, then those that were, the longest due first; of
        these the oldest. Else many that wait for what never comes would keep all that came after them."""
        with self._reading() as connection:
            rows = connection.execute(select(_items).where(
                _items.c.state.in_(WAITING), _items.c.retry_at <= now).order_by(
                    _items.c.retry_at, _items.c.id).limit(most))
            return [item for row in rows if (item := _item(row)) is not None]

    def move(self, items: Sequence[Item], to: State, reason: str, now: float, *, retry_at: float = 0.0) -> None:
        """Move items that wait."""
        with self._transaction() as connection:
            for state in {item.state for item in items}:
                _move(connection, [item.id for item in items if item.state is state], state, to, now,
                      reason=_words(reason), retry_at=retry_at)

    # -- deliveries ----------------------------------------------------------------------------------------------------
    def sign(self, items: Sequence[Item], sender: str, nonce: int, load: Load, attempt: Attempt, raw: bytes, now: float
             ) -> int:
        """Keep a signed transaction, before anybody else has it; returns the delivery's place."""
        with self._transaction() as connection:
            try:
                made = connection.execute(insert(_deliveries).values(
                    sender=sender, nonce=nonce, state=State.SIGNED, revision=0, kind=load.kind,
                    recipient=load.recipient, data=load.data, gas=load.gas, made_at=now))
            except IntegrityError:
                raise OutboxConflict(f"nonce {nonce} of {sender} is in the outbox already") from None
            (place,) = made.inserted_primary_key or (None,)
            assert isinstance(place, int)
            _keep(connection, place, 0, attempt, raw)
            _move(connection, [item.id for item in items], State.CHECKED, State.SIGNED, now, delivery=place)
            return place

    def replace(self, out: Out, attempt: Attempt, raw: bytes, now: float) -> None:
        """Keep another attempt of a delivery."""
        with self._transaction() as connection:
            _revise(connection, out, broadcast_at=None)
            _keep(connection, out.id, len(out.delivery.attempts), attempt, raw)

    def handed(self, out: Out, now: float) -> None:
        """A node may have it."""
        with self._transaction() as connection:
            _revise(connection, out, broadcast_at=now, state=State.SENT)
            if out.state == State.SIGNED:
                _follow(connection, out, State.SENT, now)

    def mined(self, out: Out, found: Found, now: float) -> None:
        """It is in a block."""
        with self._transaction() as connection:
            _revise(connection, out, state=State.MINED, **_where(found))
            if out.state != State.MINED:
                _follow(connection, out, State.MINED, now)

    def unmined(self, out: Out, now: float) -> None:
        """It is in no block any more, and is to be handed over again."""
        with self._transaction() as connection:
            _revise(connection, out, state=State.SENT, broadcast_at=None, **_where(None))
            _follow(connection, out, State.SENT, now)

    def finish(self, out: Out, outcomes: Mapping[int, Outcome], now: float, *, lost: bool = False) -> None:
        """A delivery has ended, and with it its items. lost : its nonce went elsewhere."""
        with self._transaction() as connection:
            _revise(connection, out, state=LOST if lost else State.FINAL)
            for place, outcome in outcomes.items():
                kept = {} if outcome.state is State.FINAL else {"delivery": None}
                _move(connection, [place], State(out.state), outcome.state, now, reason=_words(outcome.reason),
                      retry_at=outcome.retry_at, **({"tries": _items.c.tries + 1} if outcome.tried else {}), **kept)

    def out(self, *, mined: bool = True) -> list[Out]:
        """Deliveries that have not ended, by nonce. mined : with those that are in a block."""
        states = OUT if mined else OUT[:2]
        with self._reading() as connection:
            rows = connection.execute(select(_deliveries).where(_deliveries.c.state.in_(states))
                                      .order_by(_deliveries.c.nonce)).all()
            if not rows:
                return []
            attempts: dict[int, list[Attempt]] = {row.id: [] for row in rows}
            for row in connection.execute(select(_attempts).where(_attempts.c.delivery.in_(list(attempts)))
                                          .order_by(_attempts.c.place)):
                attempts[row.delivery].append(
                    Attempt(row.transaction, row.fee, row.tip, row.fill, row.signed_at))
        return [_out(row, tuple(attempts[row.id])) for row in rows]

    def items_of(self, out: Out) -> list[Item]:
        """What a delivery carries."""
        with self._reading() as connection:
            rows = connection.execute(select(_items).where(_items.c.delivery == out.id).order_by(_items.c.id))
            return [item for row in rows if (item := _item(row)) is not None]

    def raw(self, transaction: str) -> bytes:
        """A signed transaction's bytes."""
        with self._reading() as connection:
            found = connection.scalar(select(_attempts.c.raw).where(_attempts.c.transaction == transaction))
        assert found is not None
        return bytes(found)

    def highest_nonce(self, sender: str) -> int | None:
        """That was ever signed for."""
        with self._reading() as connection:
            return connection.scalar(select(func.max(_deliveries.c.nonce)).where(_deliveries.c.sender == sender))

    def forget(self, before: float) -> int:
        """Drop the bundles and signed transactions of what ended before then; returns of how many items. Names, states
        and nonces stay: who brings it again is told that it is known, and no nonce is signed for twice."""
        with self._transaction() as connection:
            dropped = connection.execute(update(_items).where(
                _items.c.state.not_in((*WAITING, *OUT)), _items.c.changed_at < before, _items.c.document != "").values(
                    document=""))
            fresh = select(_items.c.delivery).where(_items.c.delivery.is_not(None), _items.c.changed_at >= before)
            ended = select(_deliveries.c.id).where(_deliveries.c.state.not_in(OUT), _deliveries.c.made_at < before,
                                                   _deliveries.c.id.not_in(fresh))
            connection.execute(update(_attempts).where(
                _attempts.c.delivery.in_(ended), func.length(_attempts.c.raw) > 0).values(raw=b""))
        return dropped.rowcount

    # -- telling -------------------------------------------------------------------------------------------------------
    def counts(self) -> dict[str, int]:
        """Items by state, zeros included."""
        with self._reading() as connection:
            rows = connection.execute(select(_items.c.state, func.count()).group_by(_items.c.state)).all()
        found: dict[str, int] = {state: count for state, count in rows}                      # noqa: C416
        return {state.value: found.get(state, 0) for state in State}

    def states(self, names: Sequence[str]) -> dict[str, tuple[State, str]]:
        """State and reason of many by name, without their documents; what was never taken is absent."""
        found = dict[str, tuple[State, str]]()
        with self._reading() as connection:
            for start in range(0, len(names), _NAMES):
                rows = connection.execute(select(_items.c.name, _items.c.state, _items.c.reason).where(
                    _items.c.name.in_(names[start:start + _NAMES])))
                found |= {name: (State(state), reason or "") for name, state, reason in rows}
        return found

    def find(self, name: str) -> Item | None:
        """An item by name."""
        with self._reading() as connection:
            return _item(connection.execute(select(_items).where(_items.c.name == name)).one_or_none())

    def latest(self, most: int) -> list[Item]:
        """Items that changed last, newest first."""
        with self._reading() as connection:
            rows = connection.execute(select(_items).order_by(_items.c.changed_at.desc(), _items.c.id.desc())
                                      .limit(most))
            return [item for row in rows if (item := _item(row)) is not None]

    def oldest_waiting(self) -> float | None:
        """When the oldest item that has not ended was taken."""
        with self._reading() as connection:
            return connection.scalar(select(func.min(_items.c.taken_at)).where(_items.c.state.in_((*WAITING, *OUT))))

    def spent(self) -> tuple[int, int]:
        """Deliveries that have ended, and the gas that they used."""
        with self._reading() as connection:
            count, gas = connection.execute(select(func.count(), func.sum(_deliveries.c.gas_used)).where(
                _deliveries.c.state == State.FINAL)).one()
        return int(count), int(gas or 0)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise OutboxBusy(f"{self.name}: {_said(error)}") from None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(**{_READS: True}) as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise OutboxBusy(f"{self.name}: {_said(error)}") from None


def _said(error: DBAPIError) -> str:
    """A database's words, in one line: without the statement, whose parameters are bundles."""
    return str(error.orig).split("\n")[0][:200]


def _engine(url: URL) -> Engine:
    if url.drivername != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    # Python's driver begins transactions late and by itself; here they begin when they are said to. FULL: what is
    # committed is on the disk when the next step is made of it.
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS) else "BEGIN IMMEDIATE")

    return engine


def _item(row: Any) -> Item | None:
    return None if row is None else Item(row.id, row.name, row.says, row.document, State(row.state), row.reason or "",
                                         row.delivery, row.tries, row.retry_at, row.taken_at, row.changed_at)


def _required(connection: Connection, name: str) -> Item:
    found = _item(connection.execute(select(_items).where(_items.c.name == name)).one())
    assert found is not None
    return found


def _out(row: Any, attempts: tuple[Attempt, ...]) -> Out:
    found = None if row.block is None else Found(row.transaction, row.block, row.block_hash, row.succeeded,
                                                 row.gas_used)
    return Out(row.id, row.revision, row.state, row.sender, Load(row.kind, row.recipient, bytes(row.data), row.gas),
               row.made_at, Delivery(row.nonce, attempts, found, row.broadcast_at))


def _words(reason: str) -> str | None:
    """A reason as every database keeps it: PostgreSQL's text has no NUL, which a contract's words may have."""
    return reason.replace("\0", "\\0") or None


def _where(found: Found | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("transaction", "block", "block_hash", "succeeded", "gas_used"))
    return {"transaction": found.transaction, "block": found.block, "block_hash": found.block_hash,
            "succeeded": found.succeeded, "gas_used": found.gas_used}


def _keep(connection: Connection, delivery: int, place: int, attempt: Attempt, raw: bytes) -> None:
    connection.execute(insert(_attempts).values(
        transaction=attempt.transaction, delivery=delivery, place=place, raw=raw, fee=attempt.fee, tip=attempt.tip,
        fill=attempt.fill, signed_at=attempt.signed_at))


def _move(connection: Connection, places: Sequence[int], before: State, after: State, now: float, **values: Any
          ) -> None:
    """Compare and set: all of these items are in `before`, or nothing happens."""
    if after not in MOVES[before] and before != after:
        raise OutboxConflict(f"nothing goes from {before} to {after}")
    changed = connection.execute(update(_items).where(_items.c.id.in_(list(places)), _items.c.state == before).values(
        state=after, changed_at=now, **values))
    if changed.rowcount != len(places):
        raise OutboxConflict(f"{len(places) - changed.rowcount} items are not {before} any more")


def _follow(connection: Connection, out: Out, after: State, now: float) -> None:
    """Items go with their delivery."""
    connection.execute(update(_items).where(_items.c.delivery == out.id, _items.c.state == out.state).values(
        state=after, changed_at=now))


def _revise(connection: Connection, out: Out, **values: Any) -> None:
    changed = connection.execute(update(_deliveries).where(
        _deliveries.c.id == out.id, _deliveries.c.revision == out.revision).values(
            revision=out.revision + 1, **values))
    if changed.rowcount != 1:
        raise OutboxConflict(f"delivery {out.id} was changed by another writer")
