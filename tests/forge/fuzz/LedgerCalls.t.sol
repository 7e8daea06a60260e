// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {ILedger} from "../../../contracts/interfaces/ILedger.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";

/// @notice What the Ledger refuses, and what it says of what it did.
contract LedgerCallsTest is Fixture {
    bytes32 internal constant KEY = "key";
    address internal constant ANNA = address(0xA44A);
    address internal constant BORIS = address(0xB0415);

    function setUp() public override {
        super.setUp();
        ledger.deposit(accountOf(ANNA), 100);
        ledger.deposit(Accounts.sub(ANNA, KEY), 100);
    }

    // Refusals

    function test_nothing_is_credited_to_the_zero_account() external {
        bytes4 refusal = ILedger.ZeroAccount.selector;
        vm.expectRevert(refusal);
        ledger.deposit(0, 1);
        vm.expectRevert(refusal);
        ledger.depositBatch(credits(accountOf(BORIS), 1, 0, 1));
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.transfer(0, 1);
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.moveBatch(KEY, credits(accountOf(BORIS), 1, 0, 0));
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.withdraw(address(0), 1);
        vm.expectRevert(ILedger.WithdrawalToLedger.selector);
        vm.prank(ANNA);
        ledger.withdraw(address(ledger), 1);
    }

    function test_nobody_debits_more_than_is_there(uint256 amount) external {
        amount = between(amount, 101, type(uint128).max);
        bytes memory refusal = abi.encodeWithSelector(ILedger.InsufficientBalance.selector, accountOf(ANNA), 100, amount);
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.withdraw(BORIS, amount);
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.transfer(accountOf(BORIS), amount);
        refusal = abi.encodeWithSelector(ILedger.InsufficientBalance.selector, Accounts.sub(ANNA, KEY), 100, amount);
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.move(KEY, accountOf(BORIS), amount);
        vm.expectRevert(refusal);
        vm.prank(ANNA);
        ledger.moveBatch(KEY, credits(accountOf(BORIS), 1, accountOf(ANNA), amount - 1));
    }

    function test_nobody_spends_more_than_is_allowed() external {
        vm.prank(ANNA);
        ledger.allow(BORIS, 10);
        vm.expectRevert(abi.encodeWithSelector(ILedger.InsufficientAllowance.selector, ANNA, BORIS, 10, 11));
        vm.prank(BORIS);
        ledger.spend(ANNA, accountOf(BORIS), 11);
        vm.prank(BORIS);
        ledger.spend(ANNA, accountOf(BORIS), 10);
        equal("used up", ledger.spendable(ANNA, BORIS), 0);
    }

    function test_what_is_spendable_is_spent_or_nothing_is() external {
        vm.prank(ANNA);
        ledger.allow(BORIS, 130);
        equal("the balance", ledger.spendable(ANNA, BORIS), 100);
        vm.prank(BORIS);
        assert(!ledger.trySpend(ANNA, accountOf(BORIS), 101));
        vm.prank(BORIS);
        assert(ledger.trySpend(ANNA, accountOf(BORIS), 100));
        equal("Boris", ledger.balanceOf(accountOf(BORIS)), 100);
        ledger.deposit(accountOf(ANNA), 100);
        equal("the allowance", ledger.spendable(ANNA, BORIS), 30);
    }

    function test_signed_withdrawals_come_in_time_in_order_and_signed() external {
        address owner = vm.addr(7);
        ILedger.SignedWithdrawal memory item;
        (item.owner, item.to, item.deadline) = (owner, BORIS, block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.WithdrawalExpired.selector, owner, block.timestamp - 1));
        ledger.withdrawBySig(item);
        (item.deadline, item.nonce) = (block.timestamp, 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.WrongWithdrawalNonce.selector, owner, 0, 1));
        ledger.withdrawBySig(item);
        item.nonce = 0;
        vm.expectRevert(abi.encodeWithSelector(ILedger.InvalidWithdrawalSignature.selector, owner));
        ledger.withdrawBySig(item);
    }

    function test_a_batch_of_allowances_is_bounded_and_passes_over_what_is_not_signed() external {
        vm.expectRevert(abi.encodeWithSelector(ILedger.BatchTooLarge.selector, 31, 30));
        ledger.allowBySig(new ILedger.SignedAllowance[](31));
        ILedger.SignedAllowance[] memory items = new ILedger.SignedAllowance[](30);
        (items[0].owner, items[0].spender, items[0].amount, items[0].deadline) = (ANNA, BORIS, 5, block.timestamp);
        vm.expectEmit();
        emit ILedger.AllowanceSkipped(ANNA, BORIS, 0);
        ledger.allowBySig(items);
        equal("allowance", ledger.allowance(ANNA, BORIS), 0);
        equal("nonce", ledger.nonces(ANNA), 0);
    }

    function test_a_token_that_brings_less_than_stated_is_refused() external {
        vm.mockCall(address(token), abi.encodeWithSignature("transferFrom(address,address,uint256)"), abi.encode(true));
        vm.expectRevert(abi.encodeWithSelector(ILedger.DepositMismatch.selector, 5, 0));
        ledger.deposit(accountOf(ANNA), 5);
    }

    // Events

    function test_every_change_is_told() external {
        vm.expectEmit();
        emit ILedger.Deposited(accountOf(ANNA), address(this), 7);
        ledger.deposit(accountOf(ANNA), 7);
        vm.expectEmit();
        emit ILedger.Moved(accountOf(ANNA), accountOf(BORIS), 3);
        vm.prank(ANNA);
        ledger.transfer(accountOf(BORIS), 3);
        vm.expectEmit();
        emit ILedger.Withdrawn(accountOf(ANNA), BORIS, 2);
        vm.prank(ANNA);
        ledger.withdraw(BORIS, 2);
        vm.expectEmit();
        emit ILedger.Allowed(ANNA, BORIS, 9);
        vm.prank(ANNA);
        ledger.allow(BORIS, 9);
        ILedger.Credit[] memory both = credits(accountOf(ANNA), 1, accountOf(BORIS), 2);
        vm.expectEmit();
        emit ILedger.MovedBatch(Accounts.sub(ANNA, KEY), both);
        vm.prank(ANNA);
        ledger.moveBatch(KEY, both);
    }

    function test_a_permit_is_taken_and_one_that_was_used_does_no_harm() external {
        address owner = vm.addr(7);
        token.transfer(owner, 20);
        bytes32 typehash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 permit = keccak256(abi.encode(typehash, owner, address(ledger), 15, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(7, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit)));
        vm.prank(owner);
        ledger.depositWithPermit(accountOf(BORIS), 15, block.timestamp, v, r, s);
        equal("first", ledger.balanceOf(accountOf(BORIS)), 15);
        // The permit is used, but an approval stands.
        vm.prank(owner);
        token.approve(address(ledger), 5);
        vm.prank(owner);
        ledger.depositWithPermit(accountOf(BORIS), 5, block.timestamp, v, r, s);
        equal("second", ledger.balanceOf(accountOf(BORIS)), 20);
    }

    function test_names_of_accounts() external view {
        equal("user", uint256(ledger.accountOf(ANNA)), uint160(ANNA));
        equal("sub", uint256(ledger.subAccountOf(ANNA, KEY)), uint256(keccak256(abi.encode(ANNA, KEY))));
        equal("token", uint160(ledger.token()), uint160(address(token)));
    }

    function credits(bytes32 to, uint256 amount, bytes32 other, uint256 second) internal pure returns (ILedger.Credit[] memory both) {
        both = new ILedger.Credit[](2);
        (both[0], both[1]) = (ILedger.Credit(to, amount), ILedger.Credit(other, second));
    }
}
