"""Groth16 over BN254 [J. Groth, "On the size of pairing-based non-interactive arguments", eprint 2016/260]."""
