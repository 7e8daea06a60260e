// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ILedger} from "./interfaces/ILedger.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title Ledger
/// @notice All tokens of the protocol, as double entry.
contract Ledger is ILedger, EIP712 {
    using SafeERC20 for IERC20;

    /// @inheritdoc ILedger
    uint256 public constant MAX_BATCH = 30;
    /// @inheritdoc ILedger
    uint256 public constant MAX_CREDITS = 256;

    /// @inheritdoc ILedger
    address public immutable token;

    /// @inheritdoc ILedger
    mapping(bytes32 account => uint256) public balanceOf;
    /// @inheritdoc ILedger
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    /// @inheritdoc ILedger
    mapping(address owner => uint256) public nonces;
    /// @inheritdoc ILedger
    mapping(address owner => uint256) public withdrawalNonces;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        token = protocol.token;
    }

    // Tokens in and out

    /// @inheritdoc ILedger
    function deposit(bytes32 account, uint256 amount) public {
        _pull(amount);
        _deposit(account, amount);
    }

    /// @inheritdoc ILedger
    function depositBatch(Credit[] calldata credits) external {
        _pull(_sum(credits));
        for (uint256 i; i < credits.length; ++i) {
            _deposit(credits[i].account, credits[i].amount);
        }
    }

    /// @inheritdoc ILedger
    function depositWithPermit(bytes32 account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // A permit that someone else relayed first has given its approval already; the transfer below decides.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(account, amount);
    }

    /// @inheritdoc ILedger
    function withdraw(address to, uint256 amount) external {
        _withdraw(msg.sender, to, amount);
    }

    /// @inheritdoc ILedger
    function withdrawBySig(SignedWithdrawal calldata item) external {
        if (block.timestamp > item.deadline) revert WithdrawalExpired(item.owner, item.deadline);
        uint256 nonce = withdrawalNonces[item.owner];
        if (item.nonce != nonce) revert WrongWithdrawalNonce(item.owner, nonce, item.nonce);
        bytes32 digest = _hashTypedDataV4(Typed.withdrawal(item));
        if (!Signatures.isBy(item.owner, digest, item.signature)) revert InvalidWithdrawalSignature(item.owner);
        withdrawalNonces[item.owner] = nonce + 1;
        emit WithdrawalSigned(item.owner, msg.sender, nonce, item.fee);
        if (item.fee != 0) _move(accountOf(item.owner), accountOf(msg.sender), item.fee);
        _withdraw(item.owner, item.to, item.amount);
    }

    // A user's account

    /// @inheritdoc ILedger
    function transfer(bytes32 to, uint256 amount) external {
        _move(accountOf(msg.sender), to, amount);
    }

    /// @inheritdoc ILedger
    function allow(address spender, uint256 amount) external {
        _allow(msg.sender, spender, amount);
    }

    /// @inheritdoc ILedger
    function allowBySig(SignedAllowance[] calldata items) external {
        if (items.length > MAX_BATCH) revert BatchTooLarge(items.length, MAX_BATCH);
        for (uint256 i; i < items.length; ++i) {
            SignedAllowance calldata item = items[i];
            bool valid = block.timestamp <= item.deadline && item.nonce == nonces[item.owner]
                && Signatures.isBy(item.owner, _hashTypedDataV4(Typed.allowance(item)), item.signature);
            if (valid) {
                ++nonces[item.owner];
                _allow(item.owner, item.spender, item.amount);
                emit AllowanceSigned(item.owner, item.spender, item.nonce);
            } else {
                emit AllowanceSkipped(item.owner, item.spender, item.nonce);
            }
        }
    }

    /// @inheritdoc ILedger
    function spend(address owner, bytes32 to, uint256 amount) public {
        uint256 allowed = allowance[owner][msg.sender];
        if (allowed < amount) revert InsufficientAllowance(owner, msg.sender, allowed, amount);
        if (allowed != type(uint256).max) _allow(owner, msg.sender, allowed - amount);
        _move(accountOf(owner), to, amount);
    }

    /// @inheritdoc ILedger
    function trySpend(address owner, bytes32 to, uint256 amount) external returns (bool) {
        if (spendable(owner, msg.sender) < amount) return false;
        spend(owner, to, amount);
        return true;
    }

    // A contract's sub-accounts

    /// @inheritdoc ILedger
    function move(bytes32 key, bytes32 to, uint256 amount) external {
        _move(subAccountOf(msg.sender, key), to, amount);
    }

    /// @inheritdoc ILedger
    function moveBatch(bytes32 key, Credit[] calldata credits) external {
        bytes32 from = subAccountOf(msg.sender, key);
        _debit(from, _sum(credits));
        for (uint256 i; i < credits.length; ++i) {
            if (credits[i].account == bytes32(0)) revert ZeroAccount();
            if (credits[i].amount != 0) balanceOf[credits[i].account] += credits[i].amount;
        }
        emit MovedBatch(from, credits);
    }

    // Views

    /// @inheritdoc ILedger
    function spendable(address owner, address spender) public view returns (uint256) {
        uint256 allowed = allowance[owner][spender];
        uint256 balance = balanceOf[accountOf(owner)];
        return allowed < balance ? allowed : balance;
    }

    /// @inheritdoc ILedger
    function accountOf(address user) public pure returns (bytes32) {
        return Accounts.user(user);
    }

    /// @inheritdoc ILedger
    function subAccountOf(address owner, bytes32 key) public pure returns (bytes32) {
        return Accounts.sub(owner, key);
    }

    // Internals

    /// @dev Brings `amount` from the caller's wallet: exactly, or not at all.
    function _pull(uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert DepositMismatch(amount, received);
    }

    function _deposit(bytes32 account, uint256 amount) internal {
        if (account == bytes32(0)) revert ZeroAccount();
        balanceOf[account] += amount;
        emit Deposited(account, msg.sender, amount);
    }

    function _withdraw(address owner, address to, uint256 amount) internal {
        if (to == address(0)) revert ZeroAccount();
        if (to == address(this)) revert WithdrawalToLedger();
        bytes32 account = accountOf(owner);
        _debit(account, amount);
        emit Withdrawn(account, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    function _allow(address owner, address spender, uint256 amount) internal {
        allowance[owner][spender] = amount;
        emit Allowed(owner, spender, amount);
    }

    function _move(bytes32 from, bytes32 to, uint256 amount) internal {
        if (to == bytes32(0)) revert ZeroAccount();
        _debit(from, amount);
        balanceOf[to] += amount;
        emit Moved(from, to, amount);
    }

    function _debit(bytes32 account, uint256 amount) internal {
        uint256 balance = balanceOf[account];
        if (balance < amount) revert InsufficientBalance(account, balance, amount);
        unchecked {
            // Not below zero: compared just above.
            balanceOf[account] = balance - amount;
        }
    }

    function _sum(Credit[] calldata credits) internal pure returns (uint256 total) {
        if (credits.length > MAX_CREDITS) revert BatchTooLarge(credits.length, MAX_CREDITS);
        for (uint256 i; i < credits.length; ++i) {
            total += credits[i].amount;
        }
    }
}
