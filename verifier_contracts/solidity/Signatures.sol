// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @dev Whether `signer` signed `digest`: an account with a key by ECDSA, a contract by ERC-1271.
///
///      An account whose key has delegated to code (EIP-7702) is asked for its key's signature, and the delegate for
///      nothing. The key outranks the delegate, which it can replace at any time; what a delegate calls valid may be a
///      session key's word, or anybody's, and changes with the delegation. So a consent signed before a delegation
///      stays good, and a careless delegate gives no consent. (No contract's code can begin like a delegation:
///      EIP-3541.)
///
///      The key is asked first, and code is looked for (2,600 gas) only where it did not sign. That is the same answer: an
///      address that has a key and code is a delegated account, for which the key decides; a key for the address of any
///      other contract would be a second preimage of 160 bits.
function isSignedBy(address signer, bytes32 digest, bytes calldata signature) view returns (bool) {
    (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
    if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
    if (signer.code.length != 0 && !_isDelegation(signer)) {
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }
    return false;
}

bytes32 constant DOMAIN_TYPEHASH =
    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

/// @dev The EIP-712 digest of a struct for a contract, of version 1, on this chain: where that has no room for
///      OpenZeppelin's EIP712, which also answers `eip712Domain` (EIP-5267). Nothing is cached, so that after a fork of the
///      chain it is the fork's.
function typedDigest(bytes32 nameHash, address verifying, bytes32 structHash) view returns (bytes32) {
    bytes32 domain =
        keccak256(abi.encode(DOMAIN_TYPEHASH, nameHash, keccak256("1"), block.chainid, verifying));
    return MessageHashUtils.toTypedDataHash(domain, structHash);
}

/// @dev Whether the code of an account is 0xef0100 and an address: 23 bytes.
function _isDelegation(address account) view returns (bool result) {
    assembly ("memory-safe") {
        if eq(extcodesize(account), 23) {
            mstore(0, 0)
            extcodecopy(account, 0, 0, 3)
            result := eq(shr(232, mload(0)), 0xef0100)
        }
    }
}
