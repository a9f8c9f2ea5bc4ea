// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title The one AccessManager that says who may call what; role ids are in Roles.sol
contract Authority is AccessManager {
    constructor(address admin) AccessManager(admin) {}
}
