"""Epochs on a grid of shocks, and the collateral factors that stand in them."""
