// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IStaking
/// @notice Seats of a fixed size in pools (0: open to everyone; else the id of the credential it takes), unbonding, slashing, the draw.
/// @dev Invariant 7: staked balance = seats not drained × seat size + Σ loose. Invariant 9: a draw depends only on what was true
/// at `asOf` (a block before its seed), whatever joins, leaves or is suspended after. Slots never move: a leaving seat is a
/// tombstone until it is collected, and a newcomer that reuses it has a later activeFrom.
interface IStaking {
    /// @param activeFrom first block at whose close the seat can be drawn; @param leftAt block in which it left, 0 while in
    /// @param drained a slash consumed it: nothing is paid when it is collected
    struct Seat {
        address owner;
        uint40 activeFrom;
        uint40 leftAt;
        bool drained;
    }

    /// @notice Thrown when a seat is not that account's.
    error NotSeatOwner(uint256 seat, address caller);
    /// @notice Thrown when a seat has left already, or must leave first.
    error SeatNotIn(uint256 seat);
    /// @notice Thrown when a seat cannot be collected yet: leave first, or come back at `releaseAt`.
    error StillUnbonding(uint256 seat, uint256 releaseAt);
    /// @notice Thrown when the validator is on a panel or under challenge.
    error StakeLocked(address validator, uint256 locks);
    /// @notice Thrown when a call names no seat, or more than MAX_SEATS.
    error InvalidCount(uint256 count);
    /// @notice Thrown when a validator joins a pool whose credential they do not hold.
    error CredentialMissing(bytes32 pool, address validator);
    /// @notice Thrown when a validator would be expelled from a pool whose credential they hold, or from the open one.
    error CredentialHeld(bytes32 pool, address validator);
    /// @notice Thrown when a validator resumes without having been suspended.
    error NotSuspended(address validator);
    /// @notice Thrown when a suspension is not over: come back after `until`.
    error StillSuspended(address validator, uint256 until);

    /// @notice A seat is in, and can be drawn as of `activeFrom`.
    event SeatJoined(bytes32 indexed pool, uint256 indexed seat, address indexed owner, uint40 activeFrom);
    /// @notice A validator's credential lapsed: these seats of theirs leave (a SeatLeft each).
    event Expelled(bytes32 indexed pool, address indexed validator, uint256[] seats);
    /// @notice A seat left; it can be collected at `releaseAt`, unix seconds.
    event SeatLeft(bytes32 indexed pool, uint256 indexed seat, address indexed owner, uint64 releaseAt, bool drained);
    /// @notice A seat that left is paid out (0 when a slash drained it) and its slot free.
    event SeatCollected(bytes32 indexed pool, uint256 indexed seat, address indexed owner, uint256 amount);
    /// @notice A validator took out the change of a broken seat.
    event LooseCollected(bytes32 indexed pool, address indexed validator, uint256 amount);
    /// @notice `amount` of the `asked` went from a stake to the treasury.
    event Slashed(bytes32 indexed pool, address indexed validator, uint256 amount, uint256 asked);
    /// @notice A silent validator's seats are not drawn until they resume, `until` at the earliest.
    event Suspended(bytes32 indexed pool, address indexed validator, uint64 until);
    /// @notice A suspended validator's seats can be drawn again.
    event Resumed(bytes32 indexed pool, address indexed validator);
    /// @notice How many panels, juries and undecided votes lock the stake of a validator.
    event LocksChanged(address indexed validator, uint256 locks);

    /// @notice Seats that a call may join, leave or collect.
    function MAX_SEATS() external view returns (uint256);
    /// @notice Seats that one slash breaks at most: it takes no more than these and what is loose (Invariant 12).
    function MAX_BROKEN() external view returns (uint256);
    /// @notice LBL base units of a seat.
    function seatSize() external view returns (uint256);
    /// @notice Seconds between leaving and collecting; longer than a round's audit and challenge.
    function unbondingPeriod() external view returns (uint64);
    function seatOf(bytes32 pool, uint256 seat) external view returns (Seat memory);
    function releaseAtOf(bytes32 pool, uint256 seat) external view returns (uint64);
    function slotCount(bytes32 pool) external view returns (uint256);
    /// @notice Seats that are in and not suspended, and how many owners hold them.
    function poolSize(bytes32 pool) external view returns (uint256 seats, uint256 owners);
    /// @notice LBL base units that back a validator in a pool: undrained seats (also while unbonding) and loose change.
    function stakeOf(bytes32 pool, address validator) external view returns (uint256);
    function looseOf(bytes32 pool, address validator) external view returns (uint256);
    function locksOf(address validator) external view returns (uint256);

    /// @notice Buys `count` seats (1–64 a call) out of the caller's Ledger allowance to this contract. A pool's credential must be held.
    function join(bytes32 pool, uint256 count) external;
    /// @notice Seats leave: still drawable for rounds that closed before, and slashable until collected.
    function leave(bytes32 pool, uint256[] calldata seats) external;
    /// @notice Anyone, once a validator no longer holds the pool's credential: seats of theirs leave, unslashed. A draw as of an earlier
    /// block does not change by it.
    function expel(bytes32 pool, address validator, uint256[] calldata seats) external;
    /// @notice After the unbonding period and while unlocked: pays the owner's Ledger account and frees the slots.
    function collect(bytes32 pool, uint256[] calldata seats) external;
    /// @notice Takes out what a slash left of a broken seat, when the validator has no seat in and no lock.
    function collectLoose(bytes32 pool) external;
    /// @notice A suspended validator's seats count again, one unbonding period after the suspension.
    function resume(bytes32 pool) external;

    /// @notice Up to `size` seats drawn by `seed` among slots [0, slots) eligible as of block `asOf`, without the contributors of `round`
    /// and without the seats `barred`; seats are distinct, owners may repeat. For i = 0, 1, …: seat =
    /// uint256(keccak256(abi.encode(seed, i))) mod slots; taken when eligible and new. Fewer than `size` come back when too few were hit
    /// within min(1,024, 64 + 16 · slots) tries.
    function draw(
        bytes32 pool,
        bytes32 seed,
        uint256 slots,
        uint256 asOf,
        uint256 size,
        uint256 round,
        uint40[] calldata barred
    ) external view returns (address[] memory owners, uint40[] memory seats);

    /// @notice AuditBoard, Jury or Settlement only. Takes up to `amount` of the validator's stake to the treasury; what it took.
    function slash(bytes32 pool, address validator, uint256 amount) external returns (uint256 taken);
    /// @notice AuditBoard or Jury only.
    function suspend(bytes32 pool, address validator) external;
    /// @notice AuditBoard or Jury only.
    function lock(address validator) external;
    /// @notice AuditBoard or Jury only.
    function unlock(address validator) external;
}
