"""Epochs: built from sources, committed to by one root, rebuilt and audited."""
