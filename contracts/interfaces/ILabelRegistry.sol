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
    /// @param admission 1: ticketed, relayed by the operator or with its ticket. 2: open path, relayed by anyone, at the open bond
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
        BondUnavailable,
        CredentialMissing,
        OpenLimit
    }

    /// @notice A round's phase here; the audit and the settlement keep their own. Void: it closed without a label.
    enum RoundPhase {
        None,
        Open,
        Closed,
        Void,
        Settled
    }

    /// @param labels accepted in the round; open ones among them until the panel's word on them, then only those that count
    /// @param openLabels labels accepted on the open path
    /// @param bond, openBond LBL base units a ticketed and an open label
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
        uint96 openBond;
        uint32 openLabels;
        uint96 reserve;
        bytes32 tasksRoot;
        bytes32 credential;
    }

    /// @param sequence the next submission's number
    /// @param labels labels accepted in all, open ones once they count
    /// @param pending of these, not yet decided by a settlement (and bonded); @param pendingOpen of the pending, those at the open bond
    /// @param covered ticketed labels whose bonds the Settlement holds: the pending ones at least; the rest is kept for the next
    /// @param round the last round they submitted to; of labels left waiting, at least the number after that of the round they waited in
    /// @param openRound the last round they submitted to on the open path
    struct Contributor {
        uint32 sequence;
        uint32 labels;
        uint32 pending;
        uint32 pendingOpen;
        uint32 covered;
        uint48 round;
        uint48 openRound;
    }

    /// @notice A submission on the open path: its place in the round's list is its bit in the panel's attestations.
    struct OpenSubmission {
        address contributor;
        uint32 count;
    }

    /// @notice Thrown when no round has this id.
    error UnknownRound(uint256 round);
    /// @notice Thrown when only the requester or the operator may open a round.
    error NotRequesterOrOperator(address caller);
    /// @notice Thrown when the dataset's previous round is not fully settled and distributed, or was its last.
    error DatasetBusy(uint256 dataset, uint256 round);
    /// @notice Thrown when a round's parameter is outside its bounds; `field` is its name.
    error InvalidRound(string field);
    /// @notice Thrown when a round's budget would take the dataset over the label cap of its terms.
    error LabelCapExceeded(uint256 dataset, uint256 cap, uint256 needed);
    /// @notice Thrown when fewer than 3 owners or 3 × panel seats could be drawn.
    error PoolTooSmall(uint256 seats, uint256 owners);
    /// @notice Thrown when a round is neither past its deadline nor out of budget.
    error RoundStillOpen(uint256 round);
    /// @notice Thrown when a round that is not open is closed.
    error NotOpen(uint256 round);
    /// @notice Thrown when a batch holds more items than a call may take.
    error BatchTooLarge(uint256 length, uint256 most);
    /// @notice Thrown when work has waited too long for a further round to open: finish the dataset.
    error WaitedTooLong(uint256 dataset, uint256 since);
    /// @notice Thrown when a dataset is finished although nothing waits, or has not waited long enough.
    error NothingWaits(uint256 dataset);
    /// @notice Thrown when waiting work has not waited for WAIT_LIMIT: come back after `until`.
    error StillWaiting(uint256 dataset, uint256 until);

    /// @notice A round takes labels until `deadline` or until its budget is used up; `reserve` is set aside for it.
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
    /// @notice No more labels: the audit begins.
    event RoundClosed(uint256 indexed round, uint256 indexed dataset, uint32 labels);
    /// @notice A round closed without a label: its reserve was released.
    event RoundVoid(uint256 indexed round, uint256 indexed dataset);
    /// @notice Everything of the round is paid: the next may open.
    event RoundSettled(uint256 indexed round, uint256 indexed dataset);
    /// @notice `key` signs for the contributor until `expiry`, for bonds of `maxBond` in all.
    event SessionRegistered(address indexed contributor, address indexed key, uint256 dataset, uint64 expiry, uint256 maxBond);
    /// @notice `key` signs no more.
    event SessionRevoked(address indexed contributor, address indexed key);
    /// @notice A session of a batch was passed over: known key, expired, or not signed by its contributor.
    event SessionSkipped(address indexed contributor, address indexed key);
    /// @notice A submission is in: `labelsRoot` commits to its labels, `bond` was taken for them. Ticketed ones take the bonds of no more labels
    /// than those kept from earlier rounds leave uncovered.
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
    /// @notice A submission of a batch was passed over, and why.
    event SubmissionSkipped(uint256 indexed round, address indexed contributor, uint32 sequence, SkipReason reason);
    /// @notice The panel's word on an open submission: it counts, or it is void and its bond is back.
    event OpenResolved(uint256 indexed round, address indexed contributor, uint32 count, bool counted);
    /// @notice A settlement, or an exit, decided all pending labels of each contributor.
    /// @param kept bit i: the bonds that cover contributor i's ticketed labels stay for the next ones; else nothing is covered any more
    event ContributorsSettled(uint256 indexed dataset, address[] contributors, uint256 kept);
    /// @notice The bonds of so many `labels` of each contributor, which covered no pending label, are back on their accounts.
    event BondsReleased(uint256 indexed dataset, address[] contributors, uint32[] labels);

    function MAX_COUNT() external view returns (uint32);
    /// @notice Items of a batch: so many that ask two contract wallets each still fit a transaction.
    function MAX_BATCH() external view returns (uint256);
    /// @notice Seconds from the opening of a round to its deadline, at most.
    function MAX_ROUND() external view returns (uint64);
    /// @notice Seconds that work may wait for a next round.
    function WAIT_LIMIT() external view returns (uint64);
    /// @notice Open submissions of a round, at most: so many bits have the panel's attestations.
    function MAX_OPEN() external view returns (uint256);
    function MAX_SAMPLE() external view returns (uint32);
    function roundCount() external view returns (uint256);
    function roundOf(uint256 round) external view returns (Round memory);
    /// @notice The round's dataset, 0 of an unknown round.
    function datasetOf(uint256 round) external view returns (uint256);
    /// @notice The dataset's latest round, 0 before the first.
    function currentRound(uint256 dataset) external view returns (uint256);
    function contributorOf(uint256 dataset, address contributor) external view returns (Contributor memory);
    /// @notice Labels of a contributor that no settlement has decided, and how many of these bear the open bond.
    function pendingOf(uint256 dataset, address contributor) external view returns (uint256 labels, uint256 open);
    /// @notice How many open submissions the round has; each is at its bit's place in `openSubmissionOf`.
    function openSubmissionsOf(uint256 round) external view returns (uint256);
    function openSubmissionOf(uint256 round, uint256 index) external view returns (OpenSubmission memory);
    /// @notice Labels that the round takes on the open path: a fifth of the budget in all, a quarter of that from an address, in
    /// submissions of at least `least`.
    function openLimitsOf(uint256 round) external view returns (uint256 budget, uint256 most, uint256 least);
    /// @notice Unix seconds at which the dataset's last round was settled.
    function settledAtOf(uint256 dataset) external view returns (uint64);
    /// @notice Whether an account has a submission in this round, or work that its settlement decides (a validator must not audit it).
    function contributedTo(uint256 round, address account) external view returns (bool);
    /// @notice Contributors of the dataset with pending labels: a settlement must have an entry for each.
    function pendingContributors(uint256 dataset) external view returns (uint256);
    function sessionOf(address contributor, address key)
        external
        view
        returns (uint64 expiry, uint64 dataset, uint96 bondLeft, bool revoked);

    /// @notice Opens a round by the requester or the operator and reserves labels × reward + sample × panel × fee. A seat's pay, sample ×
    /// fee, must be IParameters.minSeatFee at least.
    /// @param deadline unix seconds, at most MAX_ROUND ahead
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
    /// @notice Anyone, once work has waited for WAIT_LIMIT since the last settled round: the dataset gets a closing round, without tasks,
    /// whose settlement (or exit) decides what waits.
    function finishDataset(uint256 dataset) external returns (uint256 round);
    /// @notice Registers session keys signed by their contributors, relayed by anyone. A bad item is skipped with an event.
    function registerSessions(SignedSession[] calldata items) external;
    /// @notice The caller ends one of their session keys, for ever.
    function revokeSession(address key) external;
    /// @notice Relays submissions. A bad item is skipped with an event that says why; it never reverts the rest. Reverts with
    /// TooLittleGas, as registerSessions does, when a contributor with code has to be asked and too little gas was sent, so that a
    /// good item is never skipped for it: whoever relays sends 210,000 gas for each such item on top.
    function submit(SignedSubmission[] calldata items) external;

    /// @notice AuditBoard only: of the round's open submissions, those whose bit is set count; the rest are void.
    function resolveOpen(uint256 round, uint256 attested) external;
    /// @notice Settlement only: the pending labels of these contributors are decided; of those to whom no bond returns, as the round is settled.
    /// @param kept bit i: the bonds of contributor i's ticketed labels stay for the next ones, unless there will be none
    /// @return bonds of each that do not stay, LBL base units
    function settleContributors(uint256 dataset, address[] calldata contributors, uint256 kept)
        external
        returns (uint256[] memory bonds);
    /// @notice Settlement only: the pending labels of these contributors leave with all their bonds. Who is named twice has none the
    /// second time.
    /// @return labels of each; @return bonds of each, LBL base units
    function exitContributors(uint256 dataset, address[] calldata contributors)
        external
        returns (uint32[] memory labels, uint256[] memory bonds);
    /// @notice Settlement only: the pending labels of these contributors are not decided, but wait for a later round.
    function keepWaiting(uint256 dataset, address[] calldata contributors) external;
    /// @notice Settlement only: bonds that cover no pending label stay no longer.
    /// @return bonds of each, LBL base units
    function releaseBonds(uint256 dataset, address[] calldata contributors) external returns (uint256[] memory bonds);
    /// @notice Settlement only: every chunk is distributed, the next round may open.
    function markSettled(uint256 round) external;
}
