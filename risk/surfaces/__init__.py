"""Implied volatility as a surface: slices, what makes them free of arbitrage, and what several venues say of them."""
