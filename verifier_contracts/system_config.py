"""What a system of contracts is to be: one file, `tailproof.system/1`, checked whole before anything is sent.

Bounds are those of the contracts, so that no constructor refuses what was read here; beyond them, what would be a
mistake on any chain: one hand in two roles that watch each other, a publisher named twice, a key for two slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from primitives.errors import BadInput
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID
from verifier_contracts.liquidation_terms import FIELDS, LiquidationTerms
from verifier_contracts.oracle import Limits
from verifier_contracts.verifier_registry import SLOTS

SCHEMA = "tailproof.system/1"
DAY = 86_400
REQUIRED_SLOTS = ("margin", "cover", "flat", "transition", "escrow", "leaf-field")
"""Without these an account can neither be attested, nor leave, nor can a false epoch be refuted."""
TRIAL_TOKEN = "trial"
"""In place of the quote token's address: deploy one that anybody mints."""
MARKED = 1 << 31
MOST_SIGNERS = 16
LONGEST_DELAY = 30 * DAY
"""What an admin may have to wait at most: an AccessManager's operations lapse a week after they are ready, whatever."""
_UINT96, _UINT16, _UINT32 = (1 << 96) - 1, (1 << 16) - 1, (1 << 32) - 1


@dataclass(frozen=True)
class RoleHolders:
    """Whose each role is; all in different hands. liquidators : may take seats in the auction house."""

    admin: str
    guardian: str
    risk: str
    venues: tuple[str, ...]
    liquidators: tuple[str, ...]


@dataclass(frozen=True)
class Delays:
    """Seconds between scheduling and execution: of what an admin does, and of what risk loosens."""

    admin: int
    loosening: int


@dataclass(frozen=True)
class Publishers:
    """Who signs epochs. signers : rising addresses; quorum : how many must agree; stake : wei that each has staked."""

    signers: tuple[str, ...]
    quorum: int
    stake: int


@dataclass(frozen=True)
class OracleSettings:
    """finality_blocks : beside twenty live minutes.  underlyings : that an epoch may have.  cash_id : of cash in epochs
    of levels, 0 where epochs hold none."""

    limits: Limits
    finality_blocks: int
    underlyings: int
    cash_id: int


@dataclass(frozen=True)
class LedgerSettings:
    """Ages and lives in seconds, buffers in basis points; four steps each, from maintenance margin up."""

    max_epoch_age: int
    exit_epoch_age: int
    final_epoch_age: int
    superseded_grace: int
    buffers: tuple[int, int, int, int]
    lives: tuple[int, int, int, int]


@dataclass(frozen=True)
class Asset:
    """Collateral. id : in epochs' factors; cap : smallest units that the vault takes at most."""

    token: str
    id: int
    cap: int


@dataclass(frozen=True)
class VaultSettings:
    """quote : the token of margins, None for a trial token; mark_life : seconds; assets : besides the quote asset."""

    quote: str | None
    quote_id: int
    quote_cap: int
    mark_life: int
    assets: tuple[Asset, ...]


@dataclass(frozen=True)
class SettlementSettings:
    """quantum : quote units that settlements nobody asked for are multiples of; debit_per_margin : basis points."""

    quantum: int
    debit_per_margin: int


@dataclass(frozen=True)
class FundCaps:
    """What the fund's shared tranche pays at most, quote units: for an account in 24 h, under an epoch, in 24 h."""

    account: int
    epoch: int
    day: int


@dataclass(frozen=True)
class LiquidationSettings:
    """fund_agent : carries what the fund takes over; its encryption key is registered by itself, before the first lot.
    seat_bond, least_bond : quote units; kappa : basis points; these and the caps can be changed later."""

    terms: LiquidationTerms
    fund_agent: str
    caps: FundCaps
    seat_bond: int
    least_bond: int
    kappa: int


