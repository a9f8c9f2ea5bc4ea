"""Keys in files and behind JSON-RPC: a signer that lies sends nothing; what is withheld is what would be sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keyfile.keyfile import create_keyfile_json
from eth_keys.constants import SECPK1_N
from nodes import loopback, url_of
from world import anvil

from primitives.errors import BadInput
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.eip712 import Domain, sign
from verifier_contracts.errors import NodeError, Reverted, SignedOtherwise, Withheld
from verifier_contracts.keystore import exposed, open_keystore, read_passphrase
from verifier_contracts.signers import LocalSigner, RemoteSigner, endpoint_name, transaction_hash

KEY, OTHER = (Account.from_key(bytes([byte]) * 32) for byte in (17, 18))
TO = "0x" + "22" * 20
METHODS = ("eth_signTransaction", "eth_signTypedData_v4")
FIELDS = {"chainId": 31337, "nonce": 5, "gas": 60_000, "value": 7, "to": TO, "data": "0x1234",
          "maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
LEGACY = {**{name: value for name, value in FIELDS.items() if not name.startswith("max")}, "gasPrice": 2 * 10**9}
MESSAGE = Domain("D", "1", 1, TO).message("M", [("x", "uint256"), ("y", "bytes32"), ("z", "uint40")],
                                          [1 << 200, b"\x05" * 32, 9])


class Remote:
    """A signer behind JSON-RPC with a key of its own; `change` is what it does to a transaction before it signs."""

    name = "http://signer"

    def __init__(self, change: Mapping[str, Any] | None = None, *, key: Any = KEY, wrap: bool = False,
                 spoil: Any = bytes, methods: tuple[str, ...] = METHODS) -> None:
        self.change, self.key, self.wrap, self.spoil, self.methods = change or {}, key, wrap, spoil, methods
        self.asked: list[str] = []

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        self.asked.append(method)
        if method == "eth_accounts":
            return {"result": [KEY.address]}
        if method not in self.methods:
            return {"error": {"code": -32601, "message": "no such method"}}
        if "ransaction" in method:
            fields = {name: int(value, 16) if name not in ("to", "data", "from") else value
                      for name, value in params[0].items() if name != "from"}
            fields = {name: value for name, value in {**fields, **self.change}.items() if value is not None}
            raw = self.spoil(bytes(self.key.sign_transaction(fields).raw_transaction))
            return {"result": {"raw": "0x" + raw.hex(), "tx": {}} if self.wrap else "0x" + raw.hex()}
        account, message = params
        assert account == KEY.address
        signature = self.key.sign_message(encode_typed_data(full_message={**message, **self.change})).signature
        return {"result": "0x" + self.spoil(bytes(signature)).hex()}


@pytest.mark.parametrize("fields", [FIELDS, LEGACY, {name: FIELDS[name] for name in FIELDS if name != "to"},
                                    {**FIELDS, "value": 0, "data": "0x"}])
@pytest.mark.parametrize("wrap", [False, True])
def test_a_remote_signature_is_a_local_one(fields: dict[str, Any], wrap: bool) -> None:
    raw = RemoteSigner(Remote(wrap=wrap)).sign_transaction(fields)
    assert raw == LocalSigner(KEY).sign_transaction(fields)
    assert transaction_hash(raw) == "0x" + bytes(KEY.sign_transaction(fields).hash).hex()
    assert Account.recover_transaction(raw) == KEY.address


LIES = [("to", "0x" + "33" * 20), ("to", None), ("value", 8), ("chainId", 1), ("nonce", 6), ("data", "0x1235"),
        ("gas", 60_001), ("maxFeePerGas", 4 * 10**9), ("maxPriorityFeePerGas", 10**9 + 1),
        ("accessList", [{"address": TO, "storageKeys": []}])]


@pytest.mark.parametrize(("name", "value"), LIES, ids=str)
def test_a_signer_that_changes_a_field_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SignedOtherwise) as caught:
        RemoteSigner(Remote({name: value})).sign_transaction(FIELDS)
    assert caught.value.field == name
    assert caught.value.checked_and_false


@pytest.mark.parametrize(("name", "value"), [("to", "0x" + "33" * 20), ("value", 8), ("chainId", 1), ("nonce", 6),
                                             ("data", "0x"), ("gas", 21_001), ("gasPrice", 1)], ids=str)
def test_of_a_legacy_transaction_too(name: str, value: Any) -> None:
    with pytest.raises(SignedOtherwise) as caught:
        RemoteSigner(Remote({name: value})).sign_transaction(LEGACY)
    assert caught.value.field == name


def high(raw: bytes) -> bytes:
    """The same transaction with the other s."""
    parts = rlp.decode(raw[1:])
    y, s = int.from_bytes(parts[-3], "big"), int.from_bytes(parts[-1], "big")
    flipped = [*parts[:-3], b"" if y else b"\x01", parts[-2], (SECPK1_N - s).to_bytes(32, "big")]
    return raw[:1] + bytes(rlp.encode(flipped))


@pytest.mark.parametrize(("remote", "field"), [
    (Remote(key=OTHER), "signature"), (Remote(spoil=high), "s"),
    (Remote(spoil=lambda raw: raw + b"\x00"), "transaction"),
    (Remote(spoil=lambda raw: b"\x01" + raw[1:]), "transaction"), (Remote(spoil=lambda raw: b""), "transaction"),
    (Remote({"maxFeePerGas": None, "maxPriorityFeePerGas": None, "gasPrice": 3 * 10**9}), "transaction")])
def test_a_signature_that_is_none(remote: Remote, field: str) -> None:
    with pytest.raises(SignedOtherwise) as caught:
        RemoteSigner(remote).sign_transaction(FIELDS)
    assert caught.value.field == field


def test_typed_messages() -> None:
    assert RemoteSigner(Remote()).sign_message(MESSAGE) == sign(MESSAGE, KEY) == LocalSigner(KEY).sign_message(MESSAGE)
    low_v = Remote(spoil=lambda signature: signature[:64] + bytes([signature[64] - 27]))
    assert RemoteSigner(low_v).sign_message(MESSAGE) == sign(MESSAGE, KEY)
    for lying in (Remote(key=OTHER), Remote({"message": {**MESSAGE["message"], "x": 1}}),
                  Remote({"domain": {**MESSAGE["domain"], "chainId": 2}}),
                  Remote(spoil=lambda signature: signature[:64]),
                  Remote(spoil=lambda signature: signature[:32] + (SECPK1_N - int.from_bytes(
                      signature[32:64], "big")).to_bytes(32, "big") + bytes([55 - signature[64]]))):
        with pytest.raises(SignedOtherwise):
            RemoteSigner(lying).sign_message(MESSAGE)


def test_other_names_of_the_methods_and_refusals() -> None:
    clef = Remote(methods=("account_signTransaction", "account_signTypedData"))
    assert RemoteSigner(clef).sign_transaction(FIELDS) == LocalSigner(KEY).sign_transaction(FIELDS)
    assert RemoteSigner(clef).sign_message(MESSAGE) == sign(MESSAGE, KEY)
    with pytest.raises(NodeError, match="no signer"):
        RemoteSigner(Remote(methods=())).sign_transaction(FIELDS)

    class Denying(Remote):
        def ask(self, method: str, params: list[Any], seconds: float) -> Any:
            super().ask(method, params, seconds)
            return {"error": {"code": -32000, "message": "Request denied"}}
    denying = Denying()
    with pytest.raises(NodeError, match="did not sign: Request denied"):
        RemoteSigner(denying, KEY.address).sign_transaction(FIELDS)
    assert denying.asked == ["eth_signTransaction"]                          # asked once: somebody has said no


def test_whose_account_it_is() -> None:
    assert RemoteSigner(Remote()).address == KEY.address
    assert RemoteSigner(Remote(), KEY.address.lower()).address == KEY.address

    class Two(Remote):
        def ask(self, method: str, params: list[Any], seconds: float) -> Any:
            return {"result": [KEY.address, OTHER.address]}
    with pytest.raises(BadInput, match="--from"):
        RemoteSigner(Two())
    for url in ("ftp://x", "0x" + "11" * 32, "http://", "http://[x"):
        with pytest.raises(BadInput) as caught:
            endpoint_name(url, "signer's URL")
        assert "11" * 32 not in str(caught.value)
    assert endpoint_name("https://host:8550/secret") == "https://host:8550"


# -- on a chain --------------------------------------------------------------------------------------------------------
def test_a_chain_sends_what_a_remote_signer_signed_and_nothing_else() -> None:
    with anvil() as node, loopback(url_of(node)) as line:
        node.web3.provider.make_request("anvil_setBalance", [KEY.address, hex(10**20)])      # type: ignore[arg-type]
        chain = Chain.connect(line.url, key_variable="TAILPROOF_UNSET", signer=RemoteSigner(Remote()))
        assert chain.senders == (KEY.address,)
        receipt = chain.send(TO, b"", value=5)
        assert chain.web3.eth.get_balance(chain.web3.to_checksum_address(TO)) == 5
        assert transaction_hash(bytes.fromhex(line.signed[0][2:])) == receipt.transaction
        for change in ({"to": "0x" + "33" * 20}, {"value": 6}, {"chainId": 1}):
            lying = Chain.connect(line.url, key_variable="TAILPROOF_UNSET", signer=RemoteSigner(Remote(change)))
            with pytest.raises(SignedOtherwise):
                lying.send(TO, b"", value=5)
        assert len(line.signed) == 1
        assert chain.send(TO, b"", value=1).block                            # and the nonce is not lost


def test_what_is_withheld_is_what_would_be_sent() -> None:
    with anvil() as node, loopback(url_of(node)) as line:
        somebody = "0x" + "44" * 20                                          # nobody has its key
        node.web3.provider.make_request("anvil_setBalance", [somebody, hex(10**20)])         # type: ignore[arg-type]
        chain = Chain.connect(line.url, key_variable="TAILPROOF_UNSET", terms=Terms(sender=somebody, withhold=True))
        with pytest.raises(Withheld) as caught:
            chain.send(TO, b"\x01\x02", value=5)
        call = caught.value.call
        assert (call.chain_id, call.sender, call.to, call.value, call.data) == (31337, somebody, TO, 5, b"\x01\x02")
        assert call.gas >= 21_000
        assert call.to_json() == {"schema": "tailproof.calldata/1", "chain_id": 31337, "from": somebody, "to": TO,
                                  "value": "5", "data": "0x0102", "gas": call.gas}
        with pytest.raises(Reverted):                                        # it is tried: INVALID as code
            chain.send(None, b"\xfe")
        assert not line.count("eth_sendTransaction") + line.count("eth_sendRawTransaction")
        sending = Chain.connect(line.url, key_variable="TAILPROOF_UNSET", terms=Terms(sender=somebody))
        with pytest.raises(BadInput, match="one of the accounts that can sign"):
            sending.send(TO, b"")


# -- keystores ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(create_keyfile_json(bytes(KEY.key), b"correct horse", kdf="pbkdf2", iterations=2)))
    path.chmod(0o600)
    return path


def test_a_keystore_opens_by_its_passphrase(keystore: Path) -> None:
    assert open_keystore(keystore, "correct horse").address == KEY.address
    with pytest.raises(BadInput) as caught:
        open_keystore(keystore, "wrong horse")
    assert caught.value.field == "passphrase"
    assert "wrong" not in str(caught.value)


def test_a_keystore_that_is_none(keystore: Path) -> None:
    good = json.loads(keystore.read_text())
    broken = [{}, [], {**good, "version": 1}, {**good, "crypto": {}}, {**good, "crypto": None},
              {**good, "address": OTHER.address[2:].lower()}]
    for document in broken:
        keystore.write_text(json.dumps(document))
        with pytest.raises(BadInput):
            open_keystore(keystore, "correct horse")


def test_files_that_others_can_read_are_told_of(keystore: Path) -> None:
    assert exposed(keystore) is None
    for mode in (0o644, 0o640, 0o604):
        keystore.chmod(mode)
        assert "chmod 600" in str(exposed(keystore))


def test_a_passphrase_is_one_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    for text, found in ((b"a b\n", "a b"), (b"a b", "a b"), (b"a b\r\n", "a b"), (b" a ", " a "),
                        (b"\xef\xbb\xbfa b\r\n", "a b")):
        path.write_bytes(text)
        assert read_passphrase(path) == found
    for text in (b"", b"\n", b"a\nb\n", b"x" * 5_000, b"\xff\xfe"):
        path.write_bytes(text)
        with pytest.raises(BadInput):
            read_passphrase(path)
    with pytest.raises(BadInput):
        read_passphrase(tmp_path / "absent")


