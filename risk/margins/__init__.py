"""The margin of a portfolio under an epoch, and how it looks."""
