"""What every test of the contracts knows: when chains begin, a real node, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import nodes
import pytest

from verifier_contracts.chain import Chain
from verifier_contracts.errors import ContractRefused

GENESIS = 1_800_000_000
HOUR = 3_600


def anvil() -> AbstractContextManager[Chain]:
    """A real node whose first block has the same time as the embedded chain's."""
    return nodes.anvil("--timestamp", str(GENESIS))


@contextmanager
def refused(name: str) -> Iterator[pytest.ExceptionInfo[ContractRefused]]:
    """The block must end in a contract's refusal of this name."""
    with pytest.raises(ContractRefused) as caught:
        yield caught
    assert caught.value.name == name, caught.value
