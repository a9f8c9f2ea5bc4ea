"""Liquidation cascades in simulation: accounts, a market with impact, liquidators, and the tiers of the contracts."""
