"""Who carries it: submits proofs to the chain without losing or repeating one."""
