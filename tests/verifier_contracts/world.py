"""What every test of the contracts knows: when chains begin, a real node, and how a refusal is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import nodes
import pytest

from verifier_contracts.chain import Chain
from verifier_contracts.errors import ContractRefused

GENESIS = 1_800_000_000
HOUR = 3_600
KINDS = ("anvil", "embedded")
ANVIL_SERVES = nodes.has_anvil() and os.environ.get("TAILPROOF_TESTS_ON") != "embedded"
"""It takes a third of the time. Mutants, whose code is exchanged in this process, are tried on the embedded chain."""
QUICKLY = KINDS[0] if ANVIL_SERVES else KINDS[1]
"""The kind of chain for tests that do not care."""


@contextmanager
def anvil() -> Iterator[Chain]:
    """A real node whose clock is the embedded chain's: the same first block, and a second a block, however long the
    test takes."""
    with nodes.anvil("--timestamp", str(GENESIS)) as chain:
        chain.web3.provider.make_request("anvil_setBlockTimestampInterval", [1])         # type: ignore[arg-type]
        yield chain


def embedded() -> Chain:
    """The embedded chain with the same first block."""
    return Chain.embedded(timestamp=GENESIS)


@contextmanager
def started(kind: str = QUICKLY) -> Iterator[Chain]:
    """A fresh chain of either kind."""
    if kind == "anvil":
        with anvil() as chain:
            yield chain
    else:
        yield embedded()


@contextmanager
def one_block(chain: Chain) -> Iterator[None]:
    """What is sent in this block is mined in one."""
    if chain.in_process:
        tester = chain.web3.provider.ethereum_tester                                        # type: ignore[attr-defined]
        tester.disable_auto_mine_transactions()
        yield
        tester.enable_auto_mine_transactions()
    else:
        chain.web3.provider.make_request("evm_setAutomine", [False])                        # type: ignore[arg-type]
        yield
        chain.web3.provider.make_request("evm_mine", [])                                    # type: ignore[arg-type]
        chain.web3.provider.make_request("evm_setAutomine", [True])                         # type: ignore[arg-type]


@contextmanager
def refused(name: str) -> Iterator[pytest.ExceptionInfo[ContractRefused]]:
    """The block must end in a contract's refusal of this name."""
    with pytest.raises(ContractRefused) as caught:
        yield caught
    assert caught.value.name == name, caught.value
