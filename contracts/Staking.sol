// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ICredentials} from "./interfaces/ICredentials.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";

/// @title Staking
/// @notice Seats, unbonding, slashing, and the draw.
/// @dev A slash breaks whole seats of the validator, the newest first, into `loose` change and takes from that, so that the seats
/// that are left are always backed in full. A drained seat keeps its owner until its slot is collected: pending draws, which see
/// the pool as of an earlier block, do not change.
contract Staking is IStaking {
    bytes32 private constant OPEN_POOL = bytes32(0);
    uint256 private constant MAX_TRIES = 1_024;
    uint256 private constant TRIES_PER_SLOT = 16;
    uint256 private constant LEAST_TRIES = 64;
    /// @inheritdoc IStaking
    uint256 public constant MAX_SEATS = 64;
    /// @inheritdoc IStaking
    uint256 public constant MAX_BROKEN = 16;

    /// @inheritdoc IStaking
    uint256 public immutable seatSize;
    /// @inheritdoc IStaking
    uint64 public immutable unbondingPeriod;
    ILedger private immutable LEDGER;
    ILabelRegistry private immutable LABEL_REGISTRY;
    ICredentials private immutable CREDENTIALS;
    address private immutable AUDIT_BOARD;
    address private immutable JURY;
    address private immutable SETTLEMENT;
    bytes32 private immutable TREASURY_ACCOUNT;

    /// @dev `eligibleFrom`: the first block, after the last suspension, as of which they can be drawn again.
    struct Validator {
        uint96 loose;
        uint32 seatsIn;
        uint40 suspendedFrom;
        uint40 suspendedUntil;
        uint40 eligibleFrom;
    }

    struct Pool {
        Seat[] seats;
        uint256[] free;
        uint128 seatsIn;
        uint128 owners;
    }

    mapping(bytes32 pool => Pool) private _pools;
    mapping(bytes32 pool => mapping(address validator => Validator)) private _validators;
    /// @dev Undrained seats of a validator, in or unbonding, and where each stands in that list.
    mapping(bytes32 pool => mapping(address validator => uint256[])) private _backing;
    mapping(bytes32 pool => mapping(uint256 seat => uint256)) private _backingIndex;
    /// @inheritdoc IStaking
    mapping(bytes32 pool => mapping(uint256 seat => uint64)) public releaseAtOf;
    /// @inheritdoc IStaking
    mapping(address validator => uint256) public locksOf;

    constructor(Protocol memory protocol, uint256 seatSize_, uint64 unbondingPeriod_) {
        (seatSize, unbondingPeriod) = (seatSize_, unbondingPeriod_);
        LEDGER = ILedger(protocol.ledger);
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        CREDENTIALS = ICredentials(protocol.credentials);
        AUDIT_BOARD = protocol.auditBoard;
        JURY = protocol.jury;
        SETTLEMENT = protocol.settlement;
        TREASURY_ACCOUNT = bytes32(uint256(uint160(protocol.treasury)));
    }

    modifier onlySortition() {
        if (msg.sender != AUDIT_BOARD && msg.sender != JURY) revert OnlyProtocol(msg.sender, AUDIT_BOARD);
        _;
    }

    // Seats

    /// @inheritdoc IStaking
    function join(bytes32 pool, uint256 count) external {
        if (pool != OPEN_POOL && !CREDENTIALS.isHeld(pool, msg.sender)) revert CredentialMissing(pool, msg.sender);
        if (count == 0) revert InvalidCount(count);
        _requireFew(count);
        Pool storage p = _pools[pool];
        uint40 activeFrom = uint40(block.number + 1);
        for (uint256 i; i < count; ++i) {
            uint256 seat = _takeSlot(p);
            p.seats[seat] = Seat({owner: msg.sender, activeFrom: activeFrom, leftAt: 0, drained: false});
            _backingIndex[pool][seat] = _backing[pool][msg.sender].length;
            _backing[pool][msg.sender].push(seat);
            emit SeatJoined(pool, seat, msg.sender, activeFrom);
        }
        _countIn(pool, msg.sender, count);
        LEDGER.spend(msg.sender, LEDGER.subAccountOf(address(this), pool), count * seatSize);
    }

    /// @inheritdoc IStaking
    function leave(bytes32 pool, uint256[] calldata seats) external {
        _leaveAll(pool, msg.sender, seats);
    }

    /// @inheritdoc IStaking
    function expel(bytes32 pool, address validator, uint256[] calldata seats) external {
        if (pool == OPEN_POOL || CREDENTIALS.isHeld(pool, validator)) revert CredentialHeld(pool, validator);
        emit Expelled(pool, validator, seats);
        _leaveAll(pool, validator, seats);
    }

    /// @inheritdoc IStaking
    function collect(bytes32 pool, uint256[] calldata seats) external {
        if (locksOf[msg.sender] != 0) revert StakeLocked(msg.sender, locksOf[msg.sender]);
        _requireFew(seats.length);
        uint256 total;
        for (uint256 i; i < seats.length; ++i) {
            Seat storage seat = _seatOfOwner(pool, seats[i], msg.sender);
            uint256 releaseAt = releaseAtOf[pool][seats[i]];
            if (seat.leftAt == 0 || block.timestamp < releaseAt) revert StillUnbonding(seats[i], releaseAt);
            uint256 amount = seat.drained ? 0 : seatSize;
            if (!seat.drained) _removeBacking(pool, msg.sender, seats[i]);
            seat.owner = address(0);
            _pools[pool].free.push(seats[i]);
            total += amount;
            emit SeatCollected(pool, seats[i], msg.sender, amount);
        }
        if (total != 0) LEDGER.move(pool, LEDGER.accountOf(msg.sender), total);
    }

    /// @inheritdoc IStaking
    function collectLoose(bytes32 pool) external {
        if (locksOf[msg.sender] != 0) revert StakeLocked(msg.sender, locksOf[msg.sender]);
        if (_backing[pool][msg.sender].length != 0) revert SeatNotIn(_backing[pool][msg.sender][0]);
        uint256 amount = _validators[pool][msg.sender].loose;
        _validators[pool][msg.sender].loose = 0;
        emit LooseCollected(pool, msg.sender, amount);
        if (amount != 0) LEDGER.move(pool, LEDGER.accountOf(msg.sender), amount);
    }

    /// @inheritdoc IStaking
    function resume(bytes32 pool) external {
        Validator storage v = _validators[pool][msg.sender];
        if (v.suspendedFrom == 0) revert NotSuspended(msg.sender);
        if (block.timestamp < v.suspendedUntil) revert StillSuspended(msg.sender, v.suspendedUntil);
        (v.suspendedFrom, v.suspendedUntil, v.eligibleFrom) = (0, 0, uint40(block.number + 1));
        if (v.seatsIn != 0) _addToPool(pool, v.seatsIn, 1);
        emit Resumed(pool, msg.sender);
    }

    // Penalties and locks

    /// @inheritdoc IStaking
    function slash(bytes32 pool, address validator, uint256 amount) external returns (uint256 taken) {
        if (msg.sender != AUDIT_BOARD && msg.sender != JURY && msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        Validator storage v = _validators[pool][validator];
        uint256[] storage backing = _backing[pool][validator];
        for (uint256 broken; v.loose < amount && backing.length != 0 && broken < MAX_BROKEN; ++broken) {
            uint256 index = backing[backing.length - 1];
            Seat storage seat = _pools[pool].seats[index];
            if (seat.leftAt == 0) _leave(pool, index, seat);
            seat.drained = true;
            backing.pop();
            v.loose += uint96(seatSize);
            emit SeatLeft(pool, index, validator, releaseAtOf[pool][index], true);
        }
        taken = amount < v.loose ? amount : v.loose;
        v.loose -= uint96(taken);
        emit Slashed(pool, validator, taken, amount);
        if (taken != 0) LEDGER.move(pool, TREASURY_ACCOUNT, taken);
    }

    /// @inheritdoc IStaking
    function suspend(bytes32 pool, address validator) external onlySortition {
        Validator storage v = _validators[pool][validator];
        if (v.suspendedFrom == 0) {
            v.suspendedFrom = uint40(block.number);
            if (v.seatsIn != 0) _removeFromPool(pool, v.seatsIn, 1);
        }
        v.suspendedUntil = uint40(block.timestamp + unbondingPeriod);
        emit Suspended(pool, validator, v.suspendedUntil);
    }

    /// @inheritdoc IStaking
    function lock(address validator) external onlySortition {
        emit LocksChanged(validator, ++locksOf[validator]);
    }

    /// @inheritdoc IStaking
    function unlock(address validator) external onlySortition {
        emit LocksChanged(validator, --locksOf[validator]);
    }

    // The draw

    /// @inheritdoc IStaking
    function draw(
        bytes32 pool,
        bytes32 seed,
        uint256 slots,
        uint256 asOf,
        uint256 size,
        uint256 round,
        uint40[] calldata barred
    ) external view returns (address[] memory owners, uint40[] memory seats) {
        (owners, seats) = (new address[](size), new uint40[](size));
        uint256 picked;
        // In a small pool this hits every seat; where fewer are eligible than wanted, more tries would only burn gas.
        uint256 tries = slots == 0 ? 0 : LEAST_TRIES + TRIES_PER_SLOT * slots;
        if (tries > MAX_TRIES) tries = MAX_TRIES;
        for (uint256 i; i < tries && picked < size; ++i) {
            uint40 seat = uint40(uint256(keccak256(abi.encode(seed, i))) % slots);
            address owner = _eligibleOwner(pool, seat, asOf, round);
            if (owner == address(0) || _isOneOf(seat, seats, picked, barred)) continue;
            (owners[picked], seats[picked]) = (owner, seat);
            ++picked;
        }
        assembly ("memory-safe") {
            // Shortens both arrays in place: picked <= size.
            mstore(owners, picked)
            mstore(seats, picked)
        }
    }

    // Views

    /// @inheritdoc IStaking
    function seatOf(bytes32 pool, uint256 seat) external view returns (Seat memory) {
        return _pools[pool].seats[seat];
    }

    /// @inheritdoc IStaking
    function slotCount(bytes32 pool) external view returns (uint256) {
        return _pools[pool].seats.length;
    }

    /// @inheritdoc IStaking
    function poolSize(bytes32 pool) external view returns (uint256 seats, uint256 owners) {
        return (_pools[pool].seatsIn, _pools[pool].owners);
    }

    /// @inheritdoc IStaking
    function stakeOf(bytes32 pool, address validator) external view returns (uint256) {
        return _backing[pool][validator].length * seatSize + _validators[pool][validator].loose;
    }

    /// @inheritdoc IStaking
    function looseOf(bytes32 pool, address validator) external view returns (uint256) {
        return _validators[pool][validator].loose;
    }

    // Internals

    function _takeSlot(Pool storage p) internal returns (uint256 seat) {
        if (p.free.length == 0) {
            p.seats.push();
            return p.seats.length - 1;
        }
        seat = p.free[p.free.length - 1];
        p.free.pop();
    }

    function _requireFew(uint256 seats) internal pure {
        if (seats > MAX_SEATS) revert InvalidCount(seats);
    }

    function _seatOfOwner(bytes32 pool, uint256 index, address owner) internal view returns (Seat storage seat) {
        seat = _pools[pool].seats[index];
        if (seat.owner != owner) revert NotSeatOwner(index, owner);
    }

    function _leaveAll(bytes32 pool, address owner, uint256[] calldata seats) internal {
        _requireFew(seats.length);
        for (uint256 i; i < seats.length; ++i) {
            Seat storage seat = _seatOfOwner(pool, seats[i], owner);
            if (seat.leftAt != 0) revert SeatNotIn(seats[i]);
            _leave(pool, seats[i], seat);
            emit SeatLeft(pool, seats[i], owner, releaseAtOf[pool][seats[i]], false);
        }
    }

    function _leave(bytes32 pool, uint256 index, Seat storage seat) internal {
        seat.leftAt = uint40(block.number);
        releaseAtOf[pool][index] = uint64(block.timestamp) + unbondingPeriod;
        Validator storage v = _validators[pool][seat.owner];
        --v.seatsIn;
        if (v.suspendedFrom == 0) _removeFromPool(pool, 1, v.seatsIn == 0 ? 1 : 0);
    }

    function _countIn(bytes32 pool, address validator, uint256 count) internal {
        Validator storage v = _validators[pool][validator];
        if (v.suspendedFrom == 0) _addToPool(pool, count, v.seatsIn == 0 ? 1 : 0);
        v.seatsIn += uint32(count);
    }

    function _addToPool(bytes32 pool, uint256 seats, uint256 owners) internal {
        _pools[pool].seatsIn += uint128(seats);
        _pools[pool].owners += uint128(owners);
    }

    function _removeFromPool(bytes32 pool, uint256 seats, uint256 owners) internal {
        _pools[pool].seatsIn -= uint128(seats);
        _pools[pool].owners -= uint128(owners);
    }

    function _removeBacking(bytes32 pool, address validator, uint256 seat) internal {
        uint256[] storage backing = _backing[pool][validator];
        uint256 index = _backingIndex[pool][seat];
        uint256 moved = backing[backing.length - 1];
        backing[index] = moved;
        _backingIndex[pool][moved] = index;
        backing.pop();
    }

    /// @return owner the seat's owner, or the zero address when it cannot be drawn
    function _eligibleOwner(bytes32 pool, uint256 index, uint256 asOf, uint256 round) internal view returns (address owner) {
        Seat memory seat = _pools[pool].seats[index];
        if (seat.owner == address(0) || seat.activeFrom > asOf || (seat.leftAt != 0 && seat.leftAt <= asOf)) return address(0);
        Validator storage v = _validators[pool][seat.owner];
        if (v.eligibleFrom > asOf || (v.suspendedFrom != 0 && v.suspendedFrom <= asOf)) return address(0);
        return LABEL_REGISTRY.contributedTo(round, seat.owner) ? address(0) : seat.owner;
    }

    function _isOneOf(uint40 seat, uint40[] memory picked, uint256 count, uint40[] calldata barred) internal pure returns (bool) {
        for (uint256 i; i < count; ++i) {
            if (picked[i] == seat) return true;
        }
        for (uint256 i; i < barred.length; ++i) {
            if (barred[i] == seat) return true;
        }
        return false;
    }
}
