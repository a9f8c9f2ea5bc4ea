// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {storeAsCode} from "./CodeStore.sol";
import {ISignerSets} from "./ISignerSets.sol";

/// @title Who publishes: generations of signers, M of N of which must agree
/// @notice Addresses of a set lie in code of their own, so that reading all of them costs little more than one. Signers
///         are keys: a contract's signature would run its code where every epoch passes.
abstract contract SignerSets is EIP712, ISignerSets {
    struct SignerSet {
        /// Code that holds the addresses.
        address pointer;
        uint8 quorum;
        uint8 size;
        /// Last second at which its signatures count.
        uint40 validUntil;
    }

    /// @notice Signers of a set; a bit each in `EpochFacts`.
    uint256 public constant MOST_SIGNERS = 16;
    /// @notice For so long the signatures of a replaced set still count: they may be on their way.
    uint40 public constant OVERLAP = 24 hours;

    /// @dev A byte of index, then r, s, v.
    uint256 private constant SIGNATURE = 66;
    /// @dev Half of secp256k1's order, rounded down (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @notice Newest set, counted from 1.
    uint16 public generation;
    mapping(uint16 generation => SignerSet) private _sets;
    /// @notice Newest set that a publisher is or was in; 0: none.
    mapping(address publisher => uint16) public lastGenerationOf;

    event SignersRotated(uint16 indexed generation, address[] signers, uint8 quorum);
    event SignersRevoked(uint16 indexed generation);

    /// @notice There is no set of this generation.
    error UnknownSet(uint16 generation);
    /// @notice The set was replaced more than a day ago, or revoked.
    error SetExpired(uint16 generation, uint256 validUntil);
    error QuorumNotMet(uint256 signatures, uint256 quorum);
    /// @notice Indices of signers rise strictly: so none signs twice.
    error SignerOrder(uint256 index);
    error UnknownSigner(uint256 index, uint256 size);
    /// @notice The signature is not that of the signer whose index it bears.
    error WrongSigner(uint256 index, address expected, address recovered);
    error HighSignature(uint256 index);
    /// @notice More than half of 1 to 16 signers must agree: any two quorums then share one.
    error BadQuorum(uint256 quorum, uint256 size);
    /// @notice Addresses of a new set rise strictly: so they differ, and none is 0.
    error SignersNotRising(address signer);
    error SetInForce(uint16 generation);
    /// @notice Generations have twelve bits in what is stored of an epoch.
    error SetsExhausted();

    /// @notice Signers of a set, in the order of their indices, how many must agree, and the last second at which they
    ///         count.
    function signersOf(uint16 generation_)
        external
        view
        returns (address[] memory signers, uint8 quorum, uint40 validUntil)
    {
        SignerSet memory set = _setOf(generation_);
        uint256 addresses = _addresses(set);
        signers = new address[](set.size);
        for (uint256 i = 0; i < set.size; ++i) {
            signers[i] = _addressAt(addresses, i);
        }
        return (signers, set.quorum, set.validUntil);
    }

    /// @dev Put another set in force; the one before counts for a day more.
    function _rotate(address[] memory signers, uint8 quorum) internal {
        uint256 size = signers.length;
        if (size > MOST_SIGNERS || quorum > size || 2 * uint256(quorum) <= size) revert BadQuorum(quorum, size);
        uint16 next = generation + 1;
        if (next >= 1 << 12) revert SetsExhausted();
        bytes memory blob;
        address last = address(0);
        for (uint256 i = 0; i < size; ++i) {
            if (signers[i] <= last) revert SignersNotRising(signers[i]);
            last = signers[i];
            lastGenerationOf[last] = next;
            blob = bytes.concat(blob, bytes20(last));
        }
        if (next > 1) _sets[next - 1].validUntil = uint40(block.timestamp) + OVERLAP;
        _sets[next] = SignerSet(storeAsCode(blob), quorum, uint8(size), type(uint40).max);
        generation = next;
        emit SignersRotated(next, signers, quorum);
    }

    /// @dev End a replaced set before its day is over: its keys are not in good hands.
    function _revoke(uint16 generation_) internal {
        if (generation_ == generation) revert SetInForce(generation_);
        SignerSet memory set = _setOf(generation_);
        if (block.timestamp > set.validUntil) revert SetExpired(generation_, set.validUntil);
        _sets[generation_].validUntil = uint40(block.timestamp) - 1;
        emit SignersRevoked(generation_);
    }

    /// @dev Who of a set signed a struct: reverts unless a quorum did. A bit for each signer's index.
    /// @param signatures 66 bytes each: index, r, s, v; low s only.
    function _requireQuorum(uint16 generation_, bytes32 structHash, bytes calldata signatures)
        internal
        view
        returns (uint16 signed)
    {
        SignerSet memory set = _setOf(generation_);
        if (block.timestamp > set.validUntil) revert SetExpired(generation_, set.validUntil);
        uint256 given = signatures.length / SIGNATURE;
        if (given < set.quorum || given * SIGNATURE != signatures.length) revert QuorumNotMet(given, set.quorum);
        bytes32 digest = _hashTypedDataV4(structHash);
        uint256 addresses = _addresses(set);
        for (uint256 i = 0; i < given; ++i) {
            (uint256 index, bytes32 r, bytes32 s, uint8 v) = _signatureAt(signatures, i);
            if (signed >> index != 0) revert SignerOrder(index);
            if (index >= set.size) revert UnknownSigner(index, set.size);
            // s and n - s verify alike: only the low one is taken, as by every library.
            if (uint256(s) > HALF_ORDER) revert HighSignature(index);
            address recovered = ecrecover(digest, v, r, s);
            address expected = _addressAt(addresses, index);
            if (recovered != expected) revert WrongSigner(index, expected, recovered);
            signed |= uint16(1 << index);
        }
    }

    function requireQuorum(uint16 generation_, bytes32 structHash, bytes calldata signatures)
        external
        view
        returns (uint16)
    {
        return _requireQuorum(generation_, structHash, signatures);
    }

    function signedDigestOf(bytes32 structHash) external view returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }

    function countsUntil(address publisher) external view returns (uint40) {
        uint16 last = lastGenerationOf[publisher];
        return last == 0 ? 0 : _sets[last].validUntil;
    }

    /// @dev Addresses of those whose bits are set.
    function _namesOf(uint16 generation_, uint16 signed) internal view returns (address[] memory names) {
        SignerSet memory set = _setOf(generation_);
        uint256 addresses = _addresses(set);
        names = new address[](set.size);
        uint256 found = 0;
        for (uint256 i = 0; i < set.size; ++i) {
            if (signed >> i & 1 != 0) names[found++] = _addressAt(addresses, i);
        }
        assembly ("memory-safe") {
            mstore(names, found)
        }
    }

    function _setOf(uint16 generation_) private view returns (SignerSet memory set) {
        set = _sets[generation_];
        if (set.pointer == address(0)) revert UnknownSet(generation_);
    }

    /// @dev Place in memory of a set's addresses, 20 bytes each.
    function _addresses(SignerSet memory set) private view returns (uint256 place) {
        address pointer = set.pointer;
        uint256 length = 20 * uint256(set.size);
        assembly ("memory-safe") {
            place := mload(0x40)
            mstore(0x40, add(place, and(add(length, 63), not(31))))
            extcodecopy(pointer, place, 1, length)
        }
    }

    /// @dev The caller has seen that there are so many.
    function _signatureAt(bytes calldata signatures, uint256 i)
        private
        pure
        returns (uint256 index, bytes32 r, bytes32 s, uint8 v)
    {
        assembly ("memory-safe") {
            let place := add(signatures.offset, mul(66, i))
            index := byte(0, calldataload(place))
            r := calldataload(add(place, 1))
            s := calldataload(add(place, 33))
            v := byte(0, calldataload(add(place, 65)))
        }
    }

    function _addressAt(uint256 place, uint256 index) private pure returns (address signer) {
        assembly ("memory-safe") {
            signer := shr(96, mload(add(place, mul(20, index))))
        }
    }
}