@dataclass(frozen=True)
class SystemConfig:
    """A system of contracts as it is wanted. verifiers : where the key of each slot lies, relative to the file."""

    chain_id: int
    allow_insecure_setup: bool
    verifiers: Mapping[str, str]
    roles: RoleHolders
    delays: Delays
    publishers: Publishers
    oracle: OracleSettings
    ledger: LedgerSettings
    vault: VaultSettings
    settlement: SettlementSettings
    liquidation: LiquidationSettings
    source: Path | None = None

    @staticmethod
    def load(path: str | Path) -> SystemConfig:
        """Read a configuration.

        Raises
        ------
        BadInput : naming the field, its value and its bound.
        """
        return SystemConfig.parse(Node.read(path), source=Path(path))

    @staticmethod
    def parse(node: Node, *, source: Path | None = None) -> SystemConfig:
        """The same at a place in a document; source : of the paths of keys."""
        parts = node.document(SCHEMA, {"chain_id", "allow_insecure_setup", "verifiers", "roles", "delays", "publishers",
                                       "oracle", "ledger", "vault", "settlement", "liquidation"})
        allow = parts["allow_insecure_setup"].boolean()
        roles, oracle, ledger = _roles(parts["roles"]), _oracle(parts["oracle"]), _ledger(parts["ledger"])
        return SystemConfig(
            parts["chain_id"].integer(1, LARGEST_CHAIN_ID), allow, _verifiers(parts["verifiers"]),
            roles, _delays(parts["delays"]), _publishers(parts["publishers"]),
            oracle, ledger, _vault(parts["vault"], trial=allow), _settlement(parts["settlement"]),
            _liquidation(parts["liquidation"], roles, oracle, ledger), source)

    def require_deployer(self, deployer: str) -> None:
        """Refuse a deployer who is also the admin: as a deployer she has no delay, and it could not be given her at
        once.

        Raises
        ------
        BadInput : so it is.
        """
        if deployer == self.roles.admin:
            raise BadInput("roles.admin", deployer, "another account than the one that deploys, which keeps no role",
                           source=self.source)


def _verifiers(node: Node) -> Mapping[str, str]:
    optional = set(SLOTS) - set(REQUIRED_SLOTS)
    return {slot: entry.text(r".{1,1000}", "a path") for slot, entry in
            sorted(node.object(REQUIRED_SLOTS, optional).items(), key=lambda item: SLOTS.index(item[0]))}


def _roles(node: Node) -> RoleHolders:
    parts = node.object({"admin", "guardian", "risk", "venues", "liquidators"})
    admin, guardian, risk = (parts[name] for name in ("admin", "guardian", "risk"))
    venues = parts["venues"].array(at_least=1, at_most=100)
    liquidators = parts["liquidators"].array(at_most=100)
    hands: dict[str, str] = {}
    for entry in (admin, guardian, risk, *venues, *liquidators):
        address = read_address(entry)
        if address in hands:
            raise entry.refuse(f"another account than {hands[address]}: roles watch each other")
        hands[address] = entry.field
    return RoleHolders(read_address(admin), read_address(guardian), read_address(risk),
                       tuple(map(read_address, venues)), tuple(map(read_address, liquidators)))


def _delays(node: Node) -> Delays:
    parts = node.object({"admin", "loosening"})
    return Delays(parts["admin"].integer(0, LONGEST_DELAY), parts["loosening"].integer(0, LONGEST_DELAY))


