"""Options that environment and file may fill (`tailproof.settings`), by click's own map of defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from .. import settings

PROFILE = "tailproof.profile"
_FOUND = "tailproof.settings"
_filled: dict[str, str] = {}
_INSTEAD = {"signer": ("keystore",), "keystore": ("signer_url",), "passphrase-file": ("keystore", "signer_url")}
"""Parameters that, once typed, say who signs in place of a setting."""


class Setting(click.Option):
    """An option with a setting of its name.

    filled : whether the setting counts beside these parameters that were typed; None: always. For options that are
        left out on purpose.
    """

    def __init__(self, *args: Any, filled: Callable[[Mapping[str, Any]], bool] | None = None, **attributes: Any
                 ) -> None:
        super().__init__(*args, **attributes)
        self.setting = next(name for name in self.opts if name.startswith("--"))[2:]
        assert self.setting in settings.NAMES
        self._filled = filled

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        given = None if ctx.resilient_parsing else settings_of(ctx).given.get(self.setting)
        typed = set(opts)
        if (given is not None and self.name not in typed and not typed & set(_INSTEAD.get(self.setting, ()))
                and (self._filled is None or self._filled(opts))):
            ctx.default_map = {**(ctx.default_map or {}), self.name or "": given.value}
            _filled[f"--{self.setting}"] = given.source
        return super().consume_value(ctx, opts)

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter:
            raise click.MissingParameter(
                f"Nor does ${settings.variable(self.setting)} or {settings.FILE} say it, which `tailproof config new` "
                "writes.", ctx, self) from None

    def get_help_extra(self, ctx: click.Context) -> Any:
        """With the variable of the environment, which click says of those that it reads itself."""
        return {**super().get_help_extra(ctx), "envvars": (settings.variable(self.setting),)}


def settings_of(ctx: click.Context) -> settings.Settings:
    """Environment and file, read once for a command."""
    if _FOUND not in ctx.meta:
        ctx.meta[_FOUND] = settings.load(ctx.meta.get(PROFILE))
    found = ctx.meta[_FOUND]
    assert isinstance(found, settings.Settings)
    return found


def begin() -> None:
    """Forget what the command before this one was given, where one process runs several."""
    _filled.clear()


def source_of(option: str) -> str | None:
    """Where the value of an option of this command stands, if nobody typed it."""
    return _filled.get(option)
