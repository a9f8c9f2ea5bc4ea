"""`tailproof risk`: what a margin is made of, before anything is proven. Nothing here leaves the machine."""

from __future__ import annotations

import click

from .risk_procyclicality import procyclicality, sets


@click.group()
def risk() -> None:
    """What a portfolio's margin is made of, before any proof."""


risk.add_command(procyclicality)
risk.add_command(sets)
