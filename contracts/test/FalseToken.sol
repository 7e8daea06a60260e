// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that, once told to, returns false instead of moving anything or reverting.
contract FalseToken is ERC20 {
    bool public broken;

    constructor() ERC20("False", "FALSE") {
        _mint(msg.sender, 1_000_000e18);
    }

    function breakDown() external {
        broken = true;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return !broken && super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return !broken && super.transferFrom(from, to, value);
    }
}
