"""What every room stands on: the scalar field, Poseidon, the Merkle tree, typed errors, strict JSON."""
