// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarginManager} from "./IMarginManager.sol";

/// @notice A public key that openings are encrypted to: a point of BabyJubJub.
struct EncryptionKey {
    uint256 x;
    uint256 y;
}

/// @notice Nothing is kept for the commitment that stands.
error NothingEscrowed(address account, uint256 commitment);

/// @title What liquidation asks of escrow: that openings stay readable, and who may read them now
interface IEscrow {
    /// @notice Encrypted words of an opening, the digest of all that they are tied to, and the proof that they are of it.
    struct Posting {
        uint256 digest;
        uint256[] words;
        uint256[8] proof;
    }

    /// @notice Post the encrypted opening of an account's present commitment (anyone); reverts unless the proof holds.
    /// @param version Of the account now.
    function postEscrow(
        address account,
        uint40 version,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external;

    /// @notice What was posted last for a commitment of an account; 0 if nothing was (R25: whatever its version).
    function postedOf(address account, uint256 commitment) external view returns (bytes32);

    /// @notice Have an account's present opening delivered to at most five keys, or, with none, to everybody (role:
    ///         coordinator). A later order takes the place of an earlier one.
    function orderDisclosure(uint256 lotId, address account, EncryptionKey[] calldata recipients) external;

    /// @notice What was delivered of a lot's last order: bit i to recipient i, or to everybody.
    function deliveredTo(uint256 lotId) external view returns (uint8 seats, bool published);
}

/// @dev Whoever moves somebody's commitment without her leaves it readable for those who may have to close it (R2).
function escrowed(
    IEscrow escrow,
    IMarginManager manager,
    address account,
    uint40 version,
    IEscrow.Posting calldata posting
) {
    escrow.postEscrow(account, version, posting.digest, posting.words, posting.proof);
    uint256 commitment = manager.commitmentOf(account);
    if (escrow.postedOf(account, commitment) == 0) revert NothingEscrowed(account, commitment);
}
