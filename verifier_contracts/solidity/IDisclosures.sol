// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Point} from "./BabyJubJub.sol";

/// @title What a liquidation asks of the escrow: that an opening reaches those who bid for it, and whether it has
interface IDisclosures {
    /// @notice Have an account's present opening delivered to keys, or to everybody (role: coordinator). A later order for
    ///         the same lot takes the place of an earlier one, and what was delivered under that counts no more.
    /// @param recipients At most five keys, each registered here; none: to everybody, the last resort.
    function orderDisclosure(uint256 lotId, address account, Point[] calldata recipients) external;

    /// @notice What has been delivered of a lot's last order.
    /// @return seats     Bit i: the opening is on chain, encrypted to recipient i.
    /// @return published Everybody can read it.
    function deliveredTo(uint256 lotId) external view returns (uint8 seats, bool published);
}
