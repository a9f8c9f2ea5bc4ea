// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BN254_ORDER} from "./Bn254.sol";

// BabyJubJub (EIP-2494): A x^2 + y^2 = 1 + D x^2 y^2 over r, 8 l points, l prime. A is a square modulo r and D is not, so
// that one formula adds any two points (Bernstein, Birkner, Joye, Lange, Peters: Twisted Edwards Curves, 2008).
uint256 constant EDWARDS_A = 168700;
uint256 constant EDWARDS_D = 168696;
/// @dev l.
uint256 constant SUBGROUP_ORDER = 0x060c89ce5c263405370a08b6d0302b0bab3eedb83920ee0a677297dc392126f1;
uint256 constant BASE_X = 0x0bb77a6ad63e739b4eacb2e09d6277c12ab8d8010534e0b62893f3f6bb957051;
uint256 constant BASE_Y = 0x25797203f7a0b24925572e1cd16bf9edfce0051fb9e133774b3c257a872d7d8b;
/// @dev Sets challenges of possession apart from all other hashes.
bytes32 constant POSSESSION_TAG = keccak256("tailproof possession");

/// @dev Affine; of the curve only if somebody has checked.
struct Point {
    uint256 x;
    uint256 y;
}

/// @dev That somebody knows the secret of a key (Schnorr): commitment T = k B, response s = k + c p.
struct Possession {
    Point commitment;
    uint256 response;
}

/// @notice A coordinate is not below r, or the coordinates are not those of a point.
error PointOffCurve(uint256 x, uint256 y);
/// @notice Of small order, or with a part of small order: who has its secret might not open what is encrypted to it, or
///         anybody might.
error KeyOutsideSubgroup(uint256 x, uint256 y);
/// @notice Nobody has shown to know the secret of this key, in this context: it may be made out of others' keys.
error PossessionNotShown(uint256 x, uint256 y);

/// @dev Whether coordinates are canonical and satisfy the equation.
function isOnCurve(uint256 x, uint256 y) pure returns (bool on) {
    assembly ("memory-safe") {
        let xx := mulmod(x, x, BN254_ORDER)
        let yy := mulmod(y, y, BN254_ORDER)
        let left := addmod(mulmod(EDWARDS_A, xx, BN254_ORDER), yy, BN254_ORDER)
        let right := addmod(1, mulmod(EDWARDS_D, mulmod(xx, yy, BN254_ORDER), BN254_ORDER), BN254_ORDER)
        on := and(eq(left, right), and(lt(x, BN254_ORDER), lt(y, BN254_ORDER)))
    }
}

/// @dev A public key: a point of order l. l P = 0 leaves the identity and nothing else of small order, as l is prime.
function requireKey(Point memory key) pure {
    if (!isOnCurve(key.x, key.y)) revert PointOffCurve(key.x, key.y);
    (uint256 x, uint256 y, uint256 z) = combined(SUBGROUP_ORDER, key, 0, key);
    if (x != 0 || y != z || key.x == 0) revert KeyOutsideSubgroup(key.x, key.y);
}

/// @dev s B = T + c P with c = keccak256(tag, context, P, T) >> 8, of a key that `requireKey` has let pass; s canonical. T
///      is then in the subgroup as well.
function requirePossession(Point memory key, Possession memory shown, bytes32 context) pure {
    Point memory t = shown.commitment;
    uint256 c = uint256(keccak256(abi.encode(POSSESSION_TAG, context, key.x, key.y, t.x, t.y))) >> 8;
    if (shown.response >= SUBGROUP_ORDER || !isOnCurve(t.x, t.y)) revert PossessionNotShown(key.x, key.y);
    (uint256 x, uint256 y, uint256 z) = combined(shown.response, Point(BASE_X, BASE_Y), SUBGROUP_ORDER - c, key);
    if (x != mulmod(t.x, z, BN254_ORDER) || y != mulmod(t.y, z, BN254_ORDER)) revert PossessionNotShown(key.x, key.y);
}

