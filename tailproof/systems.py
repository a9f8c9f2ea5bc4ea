"""From a configuration and key directories to what a system of contracts is deployed with.

Keys of one system must speak of the same epochs and commitments: a `cover` key for sixteen slots beside a `margin` key
for thirty-two would leave every account without cover for ever. So their statements are compared before anything is
proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits import statements
from circuits.statements import Statement, batch, cover, disclose, escrow, flat, grid, leaf_field, margin, transition
from primitives.errors import BadInput
from primitives.poseidon import Tag
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape
from verifier_contracts.governance import role_name
from verifier_contracts.oracle import LeafLayout
from verifier_contracts.system import System
from verifier_contracts.system_authenticity import Check
from verifier_contracts.system_config import SystemConfig
from verifier_contracts.system_deployment import Proving, SlotKey, grants_of, settings_of
from verifier_contracts.verifier_registry import SLOTS

from .keys import INSECURE, KeyDirectory, make_keys, read_verification_key
from .known_answers import prove_known_answer
from .progress import Progress, quiet
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey

TRIAL_KEYS: Mapping[str, Mapping[str, str]] = {
    "tiny": {"margin": "margin-tiny", "cover": "cover-tiny", "flat": "flat-tiny", "transition": "transition-tiny",
             "escrow": "escrow-tiny", "delivery": "delivery-tiny", "disclose": "disclose-tiny",
             "leaf-field": "leaf-field-tiny", "leaf-field-mark": "leaf-field-marks-tiny"},
    "full-256x16": {"margin": "margin-full-256x16", "cover": "cover-full-256x16", "flat": "flat-16",
                    "transition": "transition-16", "escrow": "escrow-16", "delivery": "delivery-16",
                    "disclose": "disclose-16", "leaf-field": "leaf-field-full-256",
                    "leaf-field-mark": "leaf-field-marks-full-256"},
}
"""Statements that belong together, by size: what trial keys are made for."""
KINDS: Mapping[str, Tag] = {"leaf-field": Tag.LEAF, "leaf-field-asset": Tag.ASSET, "leaf-field-mark": Tag.MARK}
RECIPIENTS: Mapping[str, int] = {"escrow": 3, "delivery": 5}
"""Keys that an opening is encrypted to: its holders, or a shortlist (Escrow.sol)."""
SIZES: Mapping[str, int] = {"batch-4": 4, "batch-16": 16}


def load_proving(config: SystemConfig, *, progress: Progress = quiet) -> Proving:
    """The keys that a configuration names, each with a proof made by it now.

    Raises
    ------
    BadInput : naming the slot: a key is insecure and that is not allowed, is of a statement that the slot is not for,
        or of other sizes than the margin's; or as `prove_known_answer`.
    """
    found = {slot: KeyDirectory.load(key_path(config, path)) for slot, path in config.verifiers.items()}
    kinds = {slot: statements.get(key.statement) for slot, key in found.items()}
    require_consistent(kinds, config)
    for slot, key in found.items():
        if key.insecure_setup and not config.allow_insecure_setup:
            raise BadInput(f"verifiers.{slot}", INSECURE, "from a ceremony, or \"allow_insecure_setup\": true for a "
                           "trial", source=config.source)
    keys: dict[str, SlotKey] = {}
    for done, (slot, key) in enumerate(found.items()):
        progress(f"proving with the key of {slot}", done, len(found))
        keys[slot] = SlotKey(key.statement, key.verification_key(), bytes.fromhex(key.r1cs_digest),
                             prove_known_answer(key))
    progress("proving with each key", len(found), len(found))
    return Proving(keys, layout_of(kinds["leaf-field"].shape, config), empty_commitment(kinds["margin"]),
                   kinds["margin"].slots, empty_fills(kinds["transition"]))


def make_trial_keys(folder: Path, size: str, *, progress: Progress = quiet) -> dict[str, KeyDirectory]:
    """Single-party keys for a system, INSECURE, in a folder by slot; those that are there already stay.

    Raises
    ------
    BadInput : one that is there is of another statement, or of another version of it; or as `make_keys`.
    """
    made: dict[str, KeyDirectory] = {}
    for done, (slot, name) in enumerate(TRIAL_KEYS[size].items()):
        progress("making trial keys", done, len(TRIAL_KEYS[size]))
        home, statement = folder / slot, statements.get(name)
        made[slot] = KeyDirectory.load(home) if home.exists() else make_keys(statement, home)
        made[slot].require(statement)
    progress("making trial keys", len(made), len(made))
    return made


def configured(system: System, config: SystemConfig) -> list[Check]:
    """A deployment against the configuration that it should be of, but for chain, tokens' caps and signers.

    Raises
    ------
    BadInput : a key directory is unreadable, or statements do not belong together.
    """
    found = {slot: KeyDirectory.load(key_path(config, path)) for slot, path in config.verifiers.items()}
    kinds = {slot: statements.get(key.statement) for slot, key in found.items()}
    require_consistent(kinds, config)
    wanted = settings_of(config, layout_of(kinds["leaf-field"].shape, config), empty_commitment(kinds["margin"]),
                         kinds["margin"].slots, empty_fills(kinds["transition"]))
    checks = [Check(f"configured {one.name}", getattr(wanted, one.name), getattr(system.settings, one.name))
              for one in fields(wanted)]
    said, there = ({(one.role, one.holder): one.delay for one in grants}
                   for grants in (grants_of(config, system.contracts), system.grants))
    checks += [Check(f"configured {role_name(role)}: {holder}", said.get((role, holder)), there.get((role, holder)))
               for role, holder in sorted({*said, *there})]
    by_slot = {one.slot: one for one in system.verifiers}
    checks += [Check(f"configured key of {slot}", found[slot].key_digest if slot in found else None,
                     "0x" + by_slot[slot].key_digest.hex() if slot in by_slot else None)
               for slot in SLOTS if slot in found or slot in by_slot]
    return checks


def trusted_keys(config: SystemConfig) -> dict[str, VerificationKey]:
    """The verification keys that a configuration names, by slot; raises as `read_verification_key`."""
    return {slot: read_verification_key(key_path(config, path)) for slot, path in config.verifiers.items()}


def circuits_of(system: System) -> list[Check]:
    """Whether the verifiers are of the circuits that this version of the statements has."""
    return [Check(f"constraints of {one.slot}", r1cs_digest(one.statement) if one.statement in statements.names()
                  else "a statement of this version", one.circuit_digest.hex()) for one in system.verifiers]


def key_path(config: SystemConfig, path: str) -> Path:
    """A key directory of the file, from where the file is."""
    return Path(path) if config.source is None else config.source.parent / path


def require_consistent(kinds: Mapping[str, Statement], config: SystemConfig) -> None:
    """Refuse statements that do not belong together; raises BadInput by slot."""
    main = kinds["margin"]

    def refuse(slot: str, bound: str) -> BadInput:
        return BadInput(f"verifiers.{slot}", kinds[slot].name, bound, source=config.source)

    if not isinstance(main.preset, margin.Preset | grid.Preset):
        raise refuse("margin", "a key of a margin statement")
    for slot, statement in kinds.items():
        preset: Any = statement.preset
        if slot in KINDS:
            if not isinstance(preset, leaf_field.Preset) or preset.kind != KINDS[slot]:
                raise refuse(slot, f"a key of a leaf-field statement for leaves of kind {KINDS[slot].name}")
        elif slot in SIZES:
            if not isinstance(preset, batch.Preset) or preset.size != SIZES[slot]:
                raise refuse(slot, f"a key of a batch statement of {SIZES[slot]} accounts")
        elif slot in RECIPIENTS:
            if not isinstance(preset, escrow.Preset) or preset.recipients != RECIPIENTS[slot]:
                raise refuse(slot, f"a key of an escrow statement to {RECIPIENTS[slot]} recipients")
        elif slot != "margin":
            wanted = {"cover": cover.Preset, "flat": flat.Preset, "transition": transition.Preset,
                      "disclose": disclose.Preset}[slot]
            if not isinstance(preset, wanted):
                raise refuse(slot, f"a key of a {slot} statement")
        if statement.reads_epoch and statement.shape != main.shape:
            raise refuse(slot, f"of a statement that reads epochs of the same shape as {main.name}")
        if slot not in KINDS and statement.slots != main.slots:
            raise refuse(slot, f"of a statement of {main.slots} positions, as {main.name}")


def layout_of(shape: EpochShape | GridShape, config: SystemConfig) -> LeafLayout:
    """How leaves of these epochs are laid out, as the court judges them."""
    values = shape.nodes if isinstance(shape, GridShape) else shape.scenarios
    return LeafLayout(shape.lanes, shape.width, shape.value_bits, values, config.oracle.underlyings,
                      config.oracle.cash_id)


def empty_commitment(statement: Statement) -> int:
    """The commitment to no positions under salt 0, which fills up batches."""
    return int(margin.commit(0, margin.fill(statement.preset, [])))


def empty_fills(statement: Statement) -> int:
    """The digest of no fills under nonce 0, which a lot's commitment is salted anew by."""
    preset = statement.preset
    assert isinstance(preset, transition.Preset)           # `require_consistent`
    return int(transition.digest(0, transition.fill("fills", preset.fills, [])))
