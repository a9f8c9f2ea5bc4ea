"""`python -m tailproof`: the `tailproof` command."""

from tailproof.cli import main

main()
