"""Fits: any library, any optimiser. Its output is text that is published; nothing else of risk/ imports it."""
