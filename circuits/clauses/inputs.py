"""Inputs of a circuit by name, and the checks that come before they are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from primitives.errors import BadInput

Inputs: TypeAlias = dict[str, Any]
"""Values by the names that `ConstraintSystem.inputs` lists."""


def scoped(scope: str, inputs: Mapping[str, Any]) -> Inputs:
    """The inputs of a part that was recorded within a scope."""
    return {f"{scope}/{name}": value for name, value in inputs.items()}


def require_integer(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is no integer in [low, high]; booleans are none.

    Raises
    ------
    BadInput : with this name.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise BadInput(name, value, f"an integer in [{low}, {high}]")
