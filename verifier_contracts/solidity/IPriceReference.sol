// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title An independent price on this chain, by the interface that price feeds commonly have (AggregatorV3Interface)
interface IPriceReference {
    /// @notice answer: the price in 10**-decimals quote units; updatedAt: since when, in seconds since 1970.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
