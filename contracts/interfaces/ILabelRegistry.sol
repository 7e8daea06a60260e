// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ILabelRegistry
/// @notice Rounds and submissions. Every signature is verified on chain; labels are counted per contributor and stay pending until
/// a settlement decides them. One packed slot per (dataset, contributor); the labels' root only in the event.
/// @dev Invariant 4: a submission is consumed at most once (its sequence number must be the contributor's next); the round id, the
/// admission, the chain and this contract are part of what is signed.
interface ILabelRegistry {
    /// @dev EIP-712: Session(address contributor,address key,uint256 dataset,uint64 expiry,uint256 maxBond)
    /// @param dataset 0: every dataset. @param expiry unix seconds. @param maxBond LBL base units of bonds the key may commit in all
    struct Session {
        address contributor;
        address key;
        uint256 dataset;
        uint64 expiry;
        uint256 maxBond;
    }

    struct SignedSession {
        Session session;
        bytes signature;
    }

    /// @dev EIP-712: Submission(uint256 round,address contributor,uint32 sequence,uint32 count,bytes32 labelsRoot,uint8 admission,uint64 deadline)
    /// @param labelsRoot StandardMerkleTree root over (uint256 task, uint256 answer, bytes32 salt)
    /// @param admission 1: ticketed, relayed by the operator or with its ticket. 2: open path
    struct Submission {
        uint256 round;
        address contributor;
        uint32 sequence;
        uint32 count;
        bytes32 labelsRoot;
        uint8 admission;
        uint64 deadline;
    }

    /// @param signature 65 bytes r‖s‖v, low s, v 27 or 28, by the contributor or one of their live session keys; or what the
    /// contributor's contract wallet takes by ERC-1271
    /// @param ticket empty when the operator relays; else abi.encode(uint32 count, uint64 deadline, bytes signature) of the operator's
    /// EIP-712 Assignment(uint256 round,address contributor,uint32 sequence,uint32 count,uint64 deadline), count = most labels allowed.
    /// That signature has 65 bytes: an operator that is a contract can give tickets only when its wallet takes one key's signature
    struct SignedSubmission {
        Submission submission;
        bytes signature;
        bytes ticket;
    }

    /// @notice Why an item of a batch was passed over.
    enum SkipReason {
        None,
        RoundNotOpen,
        Expired,
        WrongSequence,
        InvalidCount,
        EmptyRoot,
        UnsupportedAdmission,
        BudgetExhausted,
        NotAdmitted,
        InvalidSignature,
        SessionNotLive,
        SessionOtherDataset,
        SessionBondExceeded,
        BondUnavailable
    }

    /// @notice A round's phase here; the audit and the settlement keep their own. Void: it closed without a label.
    enum RoundPhase {
        None,
        Open,
        Closed,
        Void,
        Settled
    }

    struct Round {
        uint64 dataset;
        uint32 taskCount;
        uint32 labelBudget;
        uint32 labels;
        uint32 sampleSize;
        uint64 deadline;
        address operator;
        uint96 bond;
        RoundPhase phase;
        bool last;
        uint256 reserve;
        bytes32 tasksRoot;
    }

    /// @param sequence the next submission's number
    /// @param labels labels accepted in all; @param pending of these, not yet decided by a settlement (and bonded)
    /// @param round the last round they submitted to
    struct Contributor {
        uint32 sequence;
        uint32 labels;
        uint32 pending;
        uint64 round;
    }

    error UnknownRound(uint256 round);
    /// @notice Thrown when only the requester or the operator may open a round.
    error NotRequesterOrOperator(address caller);
    /// @notice Thrown when the dataset's previous round is not fully settled and distributed, or was its last.
    error DatasetBusy(uint256 dataset, uint256 round);
    /// @notice Thrown when a round's parameter is outside its bounds; `field` is its name.
    error InvalidRound(string field);
    error LabelCapExceeded(uint256 dataset, uint256 cap, uint256 needed);
    /// @notice Thrown when fewer than 3 owners or 3 × panel seats could be drawn.
    error PoolTooSmall(uint256 seats, uint256 owners);
    /// @notice Thrown when a round is neither past its deadline nor out of budget.
    error RoundStillOpen(uint256 round);
    error NotOpen(uint256 round);

