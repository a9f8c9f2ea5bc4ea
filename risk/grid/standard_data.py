"""Make `standard_choices.json`, which says what standard scenarios with masses are, anew:

    python -m risk.grid.standard_data            compare: exits 1 where the file is not what comes out
    python -m risk.grid.standard_data write      where a choice is meant to change; keys made before no longer fit

Minutes. The file is a cache of a computation that anybody can repeat, not a source.
"""

from __future__ import annotations

import sys
from typing import Any

from primitives import jsonio
from risk.grid.grid_shape import GRID_1000_WEIGHTED, GRID_TINY_WEIGHTED
from risk.grid.grid_standard import StandardMap
from risk.grid.standard_choice import FILE, SCHEMA


def document() -> dict[str, Any]:
    """Content of the file, computed; says on stderr how far it is."""
    sets = []
    for shape in (GRID_1000_WEIGHTED, GRID_TINY_WEIGHTED):
        assert isinstance(shape.map, StandardMap)
        choices = []
        for regime in range(shape.regimes):
            choices.append(shape.map.chosen(regime).to_json())
            print(f"{shape.scenarios} scenarios: {regime + 1} of {shape.regimes} regimes", file=sys.stderr)
        sets.append({"standard": shape.map.to_json(), "regimes": choices})
    return {"schema": SCHEMA, "sets": sets}


def main(arguments: list[str]) -> int:
    """Compare, or write."""
    made = document()
    if arguments == ["write"]:
        jsonio.write(FILE, made, over=True)
        return 0
    same = jsonio.loads(jsonio.dumps(made)) == jsonio.read(FILE)
    print(f"{FILE.name}: {'what comes out' if same else 'is NOT what comes out'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
