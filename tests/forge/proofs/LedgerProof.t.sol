// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {ILedger} from "../../../contracts/interfaces/ILedger.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";

/// @notice For all amounts and accounts at once: conservation, and who may debit whom.
contract LedgerProof is Fixture {
    bytes32 internal constant KEY = "key";

    /// @dev Two accounts that may be one, with any balances.
    function _given(bytes32 from, bytes32 to, uint96 held, uint96 other) internal returns (uint256 sum) {
        vm.assume(from != 0 && to != 0);
        ledger.deposit(from, held);
        ledger.deposit(to, other);
        return _sum(from, to);
    }

    function _sum(bytes32 a, bytes32 b) internal view returns (uint256) {
        return a == b ? ledger.balanceOf(a) : ledger.balanceOf(a) + ledger.balanceOf(b);
    }

    function check_a_transfer_conserves(address owner, bytes32 to, uint96 held, uint96 other, uint256 amount) external {
        bytes32 from = accountOf(owner);
        uint256 sum = _given(from, to, held, other);
        uint256 before = ledger.balanceOf(from);
        vm.prank(owner);
        ledger.transfer(to, amount);
        assert(_sum(from, to) == sum);
        assert(from == to || ledger.balanceOf(from) == before - amount);
        assert(token.balanceOf(address(ledger)) == uint256(held) + other);
    }

    function check_a_move_conserves(address owner, bytes32 to, uint96 held, uint96 other, uint256 amount) external {
        bytes32 from = Accounts.sub(owner, KEY);
        uint256 sum = _given(from, to, held, other);
        uint256 before = ledger.balanceOf(from);
        vm.prank(owner);
        ledger.move(KEY, to, amount);
        assert(_sum(from, to) == sum);
        assert(from == to || ledger.balanceOf(from) == before - amount);
    }

    function check_a_batch_of_moves_conserves(address owner, bytes32 to, uint96 held, uint128 first, uint128 second) external {
        bytes32 from = Accounts.sub(owner, KEY);
        vm.assume(to != 0);
        ledger.deposit(from, held);
        ILedger.Credit[] memory credits = new ILedger.Credit[](2);
        (credits[0], credits[1]) = (ILedger.Credit(to, first), ILedger.Credit(accountOf(TREASURY), second));
        vm.prank(owner);
        ledger.moveBatch(KEY, credits);
        uint256 sum = ledger.balanceOf(from) + (to == from ? 0 : ledger.balanceOf(to));
        if (to != accountOf(TREASURY) && from != accountOf(TREASURY)) sum += ledger.balanceOf(accountOf(TREASURY));
        assert(sum == held);
    }

    function check_spending_stays_inside_the_allowance(address owner, address spender, uint96 held, uint256 allowed, uint256 amount)
        external
    {
        bytes32 from = accountOf(owner);
        vm.assume(owner != address(0) && owner != TREASURY);
        ledger.deposit(from, held);
        vm.prank(owner);
        ledger.allow(spender, allowed);
        vm.prank(spender);
        ledger.spend(owner, accountOf(TREASURY), amount);
        assert(amount <= allowed && amount <= held);
        assert(ledger.balanceOf(from) == held - amount && ledger.balanceOf(accountOf(TREASURY)) == amount);
        uint256 left = ledger.allowance(owner, spender);
        assert(allowed == type(uint256).max ? left == allowed : left == allowed - amount);
    }

    function check_a_withdrawal_takes_as_much_from_the_account_as_from_the_tokens(address owner, address to, uint96 held, uint256 amount)
        external
    {
        vm.assume(owner != address(0) && to != address(this));
        ledger.deposit(accountOf(owner), held);
        uint256 before = token.balanceOf(to);
        vm.prank(owner);
        ledger.withdraw(to, amount);
        assert(ledger.balanceOf(accountOf(owner)) == held - amount);
        assert(token.balanceOf(address(ledger)) == held - amount);
        assert(token.balanceOf(to) == before + amount);
    }

    function check_what_others_do_never_lowers_an_account(address owner, address other, bytes32 to, uint96 held, uint256 amount, uint8 way)
        external
    {
        vm.assume(other != owner && owner != address(0) && other != address(0) && other != address(this));
        bytes32 account = accountOf(owner);
        // No hash is an address, but for one in 2^96.
        vm.assume(uint256(Accounts.sub(other, KEY)) > type(uint160).max);
        ledger.deposit(account, held);
        ledger.deposit(accountOf(other), 5 * LBL);
        ledger.deposit(Accounts.sub(other, KEY), 5 * LBL);
        vm.prank(other);
        if (way == 0) ledger.transfer(to, amount);
        else if (way == 1) ledger.move(KEY, to, amount);
        else if (way == 2) ledger.spend(owner, to, amount == 0 ? 1 : amount);
        else if (way == 3) ledger.allow(owner, amount);
        else ledger.withdraw(TREASURY, amount);
        assert(ledger.balanceOf(account) >= held);
    }
}
