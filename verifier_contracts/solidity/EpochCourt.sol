// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Equivocation} from "./Equivocation.sol";
import {IJudgedOracle} from "./IJudgedOracle.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {LeafChallenges} from "./LeafChallenges.sol";
import {LeafDemands} from "./LeafDemands.sol";
import {LeafLayout} from "./LeafJudge.sol";
import {PublisherStakes} from "./PublisherStakes.sol";

/// @title Court of epochs: false leaves, missing leaves, double signatures; stakes and rewards
/// @notice It serves one oracle, which names it once. It has no roles.
contract EpochCourt is LeafDemands, Equivocation {
    constructor(IJudgedOracle oracle_, IVerifierRegistry verifiers_, LeafLayout memory form, uint256 stakeRequired_)
        PublisherStakes(oracle_, stakeRequired_)
        LeafChallenges(verifiers_, form)
    {}
}
