"""Write circuits/statements/pins.json anew: python tests/circuits/golden/regenerate.py

Do this when a circuit is meant to change; the diff shows which did. Keys made for the old circuits no longer fit.
"""

from __future__ import annotations

from circuits import statements
from circuits.statements.pin import PINS, pin
from primitives import jsonio

if __name__ == "__main__":
    pins = {name: pin(statements.get(name)) for name in statements.names()}
    jsonio.write(PINS, pins, over=True)
    for name, pinned in pins.items():
        print(f"{name:28} {pinned['rows']:>9} rows  2^{pinned['domain']}  {pinned['r1cs_digest'][:16]}")
