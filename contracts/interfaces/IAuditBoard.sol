// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IAuditBoard
/// @notice The audit of each round: seed, sample and panel after the round closed, blind ballots by commit and reveal, penalties
/// for silence.
/// @dev The sample's task indices are a pure function of (seed, taskCount, sampleSize); see docs/SPECIFICATION.md. The panel is the
/// Staking draw of the same seed. seed = keccak256(abi.encode(blockhash(seedBlock), round, attempt)).
interface IAuditBoard {
    enum AuditPhase {
        None,
        Seeding,
        Committing,
        Revealing,
        Audited,
        Failed
    }

    /// @param concludedAt unix seconds at which the phase became Audited, else 0
    struct Audit {
        AuditPhase phase;
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

    error WrongPhase(uint256 round, AuditPhase phase);
    error SeedNotReady(uint256 round, uint256 seedBlock);
    error NotOnPanel(uint256 round, address validator);
    error AlreadyCommitted(uint256 round, address validator);
    error AlreadyRevealed(uint256 round, address validator);
    error InvalidSignature(address validator);
    /// @notice Thrown when answers and salt do not hash to the commitment, or there is none.
    error WrongReveal(uint256 round, address validator);
    /// @notice Thrown when a ballot has another length than the sample.
    error WrongBallotLength(uint256 expected, uint256 length);
    error WindowClosed(uint256 round, uint256 endedAt);
    error WindowStillOpen(uint256 round, uint256 endsAt);

    event AuditStarted(uint256 indexed round, uint8 attempt, uint256 seedBlock, uint256 asOf, uint256 slots);
    event SeedMissed(uint256 indexed round, uint8 attempt, uint8 misses, uint256 seedBlock);
    event PanelDrawn(
        uint256 indexed round, uint8 attempt, bytes32 seed, address[] validators, uint16[] weights, uint64 commitEnds
    );
    event BallotCommitted(uint256 indexed round, address indexed validator, uint8 attempt, bytes32 commitment);
    event RevealOpened(uint256 indexed round, uint8 attempt, uint64 revealEnds);
    /// @param answers one byte a sampled task, in the sample's order
    event BallotRevealed(
        uint256 indexed round, address indexed validator, uint8 attempt, uint16 weight, bytes answers, bytes32 salt
    );
    event ValidatorSilent(uint256 indexed round, address indexed validator, uint8 attempt, uint256 slashed);
    /// @notice The panel is done. `phase` is Audited, Seeding (a new panel will be drawn) or Failed (exit).
    event AuditConcluded(uint256 indexed round, uint8 attempt, uint256 revealedWeight, AuditPhase phase);
    /// @notice A settlement decided the validator's pending votes of a dataset.
    event ValidatorSettled(uint256 indexed dataset, address indexed validator, uint64 votes);

    /// @notice Blocks between the close and the seed block.
    function SEED_DELAY() external view returns (uint256);
    /// @notice Silence costs this many audit fees a vote; the worst dissent costs 14/3 of one.
    function SILENCE_FEES() external view returns (uint256);
    function auditOf(uint256 round) external view returns (Audit memory);
    function panelOf(uint256 round) external view returns (Member[] memory);
    /// @notice Weight of a member who revealed, else 0.
    function revealedWeightOf(uint256 round, address validator) external view returns (uint256);
    function totalRevealedWeight(uint256 round) external view returns (uint256);
    /// @notice Votes (answers × seats) of a validator in a dataset not yet decided by a settlement.
    function pendingVotesOf(uint256 dataset, address validator) external view returns (uint64);
    function pendingValidators(uint256 dataset) external view returns (uint256);

    /// @notice LabelRegistry only: fixes the pool as of this block and the seed's block after it.
    function start(uint256 round) external;
    /// @notice Anyone, after the seed block: takes the seed and draws the panel. A seed older than 256 blocks is missed: a new seed block.
    function drawPanel(uint256 round) external;
    /// @notice Anyone relays a validator's commitment with their EIP-712
    /// Commit(uint256 round,uint8 attempt,address validator,bytes32 commitment); the validator themselves needs no signature.
    /// @param commitment keccak256(abi.encode(uint256 round, uint8 attempt, address validator, bytes answers, bytes32 salt))
    function commit(uint256 round, address validator, bytes32 commitment, bytes calldata signature) external;
    /// @notice Anyone relays a reveal: once all committed, or after the commit window.
    function reveal(uint256 round, address validator, bytes calldata answers, bytes32 salt) external;
    /// @notice Anyone, once all revealed or the window passed: slashes and suspends the silent; audited when more than half of the
    /// panel's weight revealed, else a new panel, at most 3.
    function conclude(uint256 round) external;

    /// @notice Settlement only: the pending votes of these validators are decided.
    function settleValidators(uint256 dataset, address[] calldata validators) external returns (uint64[] memory votes);
    /// @notice Settlement only: unlocks the stakes of the round's panel.
    function releasePanel(uint256 round) external;
}
