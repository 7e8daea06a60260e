// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {ContributionsStub} from "./StakingSeats.t.sol";
import {Staking} from "../../../contracts/Staking.sol";
import {IStaking} from "../../../contracts/interfaces/IStaking.sol";
import {OnlyProtocol, Protocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice Invariant 9: a draw depends only on what was true as of its block. And what else the Staking refuses.
contract StakingDrawTest is Fixture {
    bytes32 internal constant POOL = 0;
    uint256 internal constant SEAT = 100 * LBL;
    uint256 internal constant ROUND = 5;
    uint64 internal constant UNBONDING = 10 days;
    address internal constant ANNA = address(0xA44A);
    address internal constant BORIS = address(0xB0415);
    address internal constant CLARA = address(0xC1A4A);

    Staking internal staking;
    ContributionsStub internal contributions;

    function setUp() public override {
        super.setUp();
        contributions = new ContributionsStub();
        Protocol memory protocol = protocolOfPlainAccounts();
        protocol.labelRegistry = address(contributions);
        staking = new Staking(protocol, SEAT, UNBONDING);
        vm.roll(100);
        join(ANNA, 4);
        join(BORIS, 3);
        join(CLARA, 5);
        vm.roll(101);
    }

    // The draw

    function test_a_draw_takes_distinct_eligible_seats_and_names_their_owners(bytes32 seed, uint256 size) external view {
        size = between(size, 1, 12);
        (address[] memory owners, uint40[] memory seats) = draw(seed, 101, size, ROUND);
        equal("owners", owners.length, size);
        equal("seats", seats.length, size);
        for (uint256 i; i < size; ++i) {
            equal("owner", uint160(owners[i]), uint160(staking.seatOf(POOL, seats[i]).owner));
            for (uint256 j; j < i; ++j) {
                assert(seats[i] != seats[j]);
            }
        }
    }

    function test_a_draw_is_the_hash_of_its_seed_modulo_the_slots(bytes32 seed) external view {
        (, uint40[] memory seats) = draw(seed, 101, 2, ROUND);
        equal("first", seats[0], uint256(keccak256(abi.encode(seed, uint256(0)))) % 12);
        uint256 i = 1;
        while (uint256(keccak256(abi.encode(seed, i))) % 12 == seats[0]) ++i;
        equal("second", seats[1], uint256(keccak256(abi.encode(seed, i))) % 12);
    }

    function test_a_barred_seat_is_not_drawn(bytes32 seed, uint256 first, uint256 second) external view {
        uint40[] memory barred = new uint40[](2);
        (barred[0], barred[1]) = (uint40(between(first, 0, 11)), uint40(between(second, 0, 11)));
        (, uint40[] memory seats) = staking.draw(POOL, seed, 12, 101, 12, ROUND, barred);
        equal("seats", seats.length, barred[0] == barred[1] ? 11 : 10);
        for (uint256 i; i < seats.length; ++i) {
            assert(seats[i] != barred[0] && seats[i] != barred[1]);
        }
    }

    function test_nothing_done_after_asOf_changes_a_draw(bytes32 seed, uint256 action) external {
        bytes32 before = drawn(seed);
        vm.roll(102);
        if (action & 1 != 0) join(ANNA, 3);
        if (action & 2 != 0) leave(BORIS, 4);
        if (action & 4 != 0) slash(CLARA, 2 * SEAT);
        if (action & 8 != 0) suspend(ANNA);
        if (action & 16 != 0) slash(BORIS, 3 * SEAT);
        if (action & 32 != 0) join(BORIS, 2);
        if (action & 64 != 0) suspend(CLARA);
        if (action & 128 != 0) join(address(0xDA41), 64);
        equal("panel", uint256(drawn(seed)), uint256(before));
    }

    function test_a_seat_is_drawn_from_the_block_after_it_joined_on() external {
        join(address(0xDA41), 3);
        equal("without the new", drawnSeats(15, 101), 12);
        equal("with the new", drawnSeats(15, 102), 15);
    }

    function test_who_left_was_suspended_or_contributed_as_of_the_block_is_not_drawn() external {
        leave(ANNA, 0);
        equal("without Anna's first", drawnSeats(12, 101), 11);
        contributions.contribute(ROUND, BORIS);
        equal("without Boris", drawnSeats(12, 101), 8);
        suspend(CLARA);
        equal("without Clara", drawnSeats(12, 101), 3);
        equal("nor later", drawnSeats(12, 150), 3);
        (address[] memory owners,) = draw("seed", 101, 12, ROUND + 1);
        equal("Boris contributed to that round only", owners.length, 6);
        equal("nobody before they joined", drawnSeats(12, 100), 0);
    }

    function test_who_resumed_is_drawn_from_the_block_after_on() external {
        suspend(CLARA);
        vm.roll(110);
        vm.warp(block.timestamp + UNBONDING);
        vm.prank(CLARA);
        staking.resume(POOL);
        equal("in the block of it", drawnSeats(12, 110), 7);
        equal("after", drawnSeats(12, 111), 12);
    }

    function test_a_draw_among_no_slots_is_empty() external view {
        equal("seats", drawnSeats(0, 101), 0);
    }

    function test_a_draw_finds_a_lone_seat(bytes32 seed) external {
        contributions.contribute(ROUND, ANNA);
        contributions.contribute(ROUND, CLARA);
        leave(BORIS, 4);
        leave(BORIS, 5);
        (address[] memory owners,) = draw(seed, 102, 3, ROUND);
        equal("owners", owners.length, 1);
        equal("owner", uint160(owners[0]), uint160(BORIS));
    }

    // What is refused

    function test_counts_of_seats_are_bounded() external {
        vm.expectRevert(abi.encodeWithSelector(IStaking.InvalidCount.selector, 0));
        staking.join(POOL, 0);
        vm.expectRevert(abi.encodeWithSelector(IStaking.InvalidCount.selector, 65));
        staking.join(POOL, 65);
        uint256[] memory many = new uint256[](65);
        bytes memory refusal = abi.encodeWithSelector(IStaking.InvalidCount.selector, 65);
        vm.expectRevert(refusal);
        staking.leave(POOL, many);
        vm.expectRevert(refusal);
        staking.collect(POOL, many);
        join(address(0xDA41), 64);
        equal("stake", staking.stakeOf(POOL, address(0xDA41)), 64 * SEAT);
    }

    function test_a_seat_is_its_owners_alone() external {
        vm.expectRevert(abi.encodeWithSelector(IStaking.NotSeatOwner.selector, 0, BORIS));
        vm.prank(BORIS);
        staking.leave(POOL, one(0));
        vm.expectRevert(abi.encodeWithSelector(IStaking.NotSeatOwner.selector, 0, BORIS));
        vm.prank(BORIS);
        staking.collect(POOL, one(0));
    }

    function test_only_the_protocol_slashes_suspends_and_locks(address caller) external {
        vm.assume(caller != AUDIT_BOARD && caller != SETTLEMENT && caller != JURY);
        vm.expectRevert(abi.encodeWithSelector(OnlyProtocol.selector, caller, SETTLEMENT));
        vm.prank(caller);
        staking.slash(POOL, ANNA, 1);
        bytes memory refusal = abi.encodeWithSelector(OnlyProtocol.selector, caller, AUDIT_BOARD);
        vm.expectRevert(refusal);
        vm.prank(caller);
        staking.suspend(POOL, ANNA);
        vm.expectRevert(refusal);
        vm.prank(caller);
        staking.lock(ANNA);
        vm.expectRevert(refusal);
        vm.prank(caller);
        staking.unlock(ANNA);
    }

    function test_a_slot_that_was_collected_is_used_again() external {
        leave(ANNA, 2);
        vm.warp(block.timestamp + UNBONDING - 1);
        vm.expectRevert(abi.encodeWithSelector(IStaking.StillUnbonding.selector, 2, block.timestamp + 1));
        vm.prank(ANNA);
        staking.collect(POOL, one(2));
        vm.warp(block.timestamp + 1);
        vm.prank(ANNA);
        staking.collect(POOL, one(2));
        equal("nobody's", uint160(staking.seatOf(POOL, 2).owner), 0);
        equal("back", ledger.balanceOf(accountOf(ANNA)), SEAT);
        vm.roll(200);
        join(BORIS, 1);
        equal("slots", staking.slotCount(POOL), 12);
        IStaking.Seat memory seat = staking.seatOf(POOL, 2);
        equal("owner", uint160(seat.owner), uint160(BORIS));
        equal("activeFrom", seat.activeFrom, 201);
        equal("leftAt", seat.leftAt, 0);
    }

    function test_a_slash_breaks_the_newest_seat_and_keeps_the_change(uint256 amount) external {
        amount = between(amount, 1, SEAT);
        slash(ANNA, amount);
        assert(staking.seatOf(POOL, 3).drained && staking.seatOf(POOL, 3).leftAt == 101);
        assert(!staking.seatOf(POOL, 2).drained);
        equal("change", staking.looseOf(POOL, ANNA), SEAT - amount);
        (uint256 seats, uint256 owners) = staking.poolSize(POOL);
        equal("seats", seats, 11);
        equal("owners", owners, 3);
        slash(ANNA, SEAT - amount);
        assert(!staking.seatOf(POOL, 2).drained);
    }

    // What the tests do

    function join(address validator, uint256 count) internal {
        ledger.deposit(accountOf(validator), count * SEAT);
        vm.prank(validator);
        ledger.allow(address(staking), count * SEAT);
        vm.prank(validator);
        staking.join(POOL, count);
    }

    function leave(address validator, uint256 seat) internal {
        vm.prank(validator);
        staking.leave(POOL, one(seat));
    }

    function slash(address validator, uint256 amount) internal {
        vm.prank(AUDIT_BOARD);
        staking.slash(POOL, validator, amount);
    }

    function suspend(address validator) internal {
        vm.prank(AUDIT_BOARD);
        staking.suspend(POOL, validator);
    }

    function draw(bytes32 seed, uint256 asOf, uint256 size, uint256 round)
        internal
        view
        returns (address[] memory owners, uint40[] memory seats)
    {
        return staking.draw(POOL, seed, 12, asOf, size, round, new uint40[](0));
    }

    function drawn(bytes32 seed) internal view returns (bytes32) {
        (address[] memory owners, uint40[] memory seats) = draw(seed, 101, 7, ROUND);
        return keccak256(abi.encode(owners, seats));
    }

    /// @notice How many seats a draw of all gets.
    function drawnSeats(uint256 slots, uint256 asOf) internal view returns (uint256) {
        (, uint40[] memory seats) = staking.draw(POOL, "seed", slots, asOf, slots, ROUND, new uint40[](0));
        return seats.length;
    }

    function one(uint256 seat) internal pure returns (uint256[] memory seats) {
        seats = new uint256[](1);
        seats[0] = seat;
    }
}
