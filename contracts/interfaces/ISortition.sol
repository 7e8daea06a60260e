// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ISortition
/// @notice A group of validators drawn by the hash of a later block, who commit blind and then reveal: what a round's panel and a
/// dispute's jury have in common.
/// @dev seed = keccak256(abi.encode(blockhash(seedBlock), round, attempt)); the group is the Staking draw of that seed, as of `asOf`.
interface ISortition {
    enum Phase {
        None,
        Seeding,
        Committing,
        Revealing,
        Concluded,
        Failed
    }

    /// @param attempt number of the group, counted over the whole round
    /// @param misses seed blocks that grew too old before anyone drew
    /// @param asOf block as of which seats are eligible; @param slots seats of the pool then
    /// @param concludedAt unix seconds at which the phase became Concluded, else 0
    struct Drawing {
        Phase phase;
        uint8 attempt;
        uint8 misses;
        uint40 seedBlock;
        uint40 asOf;
        uint40 slots;
        uint64 commitEnds;
        uint64 revealEnds;
        uint64 concludedAt;
        bytes32 seed;
    }

    /// @param weight seats drawn
    struct Member {
        address validator;
        uint16 weight;
        bool revealed;
        bytes32 commitment;
    }

    /// @notice Thrown when a group is in another phase than the call needs; `phase` is where it is.
    error WrongPhase(uint256 round, Phase phase);
    /// @notice Thrown when a draw comes before its seed block is past.
    error SeedNotReady(uint256 round, uint256 seedBlock);
    /// @notice Thrown when the validator is not in the group.
    error NotDrawn(uint256 round, address validator);
    /// @notice Thrown when a member commits a second time.
    error AlreadyCommitted(uint256 round, address validator);
    /// @notice Thrown when a member reveals, or attests, a second time.
    error AlreadyRevealed(uint256 round, address validator);
    /// @notice Thrown when what is relayed for a validator is not signed by them.
    error InvalidSignature(address validator);
    /// @notice Thrown when what is revealed does not hash to the commitment, or there is none.
    error WrongReveal(uint256 round, address validator);
    /// @notice Thrown when a member comes after the end of a window.
    error WindowClosed(uint256 round, uint256 endedAt);
    /// @notice Thrown when something must wait until a window ends.
    error WindowStillOpen(uint256 round, uint256 endsAt);

    /// @notice Nobody drew within 256 blocks of the seed block. With the third miss the phase is Failed.
    event SeedMissed(uint256 indexed round, uint8 attempt, uint8 misses, uint256 seedBlock, uint256 asOf, uint256 slots);
    /// @notice A member sealed their ballot.
    event BallotCommitted(uint256 indexed round, address indexed validator, uint8 attempt, bytes32 commitment);
    /// @notice Ballots may be shown until `revealEnds`.
    event RevealOpened(uint256 indexed round, uint8 attempt, uint64 revealEnds);
    /// @notice A member did not reveal: slashed and suspended.
    event ValidatorSilent(uint256 indexed round, address indexed validator, uint8 attempt, uint256 slashed);

    /// @notice Blocks between the call for a group and its seed block.
    function SEED_DELAY() external view returns (uint256);
    /// @notice Silence costs this many times what the member's seats would have earned, and no more than those seats.
    function SILENCE_FEES() external view returns (uint256);
    /// @notice Silence costs at least this part of each seat drawn, basis points.
    function SILENCE_SEAT_BPS() external view returns (uint256);
}
