"""What a deployment cannot do for others, and nobody has done yet: by name, of a system as it is now."""

from __future__ import annotations

from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import ZERO_ADDRESS
from verifier_contracts.system import Contracts


def open_steps(there: Contracts) -> list[str]:
    """Each in words, with whose it is; none where liquidation is complete.

    Lots are not opened while the fund's agent has no encryption key, and nobody can be an account's holder before the
    first committee: proofs of possession are their own to make, and no deployer's.
    """
    steps = []
    if there.escrow.read("generation") == 0:
        steps.append("no committee is founded: no account has an escrow, so none adds risk (`committee register`, "
                     "announcer)")
    agent = checksummed(there.house.read("fundAgent"))
    if agent == ZERO_ADDRESS:
        steps.append("the fund has no agent: no lot opens (`setFundAgent` of the house, admin)")
    elif not any(there.escrow.read("keyOf", agent)):
        steps.append(f"the fund's agent {agent} has registered no encryption key: no lot opens (`escrow key`, itself)")
    return steps
