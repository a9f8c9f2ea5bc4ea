"""The crash day: a market that falls by two fifths, over real proofs, through every tier of liquidation."""
