"""What a lot, a position, an account gains per small move of the market: Greeks, and what they explain of a tail."""
