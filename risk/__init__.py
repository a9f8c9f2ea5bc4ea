"""What margin is: instruments, scenarios, epochs and exact Expected Shortfall. Knows nothing of proofs."""
