// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IFaucet} from "./interfaces/IFaucet.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {Accounts} from "./libraries/Accounts.sol";

/// @title Faucet
/// @notice Development chains only.
contract Faucet is IFaucet {
    using SafeERC20 for IERC20;

    /// @inheritdoc IFaucet
    uint256 public constant MAX_BATCH = 100;
    /// @inheritdoc IFaucet
    uint256 public immutable amount;
    IERC20 private immutable TOKEN;
    ILedger private immutable LEDGER;

    /// @inheritdoc IFaucet
    mapping(address to => bool) public served;

    constructor(address token, address ledger, uint256 amount_) {
        (TOKEN, LEDGER, amount) = (IERC20(token), ILedger(ledger), amount_);
        TOKEN.forceApprove(ledger, type(uint256).max);
    }

    /// @inheritdoc IFaucet
    function drip(address to, bool toLedger) external {
        if (served[to]) revert AlreadyServed(to);
        _serve(to, toLedger);
    }

    /// @inheritdoc IFaucet
    function dripMany(address[] calldata to) external {
        if (to.length > MAX_BATCH) revert BatchTooLarge(to.length, MAX_BATCH);
        for (uint256 i; i < to.length; ++i) {
            if (to[i] != address(0) && !served[to[i]]) _serve(to[i], true);
        }
    }

    function _serve(address to, bool toLedger) internal {
        served[to] = true;
        emit Served(to, amount, toLedger);
        if (toLedger) LEDGER.deposit(Accounts.user(to), amount);
        else TOKEN.safeTransfer(to, amount);
    }
}
