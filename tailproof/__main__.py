"""`python -m tailproof`: the `tailproof` command."""

from tailproof.cli import main

if __name__ == "__main__":                         # and not in the processes that an audit starts
    main()