    event RoundOpened(
        uint256 indexed round,
        uint256 indexed dataset,
        bytes32 tasksRoot,
        uint32 taskCount,
        uint32 labelBudget,
        uint32 sampleSize,
        uint64 deadline,
        bool last,
        uint256 reserve
    );
    event RoundClosed(uint256 indexed round, uint256 indexed dataset, uint32 labels);
    /// @notice A round closed without a label: its reserve was released.
    event RoundVoid(uint256 indexed round, uint256 indexed dataset);
    event RoundSettled(uint256 indexed round, uint256 indexed dataset);
    event SessionRegistered(address indexed contributor, address indexed key, uint256 dataset, uint64 expiry, uint256 maxBond);
    event SessionRevoked(address indexed contributor, address indexed key);
    /// @notice A session of a batch was passed over: known key, expired, or not signed by its contributor.
    event SessionSkipped(address indexed contributor, address indexed key);
    event SubmissionAccepted(
        uint256 indexed round,
        address indexed contributor,
        uint32 sequence,
        uint32 count,
        bytes32 labelsRoot,
        address signer,
        uint8 admission,
        uint256 bond
    );
    event SubmissionSkipped(uint256 indexed round, address indexed contributor, uint32 sequence, SkipReason reason);
    /// @notice A settlement decided `labels` pending labels of a contributor.
    event ContributorSettled(uint256 indexed dataset, address indexed contributor, uint32 labels);

    function MAX_COUNT() external view returns (uint32);
    function MAX_SAMPLE() external view returns (uint32);
    function roundCount() external view returns (uint256);
    function roundOf(uint256 round) external view returns (Round memory);
    /// @notice The dataset's latest round, 0 before the first.
    function currentRound(uint256 dataset) external view returns (uint256);
    function contributorOf(uint256 dataset, address contributor) external view returns (Contributor memory);
    /// @notice Whether an account has a submission in this round (a validator must not audit it).
    function contributedTo(uint256 round, address account) external view returns (bool);
    /// @notice Contributors of the dataset with pending labels: a settlement must have an entry for each.
    function pendingContributors(uint256 dataset) external view returns (uint256);
    function sessionOf(address contributor, address key)
        external
        view
        returns (uint64 expiry, uint64 dataset, uint96 bondLeft, bool revoked);

    /// @notice Opens a round by the requester or the operator and reserves labels × reward + sample × panel × fee.
    /// @param last the dataset's last round: waiting work is settled with it
    function openRound(
        uint256 dataset,
        bytes32 tasksRoot,
        uint32 taskCount,
        uint32 labelBudget,
        uint64 deadline,
        bool last
    ) external returns (uint256 round);
    /// @notice Anyone, once the deadline passed or the budget is used up. Starts the audit, or voids a round without labels.
    function closeRound(uint256 round) external;
    /// @notice Registers session keys signed by their contributors, relayed by anyone. A bad item is skipped with an event.
    function registerSessions(SignedSession[] calldata items) external;
    /// @notice The caller ends one of their session keys, for ever.
    function revokeSession(address key) external;
    /// @notice Relays submissions. A bad item is skipped with an event that says why; it never reverts the rest. Reverts with
    /// TooLittleGas, as registerSessions does, when a contributor with code has to be asked and too little gas was sent, so that a
    /// good item is never skipped for it: whoever relays sends 210,000 gas for each such item on top.
    function submit(SignedSubmission[] calldata items) external;

    /// @notice Settlement only: the pending labels of these contributors are decided.
    function settleContributors(uint256 dataset, address[] calldata contributors) external returns (uint32[] memory labels);
    /// @notice Settlement only: every chunk is distributed, the next round may open.
    function markSettled(uint256 round) external;
}
