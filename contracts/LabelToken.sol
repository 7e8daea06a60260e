// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title LabelToken
/// @notice LBL, the protocol's token: ERC-20 with EIP-2612 permit and a fixed cap minted once. No owner, no mint, no pause.
contract LabelToken is ERC20, ERC20Permit {
    /// @notice All LBL there will ever be, in base units (18 decimals).
    uint256 public constant CAP = 1_000_000_000e18;

    constructor(address treasury) ERC20("Labelshare", "LBL") ERC20Permit("Labelshare") {
        _mint(treasury, CAP);
    }
}
