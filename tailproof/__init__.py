"""The front door: the typed public API and the `tailproof` command."""
