"""How openings travel to workers: encrypted both ways, or not off this machine.

Dask's scheduler and workers run what whoever reaches them says. So both sides show a certificate of one authority; a
scheduler without one, elsewhere than on this machine, is refused unless the caller insists.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from primitives.errors import BadInput

from ..secret import require_private

if TYPE_CHECKING:
    from distributed import Security

WANTED = "tls://HOST:PORT, or tcp://HOST:PORT on this machine"


@dataclass(frozen=True)
class Tls:
    """PEM files: the authority's certificate, one's own, and its key, which only its owner may read."""

    ca: Path
    cert: Path
    key: Path

    def security(self) -> Security:
        """Raises BadInput where a file is missing, or others than its owner may read the key."""
        from distributed import Security
        for name, path in (("--tls-ca", self.ca), ("--tls-cert", self.cert), ("--tls-key", self.key)):
            if not path.is_file():
                raise BadInput(name, str(path), "a PEM file")
        require_private(self.key, "TLS key", "how to be taken for this caller")
        return Security(require_encryption=True, tls_ca_file=str(self.ca), tls_client_cert=str(self.cert),
                        tls_client_key=str(self.key))


def require_safe(address: str, tls: Tls | None, *, insecure: bool) -> None:
    """Refuse a scheduler to which openings would travel in the clear; raises BadInput."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadInput("--scheduler", address, WANTED) from None
    if parts.scheme not in ("tls", "tcp") or not host or port is None or parts.path or parts.username:
        raise BadInput("--scheduler", address, WANTED)
    if parts.scheme == "tls" and tls is None:
        raise BadInput("--tls-ca, --tls-cert and --tls-key", None, "given with tls://")
    if parts.scheme == "tcp" and tls is not None:
        raise BadInput("--scheduler", address, "tls://HOST:PORT where certificates are given")
    if not encrypted(address) and not insecure:
        raise BadInput("--scheduler", address, f"{WANTED}: portfolios would travel there for everybody to read, and "
                       "whoever answers could run what he likes here (--insecure if you must)")


def require_safe_workers(addresses: Iterable[str], *, insecure: bool) -> None:
    """The same of the workers behind a scheduler, which may be elsewhere than it is."""
    for address in addresses:
        if not encrypted(address) and not insecure:
            raise BadInput("address of a worker", address, "tls://…, or on this machine: portfolios would travel there "
                           "for everybody to read (--insecure if you must)")


def encrypted(address: str) -> bool:
    """Whether nobody on a network reads what is sent to an address."""
    parts = urlsplit(address)
    if parts.scheme == "tls":
        return True
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
