"""Whom not to ask for a while: a breaker opens after failures in a row, lets one trial through when its pause is over,
and closes when that works (Nygard, "Release It!", 2007: Circuit Breaker)."""

from __future__ import annotations


class Breaker:
    """Of one node or contract.

    Parameters
    ----------
    after : failures in a row at which it opens.  first, longest : seconds of the first pause, and of the longest; each
    failed trial doubles the pause.
    """

    def __init__(self, after: int = 3, first: float = 5.0, longest: float = 300.0) -> None:
        self._after, self._first, self._longest = after, first, longest
        self.failures, self.until, self.why = 0, 0.0, ""
        self._pause = first

    def allows(self, now: float) -> bool:
        """Whether to try now."""
        return now >= self.until

    @property
    def on_trial(self) -> bool:
        """Whether it was open, and nothing has worked since: one trial is enough."""
        return self.failures >= self._after

    def failed(self, now: float, why: str, *, at_once: bool = False, after: float = 0.0) -> None:
        """at_once : for what must not happen a second time: a lie.  after : seconds that were asked for."""
        self.failures, self.why = self.failures + 1, why
        if at_once or self.failures >= self._after:
            self.until, self._pause = now + self._pause, min(2 * self._pause, self._longest)
        self.until = max(self.until, now + after)

    def worked(self) -> None:
        """Close it."""
        self.failures, self.until, self.why, self._pause = 0, 0.0, "", self._first
