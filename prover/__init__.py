"""How it is proven: Groth16 over BN254. Knows nothing of margin."""
