"""Parts that statements are put together from, each with its definition and its witness side by side.

A part records rows under a scope of its own, and `..._inputs` gives the honest inputs under the same names; a statement
with several of a kind sets them apart by scopes around them (`circuits.clauses.inputs.scoped`). The numbers C1 to C20
are those of docs/statements.md.
"""
