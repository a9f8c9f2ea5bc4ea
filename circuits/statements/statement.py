"""A statement: a circuit of fixed size with a name and named public inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from circuits.builder import ConstraintSystem
from primitives.errors import BadInput
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape


@dataclass(frozen=True, eq=False)
class Statement:
    """What can be proven, in one size.

    Attributes
    ----------
    name : as the registry, bundles and keys call it.
    title : one line for people.
    meanings : what each public input means, in their order.
    preset : the sizes.
    define : records the circuit of a preset.
    """

    name: str
    title: str
    meanings: Mapping[str, str]
    preset: Any
    define: Callable[[ConstraintSystem, Any], None]

    @property
    def public_inputs(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(self.meanings)

    @property
    def reads_epoch(self) -> bool:
        """Whether it is about a published epoch. A transition is not: it moves positions, whatever they are worth."""
        return hasattr(self.preset, "shape")

    @property
    def shape(self) -> EpochShape | GridShape:
        """The shape of the epochs it reads.

        Raises
        ------
        BadInput : it reads none.
        """
        if not self.reads_epoch:
            raise BadInput("statement", self.name, "one that reads an epoch")
        shape: EpochShape | GridShape = self.preset.shape
        return shape

    @property
    def slots(self) -> int:
        """J, the positions a portfolio may have."""
        return int(self.preset.slots)

    def build(self) -> ConstraintSystem:
        """The recorded circuit, made once per process."""
        return self._built

    @cached_property
    def _built(self) -> ConstraintSystem:
        cs = ConstraintSystem()
        self.define(cs, self.preset)
        return cs.finish()

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return self.build().rows

    @property
    def wires(self) -> int:
        """Number of wires, the constant and the public inputs included."""
        return self.build().wires

    @property
    def domain(self) -> int:
        """log2 of Groth16's evaluation domain: the smallest with rows + public inputs + 1 <= 2**domain."""
        return (self.rows + len(self.public_inputs)).bit_length()
