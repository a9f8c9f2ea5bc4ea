"""Keys in encrypted files: Web3 Secret Storage, version 3, as geth and others write them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from eth_account import Account

from primitives import jsonio
from primitives.errors import BadInput
from primitives.inputs import open_input
from verifier_contracts.addresses import checksummed
from verifier_contracts.signers import LocalSigner

LARGEST_PASSPHRASE = 4_096


def open_keystore(path: Path, passphrase: str) -> LocalSigner:
    """The key of a keystore file.

    Raises
    ------
    BadInput : the file is none of version 3, or its address is not the key's; the passphrase is another (neither it
        nor the key is ever shown).
    """
    document = jsonio.read(path)
    found = {key.lower() for key in document} if isinstance(document, dict) else set()
    if not {"crypto", "version"} <= found or document.get("version") != 3:
        raise BadInput("keystore", str(path), "an encrypted key file, version 3 (Web3 Secret Storage)", source=path)
    try:
        account = Account.from_key(Account.decrypt(json.dumps(document), passphrase))
    except ValueError as error:
        if "MAC" in str(error):
            raise BadInput("passphrase", "(hidden)", "that of the keystore", source=path) from None
        raise BadInput("keystore", "(hidden)", "whole: it cannot be decrypted", source=path) from None
    except Exception:                              # whatever it complains about, it may quote what is inside
        raise BadInput("keystore", "(hidden)", "whole: it cannot be decrypted", source=path) from None
    stated = document.get("address")
    if stated is not None:
        address = checksummed("0x" + str(stated).removeprefix("0x"), "keystore.address", source=path)
        if address != account.address:
            raise BadInput("keystore.address", address, f"{account.address}, whose key is inside", source=path)
    return LocalSigner(account)


def read_passphrase(path: Path) -> str:
    """What a file says before its line end.

    Raises
    ------
    BadInput : it is absent, empty, too long, of several lines, or no text.
    """
    try:
        with open_input(path, pipes=True) as file:
            data = file.read(LARGEST_PASSPHRASE + 1)
        text = data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise BadInput("--passphrase-file", str(path), "a text file that can be read") from None
    if not text or len(data) > LARGEST_PASSPHRASE or "\n" in text:
        raise BadInput("--passphrase-file", str(path), "one line, not empty")
    return text


def exposed(path: Path) -> str | None:
    """A warning where others than its owner may read a file; None where not."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None
    return f"{path} can be read by others (mode {mode:03o}): chmod 600 {path}" if mode & 0o077 else None
