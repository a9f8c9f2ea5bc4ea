"""Keep Numba's cache honest.

Numba invalidates a cached function when its own file changes, but not when an intrinsic it uses,
or a constant frozen into it, changes in another file.  Importing this module first makes the cache
directory depend on the text of all modules here.
"""

from __future__ import annotations

import hashlib
import os
import pathlib

import numba

sources = sorted(pathlib.Path(__file__).parent.glob("*.py"))
digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
numba.config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(root, "numba-msm", digest)
