"""What a risk officer reads of an epoch: a public edition of the epoch, a private one of a portfolio under it.

A section is a function of a `Subject` (public) or a `Holder` (private), a file each; `run.PUBLIC` and `run.PRIVATE`
list them in their order. Whoever adds one writes the file and a line there.
"""
