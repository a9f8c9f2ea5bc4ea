// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What an auction asks of the contract that keeps encrypted openings
interface IDeliveries {
    /// @notice Public key that openings for `who` are encrypted to, with its possession proven; zeros if there is none.
    function keyOf(address who) external view returns (uint256[2] memory);

    /// @notice Who got the opening of a lot, by a proof that was posted: bit i is for place i of the shortlist.
    function deliveredTo(uint256 lotId) external view returns (uint8 places, bool isPublic);
}
