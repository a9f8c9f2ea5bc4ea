"""What `pip install tailproof` leaves out, and which extra brings it.

The base proves, verifies and talks to nodes. An extra is needed where a command first imports what is in it; it is then
named, by `MissingExtra`, and the exit code is 2.
"""

from __future__ import annotations

from importlib.util import find_spec

from primitives.errors import BadInput, Said

EXTRAS = {
    "risk": ("scipy", "matplotlib"),                                 # fits of models, pictures
    "chain": ("web3", "eth_tester", "eth", "pyrevm"),                 # the embedded chain
    "relay": ("sqlalchemy", "prometheus_client", "waitress"),         # the relayer that runs
    "farm": ("dask", "distributed"),                                  # proofs for many accounts on many processes
    "reference": ("galois", "py_ecc"),                                # verification by independent arithmetic
}
"""Packages imported somewhere in the rooms that only an extra of pyproject.toml brings."""


class MissingExtra(BadInput):
    """A package is not installed that an extra brings."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"the package {package}", Said("absent"), f"installed: pip install 'tailproof[{extra}]'")


def missing(error: ModuleNotFoundError) -> MissingExtra | None:
    """What to say of an import that failed; None if no extra has it."""
    package = (error.name or "").partition(".")[0]
    return next((MissingExtra(package, extra) for extra, packages in EXTRAS.items() if package in packages), None)


def lacking(package: str) -> MissingExtra | None:
    """What to say of a package of EXTRAS that is not installed; None if it is."""
    return None if find_spec(package) is not None else missing(ModuleNotFoundError(package, name=package))


def require(*extras: str) -> None:
    """Before work that will need them: raises MissingExtra where a package of these extras is absent, which names
    `all` where several are asked for."""
    for extra in extras:
        for package in EXTRAS[extra]:
            if find_spec(package) is None:
                raise MissingExtra(package, extra if len(extras) == 1 else "all")
