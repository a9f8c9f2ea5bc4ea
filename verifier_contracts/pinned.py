"""A chain as it was at one block: every question is about that block, and every answer is kept.

So what is read together belongs together, whatever is mined meanwhile; and whoever has the answers can read the same
again without any node, and find the same. Nothing can be sent through it.

What this cannot show: that the node told the truth. Code, storage and logs are its word, here as in `chain`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from verifier_contracts.answers import Block
from verifier_contracts.chain import Chain
from verifier_contracts.errors import NodeError, Reverted
from verifier_contracts.node import Transport

_PLACE_OF_BLOCK = {"eth_call": 1, "eth_getCode": 1, "eth_getBlockByNumber": 0}
"""Where in its parameters a question says which block it is about."""
_PLAIN = ("eth_chainId", "eth_getTransactionByHash", "web3_clientVersion")
"""Questions that are about no block."""
_KEPT = {"eth_getBlockByNumber": ("number", "hash", "timestamp"), "eth_getTransactionByHash": ("hash", "to", "input")}
"""What is kept of objects of which nobody here reads the rest."""
Answer = Mapping[str, Any]


class _Pinned:
    """A way to a node on which every question is about one block.  answers : by question, as `_question` writes it."""

    def __init__(self, inner: Transport, number: int, answers: Mapping[str, Answer]) -> None:
        self.name, self._inner, self._tag, self.answers = inner.name, inner, hex(number), dict(answers)

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        """Raises BadInput for what is no reading."""
        if method == "eth_blockNumber":
            return {"result": self._tag}
        if method == "eth_accounts":
            return {"result": []}
        asked = self._placed(method, params)
        question = _question(method, asked)
        if question not in self.answers:
            self.answers[question] = self._told(method, asked, seconds)
        return self.answers[question]

    def _placed(self, method: str, params: list[Any]) -> list[Any]:
        """The question as it is about our block."""
        if method in _PLACE_OF_BLOCK:
            place = _PLACE_OF_BLOCK[method]
            return [self._tag if at == place and value in ("latest", "pending") else value
                    for at, value in enumerate(params)]
        if method == "eth_getLogs":
            return [{name: self._tag if (name, value) == ("toBlock", "latest") else value
                     for name, value in params[0].items()}]
        if method not in _PLAIN:
            raise BadInput("question", method, "one that reads: nothing is sent to a block that is past")
        return params

    def _told(self, method: str, asked: list[Any], seconds: float) -> Answer:
        try:
            answer = self._inner.ask(method, asked, seconds)
        except Reverted as failed:                 # of the embedded chain, as a node would say it
            return {"error": {"code": 3, "message": f"execution reverted: {failed.reason}", "data":
                              "0x" + failed.data.hex()}}
        if answer.get("error") is not None:
            return {"error": _plain(answer["error"])}
        result = answer.get("result")
        if method in _KEPT and isinstance(result, Mapping):
            result = {name: result.get(name, result.get("data") if name == "input" else None)
                      for name in _KEPT[method]}
        return {"result": _plain(result)}


class _Nobody:
    """The way to no node: what was not answered before is not answered."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ask(self, method: str, params: list[Any], seconds: float) -> NoReturn:
        raise BadInput("question", Said(f"{method} {json.dumps(params)[:80]}"),
                       "one that was answered when these answers "
                       "were collected: ask a node, or collect again", source=self.name)


class PinnedChain(Chain):
    """A chain at one block. It has no senders.

    number : of the block.  live : the chain that is asked; None: answers were kept.
    """

    def __init__(self, transport: _Pinned, number: int, live: Chain | None = None) -> None:
        self._pinned, self.number, self._live = transport, number, live
        super().__init__(transport)

    @staticmethod
    def of(chain: Chain, number: int | None = None) -> PinnedChain:
        """A chain at a block, by default its latest.

        Raises
        ------
        BadInput : the chain is not so long.
        """
        latest = chain.block_number()
        chosen = latest if number is None else number
        if chosen > latest:
            raise BadInput("--block", chosen, f"at most {latest}, the latest", source=chain.name)
        made = PinnedChain(_Pinned(chain.transport, chosen, {}), chosen, chain)
        made.block(chosen)                         # the first thing kept: which block it is
        return made

    def require_still(self) -> None:
        """Refuse what was read if the block is no more the chain's; raises NodeError."""
        if self._live is not None and self._live.block(self.number).block_hash != self.block(self.number).block_hash:
            raise NodeError(self.name, f"its chain changed while block {self.number} was read: try again")

    def next_time(self) -> int:
        """The time of the block: what is asked is asked of it, not of now."""
        return self.now()

    def clock(self) -> int:
        """The same."""
        return self.now()

    # -- kept answers --------------------------------------------------------------------------------------------------
    def kept(self) -> dict[str, Any]:
        """Everything that was asked and answered, as `from_kept` reads it."""
        told = [{**json.loads(question), "answer": self._pinned.answers[question]}
                for question in sorted(self._pinned.answers)]
        return {"name": self.name, "block": self.number, "answers": told}

    @staticmethod
    def from_kept(node: Node) -> PinnedChain:
        """The chain of kept answers; raises BadInput where they are none."""
        parts = node.object({"name", "block", "answers"})
        number, answers = parts["block"].integer(0, (1 << 53) - 1), dict[str, Answer]()
        for entry in parts["answers"].array(at_least=1):
            one = entry.object({"method", "params", "answer"})
            told = one["answer"].object(set(), {"result", "error"})
            if len(told) != 1:
                raise one["answer"].refuse("a result or an error")
            question = _question(one["method"].text(), [each.value for each in one["params"].array()])
            if question in answers:
                raise entry.refuse("asked once")
            answers[question] = {name: value.value for name, value in told.items()}
        name = parts["name"].text(r"[ -~]{1,200}", "a node's name")
        made = PinnedChain(_Pinned(_Nobody(name), number, answers), number)
        found: Block = made.block(number)
        if found.number != number:
            raise parts["block"].refuse(f"{found.number}, the block that was answered")
        return made


def _question(method: str, params: list[Any]) -> str:
    return json.dumps({"method": method, "params": params}, sort_keys=True)


def _plain(value: Any) -> Any:
    """As JSON holds it; the embedded chain answers in objects of its own."""
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value
