"""Accounts that local chains for trials come with, named as the README names who acts in it, for a shell.

Everybody knows their keys: they come of the words that anvil and Hardhat begin with (BIP-39, at m/44'/60'/0'/0/n).
"""

from __future__ import annotations

from typing import NamedTuple

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

WORDS = "test test test test test test test test test test test junk"
NAMES = ("DEPLOYER", "ADMIN", "GUARDIAN", "RISK", "VENUE", "PUBLISHER_1", "PUBLISHER_2", "PUBLISHER_3", "OWNER",
         "FUND_AGENT", "CUSTODIAN")
"""In their order; `new system` gives these roles to the same accounts. Those chains give money to the first ten."""


class TrialAccount(NamedTuple):
    """One of them. key : 0x and 64 hex digits."""

    name: str
    address: str
    key: str


def trial_accounts() -> tuple[TrialAccount, ...]:
    """All of them."""
    seed = seed_from_mnemonic(WORDS, "")
    keys = [key_from_seed(seed, f"m/44'/60'/0'/0/{place}") for place in range(len(NAMES))]
    return tuple(TrialAccount(name, Account.from_key(key).address, "0x" + bytes(key).hex())
                 for name, key in zip(NAMES, keys, strict=True))


def as_shell() -> str:
    """Lines for a POSIX shell: NAME is an address, NAME_KEY its private key."""
    return "".join(["# Accounts of local trial chains. Everybody knows these keys: what is sent to them is gone.\n",
                    *(f"export {one.name}={one.address} {one.name}_KEY={one.key}\n" for one in trial_accounts())])
