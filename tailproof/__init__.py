"""The front door: the typed public API and the `tailproof` command.

    import tailproof
    epoch = tailproof.load_epoch("epoch")
    margin = tailproof.Portfolio.read("portfolio.json").margin(epoch)

Names load when they are first used, so that the import costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from primitives.errors import BadInput, TailproofError, Unsatisfied
    from relayer.submit import submit
    from risk.epochs.epoch import Epoch
    from risk.epochs.provenance import Sources
    from risk.margins.margin import Margin
    from risk.margins.portfolio import Portfolio
    from tailproof.attestation import commit, prove_margin
    from tailproof.auditing import Check, audit
    from tailproof.bundle import Bundle
    from tailproof.epochs import build as build_epoch
    from tailproof.epochs import check as check_epoch
    from tailproof.epochs import load as load_epoch
    from tailproof.epochs import save as save_epoch
    from tailproof.keys import KeyDirectory, make_keys, read_verification_key
    from tailproof.secret import Opening
    from verifier_contracts.chain import Chain
    from verifier_contracts.context import Context
    from verifier_contracts.system import System
    from verifier_contracts.system_deployment import deploy_system

_HOMES = {
    "BadInput": "primitives.errors:BadInput",
    "Bundle": "tailproof.bundle:Bundle",
    "Chain": "verifier_contracts.chain:Chain",
    "Check": "tailproof.auditing:Check",
    "Context": "verifier_contracts.context:Context",
    "Epoch": "risk.epochs.epoch:Epoch",
    "KeyDirectory": "tailproof.keys:KeyDirectory",
    "Margin": "risk.margins.margin:Margin",
    "Opening": "tailproof.secret:Opening",
    "Portfolio": "risk.margins.portfolio:Portfolio",
    "Sources": "risk.epochs.provenance:Sources",
    "System": "verifier_contracts.system:System",
    "TailproofError": "primitives.errors:TailproofError",
    "Unsatisfied": "primitives.errors:Unsatisfied",
    "audit": "tailproof.auditing:audit",
    "build_epoch": "tailproof.epochs:build",
    "check_epoch": "tailproof.epochs:check",
    "commit": "tailproof.attestation:commit",
    "deploy_system": "verifier_contracts.system_deployment:deploy_system",
    "load_epoch": "tailproof.epochs:load",
    "make_keys": "tailproof.keys:make_keys",
    "prove_margin": "tailproof.attestation:prove_margin",
    "read_verification_key": "tailproof.keys:read_verification_key",
    "save_epoch": "tailproof.epochs:save",
    "submit": "relayer.submit:submit",
}

__all__ = [
    "BadInput", "Bundle", "Chain", "Check", "Context", "Epoch", "KeyDirectory", "Margin", "Opening", "Portfolio",
    "Sources", "System", "TailproofError", "Unsatisfied", "audit", "build_epoch", "check_epoch", "commit",
    "deploy_system", "load_epoch", "make_keys", "prove_margin", "read_verification_key", "save_epoch", "submit",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":                      # told by pyproject.toml alone
        from importlib.metadata import version
        return version("tailproof")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name].split(":")
    return getattr(import_module(module), attribute)
