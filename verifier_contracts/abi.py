"""Calls, results and errors of contracts in the ABI's encoding, by the names that the compiler lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import abi_to_signature, collapse_if_tuple, get_abi_input_types, get_abi_output_types
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.artifacts import Artifact
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.errors import LONGEST_SHOWN, ContractRefused, Reverted
from verifier_contracts.generator import ERRORS as VERIFIER_ERRORS


def encode_call(artifact: Artifact, function: str, arguments: Sequence[Any]) -> bytes:
    """Calldata of a call.

    Raises
    ------
    BadInput : an argument does not fit its type.
    """
    entry = _entry(artifact, "function", function)
    return _selector(entry) + _encode(entry, f"{artifact.name}.{function}", arguments)


def encode_deployment(artifact: Artifact, arguments: Sequence[Any]) -> bytes:
    """Code that deploys a contract, its constructor arguments behind it; raises like `encode_call`."""
    return artifact.creation + _encode(_entry(artifact, "constructor", None), artifact.name, arguments)


def decode_result(artifact: Artifact, function: str, data: bytes) -> Any:
    """What a call returned: the value where there is one, else a tuple.

    Raises
    ------
    BadInput : it is not what the function returns, so that another contract answered.
    """
    try:
        values = decoded(get_abi_output_types(_entry(artifact, "function", function)), data, exactly=True)
    except DecodingError:
        raise BadInput(f"answer of {artifact.name}.{function}", "0x" + data.hex(), f"what {artifact.name} answers: "
                       "another contract is at its address") from None
    return values[0] if len(values) == 1 else values


def decode_call(artifact: Artifact, function: str, data: bytes) -> tuple[Any, ...]:
    """Arguments of a call.

    Raises
    ------
    BadInput : the data is no call of this function.
    """
    entry = _entry(artifact, "function", function)
    try:
        if data[:4] != _selector(entry):
            raise DecodingError("another function")
        return decoded(get_abi_input_types(entry), data[4:])
    except DecodingError:
        raise BadInput("calldata", "0x" + data[:4].hex() + "…", f"a call of {artifact.name}.{function}") from None


def decoded(kinds: Sequence[str], data: bytes, *, exactly: bool = False) -> tuple[Any, ...]:
    """Values of some types from bytes that anybody may have made up.

    exactly : the bytes are those that a contract returns for the values, with nothing behind them.

    Raises
    ------
    DecodingError : they are none.
    """
    try:
        values = decode(kinds, data)
    except (OverflowError, UnicodeDecodeError) as error:       # a length of 2**255, a text that is none
        raise DecodingError(str(error)) from None
    if exactly and encode(kinds, values) != data:
        raise DecodingError("not as a contract encodes them")
    return values


def event_topics(artifact: Artifact) -> Mapping[bytes, Any]:
    """Entries of the ABI for a contract's events, by their first topic."""
    events: list[Any] = [entry for entry in artifact.abi if entry["type"] == "event" and not entry.get("anonymous")]
    return {keccak(text=abi_to_signature(entry)): entry for entry in events}


def decode_event(entry: Any, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
    """Arguments of an event by name: addresses with checksum, structs as objects.

    Parameters
    ----------
    entry : of the ABI.  topics : with the event's own, which comes first.

    Raises
    ------
    DecodingError : the log is not of this event.
    """
    indexed = [field for field in entry["inputs"] if field["indexed"]]
    others = [field for field in entry["inputs"] if not field["indexed"]]
    if len(indexed) != len(topics) - 1:
        raise DecodingError("another number of indexed arguments")
    values = {field["name"]: decoded([field["type"]], topic, exactly=True)[0]
              for field, topic in zip(indexed, topics[1:], strict=True)}
    plain = decoded([collapse_if_tuple(field) for field in others], data, exactly=True)
    values |= {field["name"]: value for field, value in zip(others, plain, strict=True)}
    return {field["name"]: _told(field, values[field["name"]]) for field in entry["inputs"]}


def named_call(artifact: Artifact, data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Function and arguments by name of a call's data; None if the contract has no such function."""
    functions: list[Any] = [entry for entry in artifact.abi if entry["type"] == "function"]
    for entry in functions:
        if _selector(entry) == data[:4]:
            try:
                values = decoded(get_abi_input_types(entry), data[4:])
            except DecodingError:
                return None
            return entry["name"], {field["name"]: _told(field, value)
                                   for field, value in zip(entry["inputs"], values, strict=True)}
    return None


def _told(field: Any, value: Any) -> Any:
    """A value as people know it; `field` : its entry in the ABI."""
    kind: str = field["type"]
    if kind.endswith("]"):
        return [_told({**field, "type": kind[:kind.rindex("[")]}, entry) for entry in value]
    if kind == "tuple":
        return {part["name"]: _told(part, entry) for part, entry in zip(field["components"], value, strict=True)}
    return to_checksum_address(value) if kind == "address" else value


def refusal(error: Reverted, contract: str, function: str) -> ContractRefused:
    """The error of a contract by its name, from whichever contract of ours (or of OpenZeppelin's) it came.

    Parameters
    ----------
    contract, function : what was asked; "constructor" for a deployment.
    """
    facts: dict[str, Any] = {"contract": contract, "function": function, "transaction": error.transaction,
                             "gas_used": error.gas_used}
    for data in (error.data, *error.others):
        known = _errors().get(data[:4])
        if known is None:
            continue
        name, fields = known
        try:
            values = decoded([kind for _, kind in fields], data[4:])
        except DecodingError:
            continue
        return ContractRefused(name, {field: _named(kind, value) for (field, kind), value in
                                      zip(fields, values, strict=True)}, **facts)
    told = "0x" + error.data[:LONGEST_SHOWN].hex() + ("…" if len(error.data) > LONGEST_SHOWN else "")
    return ContractRefused(told if error.data else error.reason or "NoReason", **facts)


def _named(kind: str, value: Any) -> Any:
    """An argument as people know it: addresses with checksum."""
    return to_checksum_address(value) if kind == "address" else value


@lru_cache(maxsize=1)
def _errors() -> Mapping[bytes, tuple[str, list[tuple[str, str]]]]:
    """Errors by selector: name, and the name and type of each argument."""
    entries: list[Any] = [entry for artifact in compile_contracts().values() for entry in artifact.abi
                          if entry["type"] == "error"]
    entries += [{"type": "error", "name": name, "inputs": []} for name in VERIFIER_ERRORS]
    entries += [{"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
                {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]}]
    return {_selector(entry): (entry["name"], [(field["name"], field["type"]) for field in entry["inputs"]])
            for entry in entries}


def _entry(artifact: Artifact, kind: str, name: str | None) -> Any:
    return next(entry for entry in artifact.abi if entry["type"] == kind and entry.get("name") == name)


def _selector(entry: Any) -> bytes:
    return keccak(text=abi_to_signature(entry))[:4]


def _encode(entry: Any, what: str, arguments: Sequence[Any]) -> bytes:
    types = get_abi_input_types(entry)
    for field, kind, argument in zip(entry["inputs"], types, arguments, strict=True):
        try:
            encode([kind], [argument])
        except EncodingError:
            raise BadInput(f"{field['name']} of {what}", argument, f"a {kind}") from None
    return encode(types, arguments)
