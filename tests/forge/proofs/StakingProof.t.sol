// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {Staking} from "../../../contracts/Staking.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";

/// @notice Seats of a validator who has three, under slashes of any size.
contract StakingProof is Fixture {
    bytes32 internal constant POOL = 0;
    uint256 internal constant SEAT = 100 * LBL;
    uint64 internal constant UNBONDING = 10 days;
    address internal constant ANNA = address(0xA44A);

    Staking internal staking;

    function setUp() public override {
        super.setUp();
        staking = new Staking(protocolOfPlainAccounts(), SEAT, UNBONDING);
        ledger.deposit(accountOf(ANNA), 3 * SEAT);
        vm.prank(ANNA);
        ledger.allow(address(staking), 3 * SEAT);
        vm.prank(ANNA);
        staking.join(POOL, 3);
    }

    function check_a_slash_takes_in_full_what_is_there(uint96 amount) external {
        uint256 taken = _slash(amount);
        assert(taken == (amount < 3 * SEAT ? amount : 3 * SEAT));
        assert(staking.stakeOf(POOL, ANNA) == 3 * SEAT - taken);
        assert(_staked() == 3 * SEAT - taken);
        assert(ledger.balanceOf(accountOf(TREASURY)) == taken);
    }

    function check_seats_that_are_left_are_backed_in_full(uint96 first, uint96 second) external {
        _slash(first);
        _slash(second);
        uint256 undrained;
        for (uint256 i; i < 3; ++i) {
            if (!staking.seatOf(POOL, i).drained) ++undrained;
        }
        assert(undrained * SEAT + staking.looseOf(POOL, ANNA) == _staked());
        assert(staking.looseOf(POOL, ANNA) < SEAT);
        (uint256 seats, uint256 owners) = staking.poolSize(POOL);
        assert(seats == undrained && owners == (undrained == 0 ? 0 : 1));
    }

    function check_a_slash_while_unbonding_bricks_nothing(uint96 amount) external {
        uint256[] memory all = _all();
        vm.prank(ANNA);
        staking.leave(POOL, all);
        uint256 taken = _slash(amount);
        vm.warp(block.timestamp + UNBONDING);
        vm.prank(ANNA);
        (bool collected,) = address(staking).call(abi.encodeCall(staking.collect, (POOL, all)));
        assert(collected);
        vm.prank(ANNA);
        (collected,) = address(staking).call(abi.encodeCall(staking.collectLoose, (POOL)));
        assert(collected);
        assert(ledger.balanceOf(accountOf(ANNA)) == 3 * SEAT - taken);
        assert(_staked() == 0);
    }

    function check_nothing_is_collected_before_its_time_or_under_a_lock(uint32 time, bool locked) external {
        uint256[] memory all = _all();
        vm.prank(ANNA);
        staking.leave(POOL, all);
        if (locked) {
            vm.prank(AUDIT_BOARD);
            staking.lock(ANNA);
        }
        vm.warp(block.timestamp + time);
        vm.prank(ANNA);
        (bool collected,) = address(staking).call(abi.encodeCall(staking.collect, (POOL, all)));
        assert(collected == (!locked && time >= UNBONDING));
    }

    function _slash(uint96 amount) internal returns (uint256) {
        vm.prank(SETTLEMENT);
        return staking.slash(POOL, ANNA, amount);
    }

    function _all() internal pure returns (uint256[] memory seats) {
        seats = new uint256[](3);
        (seats[1], seats[2]) = (1, 2);
    }

    function _staked() internal view returns (uint256) {
        return ledger.balanceOf(Accounts.sub(address(staking), POOL));
    }
}