/// @dev u P + v Q in projective coordinates, for scalars below 2^251 and points of the curve, by Shamir's trick: one
///      doubling a bit for both. z is never 0.
function combined(uint256 u, Point memory p, uint256 v, Point memory q)
    pure
    returns (uint256 x, uint256 y, uint256 z)
{
    assembly ("memory-safe") {
        /// dbl-2008-bbjlp
        function twice(at) {
            let px := mload(at)
            let py := mload(add(at, 0x20))
            let pz := mload(add(at, 0x40))
            let e := mulmod(EDWARDS_A, mulmod(px, px, BN254_ORDER), BN254_ORDER)
            let d := mulmod(py, py, BN254_ORDER)
            let f := addmod(e, d, BN254_ORDER)
            let j := mulmod(pz, pz, BN254_ORDER)
            j := addmod(f, sub(BN254_ORDER, addmod(j, j, BN254_ORDER)), BN254_ORDER)
            mstore(at, mulmod(mulmod(addmod(px, px, BN254_ORDER), py, BN254_ORDER), j, BN254_ORDER))
            mstore(add(at, 0x20), mulmod(f, addmod(e, sub(BN254_ORDER, d), BN254_ORDER), BN254_ORDER))
            mstore(add(at, 0x40), mulmod(f, j, BN254_ORDER))
        }
        /// add-2008-bbjlp: of any two points, whichever they are
        function plus(at, other) {
            let a := mulmod(mload(add(at, 0x40)), mload(add(other, 0x40)), BN254_ORDER)
            let c := mulmod(mload(at), mload(other), BN254_ORDER)
            let d := mulmod(mload(add(at, 0x20)), mload(add(other, 0x20)), BN254_ORDER)
            let h := mulmod(
                addmod(mload(at), mload(add(at, 0x20)), BN254_ORDER),
                addmod(mload(other), mload(add(other, 0x20)), BN254_ORDER),
                BN254_ORDER
            )
            h := addmod(h, sub(BN254_ORDER, addmod(c, d, BN254_ORDER)), BN254_ORDER)
            let b := mulmod(a, a, BN254_ORDER)
            let e := mulmod(EDWARDS_D, mulmod(c, d, BN254_ORDER), BN254_ORDER)
            let f := addmod(b, sub(BN254_ORDER, e), BN254_ORDER)
            let g := addmod(b, e, BN254_ORDER)
            d := addmod(d, sub(BN254_ORDER, mulmod(EDWARDS_A, c, BN254_ORDER)), BN254_ORDER)
            mstore(at, mulmod(mulmod(a, f, BN254_ORDER), h, BN254_ORDER))
            mstore(add(at, 0x20), mulmod(mulmod(a, g, BN254_ORDER), d, BN254_ORDER))
            mstore(add(at, 0x40), mulmod(f, g, BN254_ORDER))
        }

        // 0, P, Q, P + Q; the first is the sum so far
        let sum := mload(0x40)
        mstore(0x40, add(sum, 0x180))
        mstore(sum, 0)
        mstore(add(sum, 0x20), 1)
        mstore(add(sum, 0x40), 1)
        mcopy(add(sum, 0x60), p, 0x40)
        mstore(add(sum, 0xa0), 1)
        mcopy(add(sum, 0xc0), q, 0x40)
        mstore(add(sum, 0x100), 1)
        mcopy(add(sum, 0x120), add(sum, 0x60), 0x60)
        plus(add(sum, 0x120), add(sum, 0xc0))
        for { let bit := 251 } bit {} {
            bit := sub(bit, 1)
            twice(sum)
            let chosen := or(and(shr(bit, u), 1), shl(1, and(shr(bit, v), 1)))
            if chosen { plus(sum, add(sum, mul(chosen, 0x60))) }
        }
        x := mload(sum)
        y := mload(add(sum, 0x20))
        z := mload(add(sum, 0x40))
    }
}
