"""Files of several people in one folder, and commands by each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from verifier_contracts.chain import KEY_VARIABLE


@dataclass(frozen=True)
class Desk:
    """home : of the files.  run : `tailproof ARGUMENTS --json`."""

    home: Path
    run: Callable[..., Any]

    def path(self, name: str) -> Path:
        return self.home / name

    def by(self, who: Any, *arguments: object) -> Any:
        """A command by somebody, whose key is in the environment."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(KEY_VARIABLE, who.key.hex())
            return self.run(*arguments)
