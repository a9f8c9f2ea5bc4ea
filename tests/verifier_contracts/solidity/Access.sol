// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @notice OpenZeppelin's, under a name of its own.
contract Access is AccessManager {
    constructor(address admin) AccessManager(admin) {}
}
