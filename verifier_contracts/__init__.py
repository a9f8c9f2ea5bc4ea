"""Who believes it: Solidity sources, the verifier generator, deployment and chain bindings."""
