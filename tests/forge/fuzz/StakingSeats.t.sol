// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Base, Fixture} from "../Base.sol";
import {LabelToken} from "../../../contracts/LabelToken.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {Staking} from "../../../contracts/Staking.sol";
import {IStaking} from "../../../contracts/interfaces/IStaking.sol";
import {Protocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice Plays the label registry: who contributed to a round is set at will.
contract ContributionsStub {
    mapping(uint256 round => mapping(address account => bool)) public contributedTo;

    function contribute(uint256 round, address account) external {
        contributedTo[round][account] = true;
    }
}

/// @notice Three validators who join, leave, are slashed, suspended and locked in any order, and what each has at stake.
contract StakingActor is Base {
    bytes32 public constant POOL = 0;
    uint256 public constant VALIDATORS = 3;
    uint256 public constant SEAT = 100 * LBL;
    uint64 public constant UNBONDING = 10 days;

    Staking public immutable STAKING;
    mapping(address validator => uint256) public stake;
    mapping(address validator => uint256) public locks;
    mapping(address validator => uint256[]) private _seats;
    mapping(address validator => uint256) public suspendedUntil;
    uint256 public slashed;

    constructor(LabelToken token_, Ledger ledger_, Staking staking) {
        (token, ledger, STAKING) = (token_, ledger_, staking);
        token.approve(address(ledger), type(uint256).max);
    }

    function join(uint256 who, uint256 count) external {
        address validator = validatorOf(who);
        if (_seats[validator].length > 12) return;
        count = between(count, 1, 4);
        ledger.deposit(accountOf(validator), count * SEAT);
        vm.prank(validator);
        ledger.allow(address(STAKING), count * SEAT);
        uint256 slots = STAKING.slotCount(POOL);
        vm.prank(validator);
        STAKING.join(POOL, count);
        uint256 found;
        for (uint256 i; i < STAKING.slotCount(POOL); ++i) {
            IStaking.Seat memory seat = STAKING.seatOf(POOL, i);
            if (seat.owner == validator && seat.activeFrom == block.number + 1 && !has(validator, i)) {
                _seats[validator].push(i);
                ++found;
            }
        }
        equal("seats joined", found, count);
        atMost("slots", STAKING.slotCount(POOL), slots + count);
        stake[validator] += count * SEAT;
    }

    function leave(uint256 who, uint256 index) external {
        address validator = validatorOf(who);
        (bool exists, uint256 seat) = pick(validator, index);
        if (!exists) return;
        bool isIn = STAKING.seatOf(POOL, seat).leftAt == 0;
        if (!isIn) vm.expectRevert(abi.encodeWithSelector(IStaking.SeatNotIn.selector, seat));
        vm.prank(validator);
        STAKING.leave(POOL, one(seat));
        if (isIn) equal("release", STAKING.releaseAtOf(POOL, seat), block.timestamp + UNBONDING);
    }

    function collect(uint256 who, uint256 index) external {
        address validator = validatorOf(who);
        (bool exists, uint256 seat) = pick(validator, index);
        if (!exists) return;
        IStaking.Seat memory s = STAKING.seatOf(POOL, seat);
        uint256 releaseAt = STAKING.releaseAtOf(POOL, seat);
        uint256 before = ledger.balanceOf(accountOf(validator));
        bool due = s.leftAt != 0 && block.timestamp >= releaseAt;
        if (locks[validator] != 0) {
            vm.expectRevert(abi.encodeWithSelector(IStaking.StakeLocked.selector, validator, locks[validator]));
        } else if (!due) {
            vm.expectRevert(abi.encodeWithSelector(IStaking.StillUnbonding.selector, seat, releaseAt));
        }
        vm.prank(validator);
        STAKING.collect(POOL, one(seat));
        if (locks[validator] != 0 || !due) return;
        uint256 amount = s.drained ? 0 : SEAT;
        equal("collected", ledger.balanceOf(accountOf(validator)) - before, amount);
        stake[validator] -= amount;
        forget(validator, index);
    }

    function collectLoose(uint256 who) external {
        address validator = validatorOf(who);
        uint256 loose = STAKING.looseOf(POOL, validator);
        uint256 before = ledger.balanceOf(accountOf(validator));
        bool seated = stake[validator] != loose;
        if (locks[validator] != 0) {
            vm.expectRevert(abi.encodeWithSelector(IStaking.StakeLocked.selector, validator, locks[validator]));
        } else if (seated) {
            vm.expectPartialRevert(IStaking.SeatNotIn.selector);
        }
        vm.prank(validator);
        STAKING.collectLoose(POOL);
        if (locks[validator] != 0 || seated) return;
        equal("loose collected", ledger.balanceOf(accountOf(validator)) - before, loose);
        stake[validator] -= loose;
    }

    function slash(uint256 who, uint256 amount, uint256 by) external {
        address validator = validatorOf(who);
        amount = between(amount, 0, 5 * SEAT / 2);
        uint256 before = ledger.balanceOf(accountOf(TREASURY));
        vm.prank(by % 3 == 0 ? SETTLEMENT : by % 3 == 1 ? AUDIT_BOARD : JURY);
        uint256 taken = STAKING.slash(POOL, validator, amount);
        equal("taken", taken, amount < stake[validator] ? amount : stake[validator]);
        equal("received", ledger.balanceOf(accountOf(TREASURY)) - before, taken);
        stake[validator] -= taken;
        slashed += taken;
    }

    function suspend(uint256 who) external {
        vm.prank(AUDIT_BOARD);
        STAKING.suspend(POOL, validatorOf(who));
        suspendedUntil[validatorOf(who)] = block.timestamp + UNBONDING;
    }

    function resume(uint256 who) external {
        address validator = validatorOf(who);
        uint256 until = suspendedUntil[validator];
        if (until == 0) vm.expectRevert(abi.encodeWithSelector(IStaking.NotSuspended.selector, validator));
        else if (block.timestamp < until) vm.expectRevert(abi.encodeWithSelector(IStaking.StillSuspended.selector, validator, until));
        vm.prank(validator);
        STAKING.resume(POOL);
        if (until != 0 && block.timestamp >= until) suspendedUntil[validator] = 0;
    }

    function lock(uint256 who) external {
        vm.prank(JURY);
        STAKING.lock(validatorOf(who));
        ++locks[validatorOf(who)];
    }

    function unlock(uint256 who) public {
        if (locks[validatorOf(who)] == 0) return;
        vm.prank(AUDIT_BOARD);
        STAKING.unlock(validatorOf(who));
        --locks[validatorOf(who)];
    }

    function pass(uint256 time) external {
        time = between(time, 1, UNBONDING);
        vm.roll(block.number + time);
        vm.warp(block.timestamp + time);
    }

    /// @notice From any state: unlocked, everything leaves and is paid in full.
    function everyoneLeaves() external {
        for (uint256 who; who < VALIDATORS; ++who) {
            address validator = validatorOf(who);
            while (locks[validator] != 0) unlock(who);
            for (uint256 i; i < _seats[validator].length; ++i) {
                if (STAKING.seatOf(POOL, _seats[validator][i]).leftAt != 0) continue;
                vm.prank(validator);
                STAKING.leave(POOL, one(_seats[validator][i]));
            }
        }
        vm.warp(block.timestamp + UNBONDING);
        for (uint256 who; who < VALIDATORS; ++who) {
            address validator = validatorOf(who);
            uint256 before = ledger.balanceOf(accountOf(validator));
            vm.prank(validator);
            STAKING.collect(POOL, _seats[validator]);
            vm.prank(validator);
            STAKING.collectLoose(POOL);
            equal("paid out", ledger.balanceOf(accountOf(validator)) - before, stake[validator]);
            stake[validator] = 0;
            delete _seats[validator];
        }
    }

    // The cast

    function validatorOf(uint256 index) public pure returns (address) {
        return address(uint160(0x5EA7ED00 + index % VALIDATORS));
    }

    function pick(address validator, uint256 index) internal view returns (bool exists, uint256 seat) {
        uint256 length = _seats[validator].length;
        return length == 0 ? (false, 0) : (true, _seats[validator][index % length]);
    }

    function has(address validator, uint256 seat) internal view returns (bool) {
        for (uint256 i; i < _seats[validator].length; ++i) {
            if (_seats[validator][i] == seat) return true;
        }
        return false;
    }

    function forget(address validator, uint256 index) internal {
        uint256[] storage seats = _seats[validator];
        seats[index % seats.length] = seats[seats.length - 1];
        seats.pop();
    }

    function one(uint256 seat) internal pure returns (uint256[] memory seats) {
        seats = new uint256[](1);
        seats[0] = seat;
    }
}

/// @notice Invariants 7 and 8: seats are backed in full, a slash takes in full what is there, nothing is ever stuck.
contract StakingSeatsTest is Fixture {
    StakingActor internal actor;
    Staking internal staking;

    function setUp() public override {
        super.setUp();
        (staking, actor) = _staking();
        token.transfer(address(actor), token.balanceOf(address(this)));
    }

    function _staking() internal returns (Staking staking_, StakingActor actor_) {
        Protocol memory protocol = protocolOfPlainAccounts();
        protocol.labelRegistry = address(new ContributionsStub());
        staking_ = new Staking(protocol, 100 * LBL, 10 days);
        actor_ = new StakingActor(token, ledger, staking_);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    function invariant_seats_and_loose_change_are_the_staked_balance() external view {
        uint256 sum;
        for (uint256 who; who < actor.VALIDATORS(); ++who) {
            address validator = actor.validatorOf(who);
            equal("stake", staking.stakeOf(0, validator), actor.stake(validator));
            equal("locks", staking.locksOf(validator), actor.locks(validator));
            atMost("loose", staking.looseOf(0, validator) + 1, actor.SEAT());
            sum += actor.stake(validator);
        }
        equal("staked balance", ledger.balanceOf(ledger.subAccountOf(address(staking), 0)), sum);
        equal("treasury", ledger.balanceOf(accountOf(TREASURY)), actor.slashed());
        _seatsAddUp();
    }

    function _seatsAddUp() internal view {
        (uint256 undrained, uint256 inPool, uint256 loose, uint256 ownersIn) = (0, 0, 0, 0);
        for (uint256 who; who < actor.VALIDATORS(); ++who) {
            address validator = actor.validatorOf(who);
            uint256 seatsIn;
            for (uint256 i; i < staking.slotCount(0); ++i) {
                IStaking.Seat memory seat = staking.seatOf(0, i);
                if (seat.owner != validator) continue;
                if (!seat.drained) ++undrained;
                if (seat.leftAt == 0) ++seatsIn;
            }
            loose += staking.looseOf(0, validator);
            if (actor.suspendedUntil(validator) != 0 || seatsIn == 0) continue;
            inPool += seatsIn;
            ++ownersIn;
        }
        equal("backing", undrained * actor.SEAT() + loose, ledger.balanceOf(ledger.subAccountOf(address(staking), 0)));
        (uint256 seats, uint256 owners) = staking.poolSize(0);
        equal("seats in the pool", seats, inPool);
        equal("owners in the pool", owners, ownersIn);
    }

    function afterInvariant() external {
        actor.everyoneLeaves();
        equal("left behind", ledger.balanceOf(ledger.subAccountOf(address(staking), 0)), 0);
    }
}
