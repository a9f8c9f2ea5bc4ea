"""The files of the snarkjs ecosystem, read strictly and written whole.

Every reader treats its file as hostile: sizes are checked against the file before anything is allocated, elements must
be canonical, points on their curve. What is wrong is a `BadInput` that names file, section, field and bound.
"""
