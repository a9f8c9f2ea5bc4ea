// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {EpochContent, contentDigest} from "./EpochContent.sol";
import {PublisherStakes} from "./PublisherStakes.sol";

/// @title Publishers who sign two epochs where there is room for one
/// @notice Two contents with the same `previous`, the later's id not after the earlier's deadline: while the earlier
///         could still be published, whoever signed it must sign no other. After the deadline it is dead, and a round
///         that a leader has withheld can be signed anew without fear.
///
///         Signatures that show it can be copied by anyone who sees them. So evidence is committed to first, in an
///         earlier block, by whoever will be rewarded.
abstract contract Equivocation is PublisherStakes {
    mapping(bytes32 commitment => uint256) private _committedAt;
    mapping(bytes32 key => bool) private _shown;

    event Equivocated(address indexed publisher, bytes32 indexed previous);

    error AlreadyCommitted(bytes32 commitment);
    /// @notice There is no such commitment in an earlier block.
    error NotCommitted(bytes32 commitment);
    error NoEquivocation();
    error DifferentSigners(address one, address other);
    error AlreadyShown(address publisher, bytes32 previous);

    /// @param commitment keccak256(abi.encode(sender, digest of the earlier content, of the later, salt)).
    function commitEvidence(bytes32 commitment) external {
        if (_committedAt[commitment] != 0) revert AlreadyCommitted(commitment);
        _committedAt[commitment] = block.number;
    }

    /// @notice Slash a publisher who signed both; once for each `previous`. A tenth is the sender's.
    /// @param signatures Of the earlier, and of the later: r, s, v each, low s only.
    function slashEquivocation(
        EpochContent calldata earlier,
        EpochContent calldata later,
        bytes[2] calldata signatures,
        bytes32 salt
    ) external {
        (bytes32 one, bytes32 other) = (contentDigest(earlier), contentDigest(later));
        bytes32 commitment = keccak256(abi.encode(msg.sender, one, other, salt));
        uint256 committed = _committedAt[commitment];
        if (committed == 0 || committed >= block.number) revert NotCommitted(commitment);
        if (
            one == other || earlier.previous != later.previous || earlier.id > later.id
                || later.id > earlier.deadline
        ) revert NoEquivocation();
        address publisher = ECDSA.recover(oracle.signedDigestOf(one), signatures[0]);
        address second = ECDSA.recover(oracle.signedDigestOf(other), signatures[1]);
        if (publisher != second) revert DifferentSigners(publisher, second);
        bytes32 key = keccak256(abi.encode(publisher, earlier.previous));
        if (_shown[key]) revert AlreadyShown(publisher, earlier.previous);
        _shown[key] = true;
        uint256 slashed = _slash(publisher);
        _reward(msg.sender, slashed / 10, slashed);
        emit Equivocated(publisher, earlier.previous);
    }
}
