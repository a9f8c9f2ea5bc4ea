// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Gains that may not leave before their time
/// @dev    The sum of all gains by the second from which they may leave.
library Gains {
    using Checkpoints for Checkpoints.Trace208;

    struct Trace {
        Checkpoints.Trace208 sums;
    }

    /// @dev No gain matures before an earlier one, even where the lag has become shorter.
    /// @return matures When the last of them may leave.
    function push(Trace storage gains, uint256 amount, uint48 maturesAt) internal returns (uint48 matures) {
        (, uint48 last, uint208 sum) = gains.sums.latestCheckpoint();
        matures = maturesAt > last ? maturesAt : last;
        gains.sums.push(matures, sum + uint96(amount));
    }

    function immature(Trace storage gains) internal view returns (uint256) {
        if (gains.sums.length() == 0) return 0;
        return gains.sums.latest() - gains.sums.upperLookupRecent(uint48(block.timestamp));
    }
}
