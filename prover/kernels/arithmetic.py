"""The arithmetic chosen for this process, under the names its users share."""

from __future__ import annotations

import functools

from .emitter import Element, kernel_for
from .field import Layout
from .lanes import Lanes
from .processor import PORTABLE
from .single import Single

ELEMENT: type[Element] = Single if PORTABLE else Lanes
LAYOUT: Layout = ELEMENT.LAYOUT
LANES, LIMBS = LAYOUT.lanes, LAYOUT.limbs
STORED, PRODUCT = ELEMENT.STORED, ELEMENT.PRODUCT

kernel = functools.partial(kernel_for, ELEMENT)
"""Decorator for kernels on the chosen arithmetic; see `emitter.kernel_for`."""
