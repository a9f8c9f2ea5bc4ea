// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A quote asset for trials, worth nothing: anybody mints
contract TrialToken is ERC20 {
    constructor() ERC20("Tailproof trial token, worth nothing", "TRIAL") {}

    /// @notice As margins have them: a smallest unit is 1e-6.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
