// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BN254_ORDER} from "./Bn254.sol";

/// @notice One element of a leaf, as a `leaf-field` proof shows it: a leaf of this kind and id is in the epoch, and its
///         element k is x. `place` is k + kind 2**16.
struct Field {
    uint256 id;
    uint256 place;
    uint256 x;
}

/// @notice How instrument leaves of an oracle's epochs are laid out: id, u, long, short, amax, then packed elements.
struct LeafLayout {
    /// P, values to a packed element.
    uint8 lanes;
    /// w, bits of a value in it; P w <= 253.
    uint8 width;
    /// Values, amax and rates are smaller than 2**valueBits in size (E2, E3).
    uint8 valueBits;
    /// S, or the nodes of a grid: values of a leaf.
    uint32 values;
    /// Underlyings that an epoch may have (E5).
    uint16 underlyings;
    /// Id of cash, whose marks are its own and no underlying's; 0 where epochs hold none.
    uint256 cashId;
}

/// @dev Tags of leaves (primitives/poseidon.py).
uint256 constant LEAF = 1;
uint256 constant ASSET = 7;
uint256 constant MARK = 12;

/// @dev Bits of an instrument's id (E1).
uint256 constant ID_BITS = 248;
/// @dev Bits of collateral factors (E8).
uint256 constant FACTOR_BITS = 80;
/// @dev Elements of an instrument's leaf.
uint256 constant UNDERLYING = 1;
uint256 constant AMAX = 4;
uint256 constant FIRST_PACKED = 5;
/// @dev Element of a mark's leaf: spot of the instrument's underlying, in 1e-6 quote units (E12).
uint256 constant SPOT = 4;
/// @dev Lanes of `EpochContent.marks`.
uint256 constant MARK_LANES = 4;

function kindOf(Field memory field) pure returns (uint256) {
    return field.place >> 16;
}

function elementOf(Field memory field) pure returns (uint256) {
    return field.place & 0xffff;
}

/// @dev Whether no true epoch holds this element: it is out of its bound (E2, E3, E4, E5, E8), or on a null leaf and
///      not 0 (E1, E8).
function breaksBound(Field memory field, LeafLayout memory form) pure returns (bool) {
    (uint256 kind, uint256 k, uint256 x) = (kindOf(field), elementOf(field), field.x);
    if (kind != LEAF && kind != ASSET) return false;
    if (field.id == 0 && k != 0) return x != 0;
    if (kind == ASSET) return k != 0 && x >> FACTOR_BITS != 0;
    if (k == 0) return x >> ID_BITS != 0;
    if (k == UNDERLYING) return x >= form.underlyings;
    if (k < FIRST_PACKED) return x >> form.valueBits != 0;
    return packsBeyond(x, k, (1 << form.valueBits) - 1, form);
}

/// @dev Whether two elements contradict each other: two leaves of one id (E1, E8), a value change above amax (E2), an
///      asset worth more than it costs (E8).
function contradict(Field memory a, Field memory b, LeafLayout memory form) pure returns (bool) {
    if (a.id != b.id || kindOf(a) != kindOf(b)) return false;
    (uint256 kind, uint256 j, uint256 k) = (kindOf(a), elementOf(a), elementOf(b));
    if (j == k) return a.x != b.x;
    if (kind == ASSET) return j == 1 && k == 2 && a.x > b.x;
    return kind == LEAF && j == AMAX && k >= FIRST_PACKED && packsBeyond(b.x, k, a.x, form);
}

/// @dev Whether a packed element holds a value above `bound` in size, or anything in a lane that is absent (E4).
///
///      The element is an integer between -r/2 and r/2, read as sum of d_p 2**(w p) with digits in [-2**(w-1), 2**(w-1)).
///      This reading is unique; an honest element's digits are its values, which are below 2**valueBits < 2**(w-1), and
///      nothing remains. So an honest one is never said to be false.
function packsBeyond(uint256 x, uint256 k, uint256 bound, LeafLayout memory form) pure returns (bool) {
    uint256 first = (k - FIRST_PACKED) * form.lanes;
    int256 rest = x > BN254_ORDER >> 1 ? int256(x) - int256(BN254_ORDER) : int256(x);
    uint256 width = form.width;
    for (uint256 p = 0; p < form.lanes; ++p) {
        int256 digit = rest & int256((1 << width) - 1);
        if (digit >> (width - 1) != 0) digit -= int256(1 << width);
        uint256 size = uint256(digit < 0 ? -digit : digit);
        if (size > (first + p < form.values ? bound : 0)) return true;
        rest = (rest - digit) >> width;
    }
    return rest != 0;
}

/// @dev Whether the signed marks are not those of the leaves: an instrument's mark says another spot than the content
///      does for the underlying that its leaf names.
/// @param mark       Element SPOT of a MARK leaf.
/// @param underlying Element UNDERLYING of the LEAF of the same id.
function contradictsMarks(Field memory mark, Field memory underlying, uint256 marks, LeafLayout memory form)
    pure
    returns (bool)
{
    if (kindOf(mark) != MARK || elementOf(mark) != SPOT || kindOf(underlying) != LEAF) return false;
    if (elementOf(underlying) != UNDERLYING || mark.id != underlying.id || mark.id == form.cashId) return false;
    return underlying.x < MARK_LANES && uint64(marks >> (64 * underlying.x)) != mark.x;
}
