// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDeliveries} from "./IDeliveries.sol";
import {IStandingBid} from "./IStandingBid.sol";
import {LotTerms} from "./LotTerms.sol";

/// The contract of encrypted openings, as a test tells it to answer.
contract MockDisclosures is IDeliveries {
    struct Delivery {
        uint8 places;
        bool isPublic;
    }

    mapping(address => uint256[2]) private _keys;
    mapping(uint256 => Delivery) public deliveredTo;

    function setKey(address who, uint256 x, uint256 y) external {
        _keys[who] = [x, y];
    }

    function deliver(uint256 lotId, uint8 places, bool isPublic) external {
        deliveredTo[lotId] = Delivery(places, isPublic);
    }

    function keyOf(address who) external view returns (uint256[2] memory) {
        return _keys[who];
    }
}

/// A fund that stands for one price, whatever the lot.
contract MockFund is IStandingBid {
    int256 public standing;

    function set(int256 standing_) external {
        standing = standing_;
    }

    /// What whoever runs it would have it do.
    function run(address target, bytes calldata data) external {
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function standingBid(LotTerms calldata) external view returns (int256) {
        return standing;
    }
}
