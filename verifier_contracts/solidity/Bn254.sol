// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Order r of BN254 (EIP-196): every public input of a proof is below it. An input x and x + r verify alike,
///      so whatever is stored here in order to be proven about is stored reduced.
uint256 constant BN254_ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
