// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {storeAsCode} from "./CodeStore.sol";
import {requirePrecompiles} from "./Precompiles.sol";

/// @title Many Groth16 proofs under one key in one pairing check
/// @notice Checks, for proofs (A_i, B_i, C_i) with public inputs x_i and multipliers r_i of 128 bits,
///
///             prod_i e(r_i A_i, B_i) * e(-s alpha, beta) * e(-sum_i r_i vk_x(x_i), gamma) * e(-sum_i r_i C_i, delta) = 1
///
///         with r_0 = 1, s = sum_i r_i and vk_x(x) = IC_0 + sum_j x_j IC_j (Bellare, Garay and Rabin, EUROCRYPT 1998,
///         small exponents). Each proof costs a pair of the pairing instead of four, and two multiplications instead of as
///         many as it has inputs.
/// @dev    Why it is as good as verifying each. Let E_i be what the pairing equation of proof i comes to, 1 if and only
///         if the proof holds. All points are in groups of prime order r (the precompiles check it), so E_i = g^e_i, and
///         the check asks for sum_i r_i e_i = 0 modulo r. If some e_i is not 0, then whatever the other multipliers are,
///         at most one r_i of 2^128 makes the sum vanish. The first multiplier needs no chance: if some later e_i is not
///         0, its own r_i is what the sum vanishes for at most once; if e_0 alone is not 0, the sum is e_0. That holds
///         only if the multipliers are chosen after everything in the equation: they are hashes of *all* calldata of this
///         call, hence of the key's digest, every proof and every input. Were anything left out, it could be chosen last:
///         two false proofs whose errors cancel.
///
///         The key lies in code of its own, where anybody may have put it (`keep`): it counts because its keccak256 is the
///         digest that the caller names.
contract ProofCombiner {
    event KeyKept(bytes32 indexed keyDigest, address keyAt);

    error BadLength();
    error KeyDigestMismatch(bytes32 expected, bytes32 actual);
    /// @notice A public input is not below r: x and x + r would verify alike.
    error InputOutOfField();
    /// @notice A point is off its curve or outside its subgroup, a coordinate not below p, there was too little gas, or
    ///         a precompile gave an answer of another size.
    error PrecompileFailed();
    /// @notice Some proof does not hold.
    error ProofRejected();

    /// @notice Proofs in one call at most.
    uint256 public constant MOST = 64;

    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;

    /// @dev Of alpha (2 words), beta, gamma, delta (4 words each); points IC follow.
    uint256 private constant KEY_HEAD = 0x1c0;

    constructor() {
        requirePrecompiles();
    }

    /// @notice Put a verification key where `verify` finds it (anyone, once): its bytes are then in no calldata any more.
    /// @param key alpha, beta, gamma, delta, IC_0, IC_1, ... as EIP-197 encodes them.
    function keep(bytes calldata key) external returns (address keyAt) {
        if (key.length < KEY_HEAD + 0x80 || key.length % 0x40 != 0) revert BadLength();
        keyAt = storeAsCode(key);
        emit KeyKept(keccak256(key), keyAt);
    }

    /// @notice Returns nothing, and reverts with a named error unless every proof is valid.
    /// @param keyDigest What the key must hash to: KEY_DIGEST of the generated verifier.
    /// @param keyAt     Where the key lies, see `keep`.
    /// @param proofs    Each A.x A.y B.x.im B.x.re B.y.im B.y.re C.x C.y.
    /// @param inputs    The public inputs of the first proof, then of the second, ...
    function verify(bytes32 keyDigest, address keyAt, uint256[8][] calldata proofs, uint256[] calldata inputs)
        external
        view
    {
        bytes memory key = _keyAt(keyAt);
        uint256 count = proofs.length;
        if (count == 0 || count > MOST || key.length < KEY_HEAD + 0x80 || key.length % 0x40 != 0) revert BadLength();
        uint256 width = (key.length - KEY_HEAD) / 0x40 - 1;
        if (inputs.length != count * width) revert BadLength();
        bytes32 actual = keccak256(key);
        if (actual != keyDigest) revert KeyDigestMismatch(keyDigest, actual);
        bytes4 failure = _check(key, proofs, inputs, width);
        if (failure != 0) {
            assembly ("memory-safe") {
                mstore(0, failure)
                revert(0, 4)
            }
        }
    }

    /// @dev All of a contract's code but its first byte; empty where there is none.
    function _keyAt(address keyAt) private view returns (bytes memory key) {
        uint256 size = keyAt.code.length;
        if (size == 0) return key;
        assembly ("memory-safe") {
            key := mload(0x40)
            mstore(key, sub(size, 1))
            extcodecopy(keyAt, add(key, 0x20), 1, sub(size, 1))
            mstore(0x40, and(add(add(key, size), 0x3e), not(0x1f)))
        }
    }

    /// @dev Every answer of a precompile goes to memory that nothing was written to before, and counts only if it has
    ///      its full size. From the first word that neither Solidity nor the copy of the calldata has touched:
    ///
    ///      pairs   (count + 3) * 0xc0   the input of the pairing: r_i A_i, B_i; then alpha, vk_x and C with their keys
    ///      answer  0x20                 of the pairing
    ///      sums    width words          sum_i r_i x_ij modulo r
    ///      point   0x60                 a point and its scalar, the input of a multiplication
    ///      chain   0x80 each            a sum of points and the term to add; the next sum begins where it ends
    ///
    ///      The scratch space of Solidity holds what multipliers are hashes of: the seed and the index. Nothing that
    ///      Solidity has allocated is written to, and it allocates nothing later.
    function _check(bytes memory key, uint256[8][] calldata proofs, uint256[] calldata inputs, uint256 width)
        private
        view
        returns (bytes4 failure)
    {
        uint256 precompileFailed = uint32(PrecompileFailed.selector);
        uint256 outOfField = uint32(InputOutOfField.selector);
        uint256 rejected = uint32(ProofRejected.selector);
        assembly ("memory-safe") {
            function multiply(point, scalar, to) -> ok {
                mstore(add(point, 0x40), scalar)
                ok := staticcall(gas(), 7, point, 0x60, to, 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
            }
            function add_points(place) -> ok {
                ok := staticcall(gas(), 6, place, 0x80, add(place, 0x80), 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
            }

            let count := proofs.length
            let pairs := add(mload(0x40), and(add(calldatasize(), 0x1f), not(0x1f)))
            calldatacopy(mload(0x40), 0, calldatasize())
            mstore(0x00, keccak256(mload(0x40), calldatasize()))
            let answer := add(pairs, mul(add(count, 3), 0xc0))
            let sums := add(answer, 0x20)
            let point := add(sums, shl(5, width))
            let chain := add(point, 0x60)
            let total := 0
            let done := 1
            let canonical := 1
            let x := inputs.offset
            let proof := proofs.offset
            let pair := pairs

            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                let multiplier := 1
                switch i
                case 0 {
                    calldatacopy(pair, proof, 0xc0)
                    calldatacopy(add(chain, 0x40), add(proof, 0xc0), 0x40)
                }
                default {
                    mstore(0x20, i)
                    multiplier := shr(128, keccak256(0x00, 0x40))
                    calldatacopy(point, proof, 0x40)
                    done := and(done, multiply(point, multiplier, pair))
                    calldatacopy(add(pair, 0x40), add(proof, 0x40), 0x80)
                    calldatacopy(point, add(proof, 0xc0), 0x40)
                    done := and(done, multiply(point, multiplier, add(chain, 0x40)))
                }
                total := add(total, multiplier)
                // To the sum before, at first the point at infinity.
                done := and(done, add_points(chain))
                chain := add(chain, 0x80)
                // Four at a time, as many as most statements have: a turn of a loop costs nearly what an input does.
                let sum := sums
                for {} lt(add(sum, 0x60), point) { sum := add(sum, 0x80) } {
                    canonical := and(canonical, lt(calldataload(x), R))
                    mstore(sum, addmod(mload(sum), mulmod(multiplier, calldataload(x), R), R))
                    canonical := and(canonical, lt(calldataload(add(x, 0x20)), R))
                    mstore(add(sum, 0x20), addmod(mload(add(sum, 0x20)), mulmod(multiplier, calldataload(add(x, 0x20)), R), R))
                    canonical := and(canonical, lt(calldataload(add(x, 0x40)), R))
                    mstore(add(sum, 0x40), addmod(mload(add(sum, 0x40)), mulmod(multiplier, calldataload(add(x, 0x40)), R), R))
                    canonical := and(canonical, lt(calldataload(add(x, 0x60)), R))
                    mstore(add(sum, 0x60), addmod(mload(add(sum, 0x60)), mulmod(multiplier, calldataload(add(x, 0x60)), R), R))
                    x := add(x, 0x80)
                }
                for {} lt(sum, point) { sum := add(sum, 0x20) } {
                    canonical := and(canonical, lt(calldataload(x), R))
                    mstore(sum, addmod(mload(sum), mulmod(multiplier, calldataload(x), R), R))
                    x := add(x, 0x20)
                }
                proof := add(proof, 0x100)
                pair := add(pair, 0xc0)
            }

            // -s alpha with beta; s is far below R, being a sum of 64 numbers of 128 bits at most
            let vk := add(key, 0x20)
            mcopy(point, vk, 0x40)
            done := and(done, multiply(point, sub(R, total), pair))
            mcopy(add(pair, 0x40), add(vk, 0x40), 0x80)
            // -sum r_i C_i with delta: the same point with -y
            pair := add(pair, 0xc0)
            mstore(pair, mload(chain))
            mstore(add(pair, 0x20), mod(sub(P, mload(add(chain, 0x20))), P))
            mcopy(add(pair, 0x40), add(vk, 0x140), 0x80)
            // -(s IC_0 + sum_j sums_j IC_j) with gamma
            pair := add(pair, 0xc0)
            chain := add(chain, 0x40)
            let ic := add(vk, 0x1c0)
            mcopy(point, ic, 0x40)
            done := and(done, multiply(point, sub(R, total), chain))
            for { let sum := sums } lt(sum, add(sums, shl(5, width))) { sum := add(sum, 0x20) } {
                ic := add(ic, 0x40)
                mcopy(point, ic, 0x40)
                done := and(done, multiply(point, sub(R, mload(sum)), add(chain, 0x40)))
                done := and(done, add_points(chain))
                chain := add(chain, 0x80)
            }
            mcopy(pair, chain, 0x40)
            mcopy(add(pair, 0x40), add(vk, 0xc0), 0x80)

            if done {
                done := staticcall(gas(), 8, pairs, mul(add(count, 3), 0xc0), answer, 0x20)
                done := and(done, eq(returndatasize(), 0x20))
            }
            if iszero(eq(mload(answer), 1)) { failure := rejected }
            if iszero(done) { failure := precompileFailed }
            if iszero(canonical) { failure := outOfField }
            failure := shl(224, failure)
        }
    }
}