def _publishers(node: Node) -> Publishers:
    parts = node.object({"signers", "quorum", "stake"})
    entries = parts["signers"].array(at_least=1, at_most=MOST_SIGNERS)
    signers = [read_address(entry) for entry in entries]
    for place, (entry, signer) in enumerate(zip(entries, signers, strict=True)):
        if signer in signers[:place]:
            raise entry.refuse("named once: two seats of one key are one opinion")
    quorum = parts["quorum"].integer(len(signers) // 2 + 1, len(signers))
    return Publishers(tuple(sorted(signers, key=lambda signer: int(signer, 16))), quorum,
                      parts["stake"].decimal(0, (1 << 127) - 1))


def _oracle(node: Node) -> OracleSettings:
    parts = node.object({"required_lag", "min_interval", "heartbeat", "move_limits", "finality_blocks", "underlyings",
                         "cash_id"})
    interval = parts["min_interval"].integer(60, 3_600)
    moves = [entry.integer(100, _UINT16) for entry in parts["move_limits"].array(at_least=4, at_most=4)]
    limits = Limits(parts["required_lag"].integer(1, 30 * DAY), interval, parts["heartbeat"].integer(interval, DAY),
                    (moves[0], moves[1], moves[2], moves[3]))
    return OracleSettings(limits, parts["finality_blocks"].integer(0, 100_000),
                          parts["underlyings"].integer(1, _UINT16), parts["cash_id"].decimal(0, (1 << 248) - 1))


def _ledger(node: Node) -> LedgerSettings:
    names = ("max_epoch_age", "exit_epoch_age", "final_epoch_age", "superseded_grace")
    parts = node.object({*names, "buffers", "lives"})
    ages = [parts[name].integer(1, LONGEST_DELAY) for name in names]
    buffers, lives = parts["buffers"].array(at_least=4, at_most=4), parts["lives"].array(at_least=4, at_most=4)
    rising, growing = [buffers[0].integer(0, _UINT16)], [lives[0].integer(1, LONGEST_DELAY)]
    for buffer, life in zip(buffers[1:], lives[1:], strict=True):
        rising.append(buffer.integer(rising[-1] + 1, _UINT16))
        growing.append(life.integer(growing[-1], LONGEST_DELAY))
    return LedgerSettings(ages[0], ages[1], ages[2], ages[3], (rising[0], rising[1], rising[2], rising[3]),
                          (growing[0], growing[1], growing[2], growing[3]))


def _vault(node: Node, *, trial: bool) -> VaultSettings:
    parts = node.object({"quote", "quote_id", "quote_cap", "mark_life", "assets"})
    said = parts["quote"].text(rf"{TRIAL_TOKEN}|0x[0-9a-fA-F]{{40}}", f"an address, or {TRIAL_TOKEN!r}")
    quote = None if said == TRIAL_TOKEN else checksummed(said, parts["quote"].field, source=node.source)
    if quote is None and not trial:
        raise parts["quote"].refuse("an address; a trial token, which anybody mints, goes with allow_insecure_setup")
    seen = {parts["quote_id"].integer(1, MARKED - 1): parts["quote_id"].field}
    tokens = {quote: parts["quote"].field}
    assets = []
    for entry in parts["assets"].array(at_most=100):
        asset = entry.object({"token", "id", "cap"})
        token, number = read_address(asset["token"]), asset["id"].integer(1, MARKED - 1)
        if number in seen:
            raise asset["id"].refuse(f"another id than {seen[number]}")
        if token in tokens:
            raise asset["token"].refuse(f"another token than {tokens[token]}")
        seen[number], tokens[token] = asset["id"].field, asset["token"].field
        assets.append(Asset(token, number, asset["cap"].decimal(0, _UINT96)))
    return VaultSettings(quote, parts["quote_id"].integer(1, MARKED - 1), parts["quote_cap"].decimal(0, _UINT96),
                         parts["mark_life"].integer(1, LONGEST_DELAY), tuple(assets))


def _settlement(node: Node) -> SettlementSettings:
    parts = node.object({"quantum", "debit_per_margin"})
    return SettlementSettings(parts["quantum"].decimal(1, _UINT96), parts["debit_per_margin"].integer(1, _UINT16))


def _liquidation(node: Node, roles: RoleHolders, oracle: OracleSettings, ledger: LedgerSettings
                 ) -> LiquidationSettings:
    parts = node.object({*FIELDS, "fund_agent", "fund_caps", "seat_bond", "least_bond", "kappa"})
    terms = LiquidationTerms.read(parts)
    # No lot opens under an epoch that covers less than what went before and the auction.
    parts["time_before"].integer(1, max(oracle.limits.required_lag - terms.longest, 0))
    parts["band"].integer(1, _UINT16 - ledger.buffers[1])
    agent = read_address(parts["fund_agent"])
    if agent in (roles.admin, roles.guardian, roles.risk, *roles.venues, *roles.liquidators):
        raise parts["fund_agent"].refuse("an account that holds no role: it sees every book that is sold")
    caps = parts["fund_caps"].object({"account", "epoch", "day"})
    limits = [caps[name].decimal(0, _UINT96) for name in ("account", "epoch", "day")]
    return LiquidationSettings(
        terms, agent, FundCaps(limits[0], limits[1], limits[2]), parts["seat_bond"].decimal(1, _UINT96),
        parts["least_bond"].decimal(1, _UINT96), parts["kappa"].integer(5_000, 50_000))
