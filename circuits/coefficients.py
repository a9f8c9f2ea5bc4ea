"""The table of field elements that a system's matrices refer to by number: big coefficients travel like small ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.field import MODULUS, FieldArray

Ids = NDArray[np.int32]
ONE = 0                            # the id of the commonest coefficient


class Coefficients:
    """Field elements by id. Interned integers have one id per residue; blocks of constants may repeat them."""

    def __init__(self) -> None:
        self._words: FieldArray = np.zeros((1024, 4), np.uint64)
        self.size = 0
        self._ids: dict[int, int] = {}
        self.intern([1])

    @property
    def words(self) -> FieldArray:
        """The table, (size, 4), Montgomery."""
        return self._words[:self.size]

    def append(self, words: FieldArray) -> int:
        """Add a field array (n, 4) as n consecutive new ids; returns the first."""
        first, self.size = self.size, self.size + len(words)
        if self.size > len(self._words):
            self._words = np.concatenate([self._words[:first], np.zeros((2 * self.size, 4), np.uint64)])
        self._words[first:self.size] = words
        return first

    def intern(self, integers: Iterable[int]) -> Ids:
        """Ids (int32) of integers taken modulo r, equal ids for equal residues."""
        residues = [int(value) % MODULUS for value in integers]
        new = [value for value in dict.fromkeys(residues) if value not in self._ids]
        if new:
            first = self.append(field.encode(np.array(new, object)))
            self._ids.update(zip(new, range(first, first + len(new)), strict=True))
        return np.array([self._ids[value] for value in residues], np.int32)

    def integers(self, ids: Ids) -> list[int]:
        """Residues in [0, r) of ids."""
        return field.decode(self.words[ids])

    def scale(self, ids: Ids, factor: int) -> Ids:
        """Ids of the products with one integer; decodes each distinct coefficient once."""
        if factor == 1 or not len(ids):
            return ids
        distinct = self._distinct(ids)
        lookup = np.zeros(self.size, np.int32)
        lookup[distinct] = self.intern([value * factor for value in self.integers(distinct)])
        return lookup[ids]

    def add(self, left: Ids, right: Ids) -> Ids:
        """Ids of the sums, elementwise; decodes each distinct pair once."""
        pairs, which = np.unique(left.astype(np.int64) << 32 | right, return_inverse=True)
        sums = [x + y for x, y in zip(self.integers((pairs >> 32).astype(np.int32)),
                                      self.integers((pairs & 0xFFFFFFFF).astype(np.int32)), strict=True)]
        return self.intern(sums)[which.reshape(-1)]

    def is_zero(self, ids: Ids) -> NDArray[np.bool_]:
        """Which ids stand for 0."""
        zero: NDArray[np.bool_] = (self.words[ids] == 0).all(axis=1)
        return zero

    def _distinct(self, ids: Ids) -> Ids:
        present = np.zeros(self.size, np.bool_)
        present[ids] = True
        return np.flatnonzero(present).astype(np.int32)
