// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPriceReference} from "./IPriceReference.sol";

/// @notice A price that anybody sets, or that fails: with a word, or without one.
contract MockReference is IPriceReference {
    enum Mood {
        Fine,
        Complains,
        Silent,
        Long
    }

    int256 private _answer;
    uint256 private _updatedAt;
    Mood private _mood;

    function set(int256 answer, uint256 updatedAt, Mood mood) external {
        (_answer, _updatedAt, _mood) = (answer, updatedAt, mood);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(_mood != Mood.Complains, "no data");
        if (_mood == Mood.Silent) {
            assembly {
                revert(0, 0)
            }
        }
        if (_mood == Mood.Long) {
            assembly {
                return(0, 1000)
            }
        }
        return (1, _answer, _updatedAt, _updatedAt, 1);
    }
}
