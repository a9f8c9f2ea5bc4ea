"""Print docs/formats.md."""

import sys

from . import document

sys.stdout.write(document())
