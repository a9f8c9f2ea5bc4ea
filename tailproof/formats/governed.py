"""Parameters of a system, proposals to change them, and signatures of those."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from primitives.jsonio import Node

from .. import templates
from ..parameters import SCHEMA, Parameters
from ..proposals import SIGNATURE_SCHEMA, Proposal, ProposalSignature
from .contracts import SYSTEM
from .inputs import BOOK
from .observed import Format

_ORACLE, _DIGEST = "0x" + "11" * 20, "0x" + "22" * 32
_SCHEMA = {"schema": "says what the file is"}
_OF = {"chain_id": "EIP-155 id of the system's chain", "oracle": "address of its RiskOracle"}


@cache
def _parameters(degrees: str) -> dict[str, Any]:
    system = json.loads(templates.system())
    return {"schema": SCHEMA, "chain_id": system["chain_id"], "oracle": _ORACLE, "system": system,
            "model": templates.model().replace("degrees = 4.0", f"degrees = {degrees}"),
            "contingencies": [{"underlying": "BTC", "kind": "call", "long": "0", "short": "0.01"},
                              {"underlying": "BTC", "kind": "put", "long": "0", "short": "0.01", "venue": "other"}]}


def parameters_examples() -> Sequence[Any]:
    return [_parameters("4.0")]


def proposal_examples() -> Sequence[Any]:
    extreme = {"account": _DIGEST, "before": "1", "after": "2"}
    simulation = {
        "epoch": "7", "portfolios": _DIGEST, "held": "initial", "sum_before": "1", "sum_after": "2",
        "counts": {"accounts": 1, "rise": 1, "fall": 0, "same": 0},
        "change": dict.fromkeys(("0", "10", "25", "50", "75", "90", "100"), 0),
        "largest_rise": extreme, "largest_fall": extreme, "fallen": [_DIGEST],
        "below": {"maintenance_before": 0, "maintenance_after": 1, "initial_before": 0, "initial_after": 1},
        "cascade": {"preset": "standard", "seeds": 1, "before": "0", "after": "0"}}
    made = {"schema": "tailproof.proposal/1", "before": _parameters("4.0"), "after": _parameters("5.0"),
            "author": "desk", "reason": "an example", "proposed_at": "2026-11-30T00:00:00Z",
            "effective_at": "2026-12-07T00:00:00Z"}
    none = {**simulation, "change": None, "largest_rise": None, "largest_fall": None}
    return [{**made, "simulation": simulation}, {**made, "simulation": none}]


def signature_examples() -> Sequence[Any]:
    return [{"schema": SIGNATURE_SCHEMA, "chain_id": 1, "oracle": _ORACLE, "proposal": _DIGEST, "signer": _ORACLE,
             "signature": "0x" + "33" * 65}]


PARAMETERS = Format(
    "parameters", "What margins, tiers and the breaker of a system go by; `parameters gather` writes it (JSON)",
    "parameters.json", parameters_examples, lambda document: Parameters.parse(Node(document)),
    {**_SCHEMA, **_OF, "model": "the model file, byte for byte; its digest is in every epoch's root",
     **{key: meaning for key, meaning in BOOK.keys.items() if key.startswith("contingencies")},
     "system": "limits and breaker, ladder, caps, terms of liquidation"}, inner={"system": SYSTEM})
_MARGINS = "10⁻⁶ quote units"
PROPOSAL = Format(
    "proposal", "A change of parameters, why, and what it does; `parameters propose` and `simulate` write it (JSON)",
    "proposal.json", proposal_examples, lambda document: Proposal.parse(Node(document)),
    {**_SCHEMA, "before": "what is in force", "after": "what is to be", "author": "who proposes", "reason": "why",
     "proposed_at": "when it was", "effective_at": "from when it is to be in force",
     "simulation": "what it does to all accounts", "simulation.epoch": "root of the epoch whose market it is",
     "simulation.portfolios": "digest of the set of portfolio files",
     "simulation.held": "what accounts are taken to hold: a buffer before, or the digest of a file",
     "simulation.counts": "of accounts", "simulation.counts.accounts": "all",
     "simulation.counts.rise": "whose margin rises", "simulation.counts.fall": "falls",
     "simulation.counts.same": "stays", "simulation.sum_before": f"of all margins, {_MARGINS}",
     "simulation.sum_after": f"of all margins, {_MARGINS}",
     "simulation.change": "of margins above 0, basis points; null where there are none",
     **{f"simulation.change.{quantile}": f"{quantile} % of accounts change by less or as much"
        for quantile in ("0", "10", "25", "50", "75", "90", "100")},
     **{f"simulation.largest_{way}": f"account whose margin {way}s most; null if none does"
        for way in ("rise", "fall")},
     **{f"simulation.largest_{way}.{key}": meaning for way in ("rise", "fall") for key, meaning in (
         ("account", "digest of its portfolio file"), ("before", f"margin, {_MARGINS}"), ("after", _MARGINS))},
     "simulation.below": "accounts that hold less than", "simulation.below.maintenance_before": "maintenance margin",
     "simulation.below.maintenance_after": "maintenance margin", "simulation.below.initial_before": "initial margin",
     "simulation.below.initial_after": "initial margin",
     "simulation.fallen": "accounts that fall below maintenance margin",
     "simulation.fallen[]": "digest of a portfolio file", "simulation.cascade": "a crash under the tiers of each",
     "simulation.cascade.preset": "which", "simulation.cascade.seeds": "how many worlds",
     "simulation.cascade.before": f"median bad debt, {_MARGINS}", "simulation.cascade.after": _MARGINS},
    inner={"before": PARAMETERS, "after": PARAMETERS})
SIGNATURE = Format(
    "parameters-signature", "One signer's signature of a proposal; `parameters sign` writes it (JSON)",
    "signature.json", signature_examples, lambda document: ProposalSignature.parse(Node(document)),
    {**_SCHEMA, **_OF, "proposal": "digest of the whole proposal", "signer": "address",
     "signature": "r, s, v of the EIP-712 message `Change`, 65 bytes, 0x-hex"})
FORMATS = (PARAMETERS, PROPOSAL, SIGNATURE)
