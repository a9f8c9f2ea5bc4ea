"""Fast arithmetic for Groth16 over BN254: kernels in Numba, with wide arithmetic emitted as LLVM IR."""
