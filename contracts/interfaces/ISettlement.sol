// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuditBoard} from "./IAuditBoard.sol";

/// @title ISettlement
/// @notice The result of a round by the scoring rule: proposed with a bond and a panel majority's signatures that they hold the
/// evidence, published entry by entry, open to challenge (IJury), final after the challenge window, distributed by anyone.
/// @dev Whatever is published, per dataset (Invariant 5): an entry pays at most reward × pending labels (or fee × pending votes) of
/// its account; every account with pending work has exactly one entry; Σ paid + carried ≤ what is reserved for it.
interface ISettlement {
    enum Role {
        Contributor,
        Validator,
        Requester
    }

    enum SettlementPhase {
        None,
        Proposed,
        Published,
        Final,
        Distributed,
        Exiting,
        Challenged
    }

    /// @param reward, slash LBL base units; a contributor's slash comes out of their bond, a validator's out of their stake
    /// @param shares units of the dataset's share minted
    /// @param waiting 0: all pending labels (votes) are decided. Else it equals the pending ones, and nothing is decided
    struct Entry {
        Role role;
        address account;
        uint96 reward;
        uint96 slash;
        uint64 shares;
        uint32 waiting;
    }

    /// @notice Sums over all entries; publishing must reproduce them exactly.
    /// @dev Three slots. All LBL there is fits 90 bits, all shares of a dataset 50.
    struct Totals {
        uint32 entries;
        uint96 contributorReward;
        uint96 validatorReward;
        uint96 slash;
        uint64 contributorShares;
        uint64 validatorShares;
        uint64 requesterShares;
        uint64 waitingLabels;
        uint64 waitingVotes;
    }

    /// @param publishEnds unix seconds until which every chunk must be published, else the proposal expires
    /// @param root running hash over the published entries: root 0 is bytes32(round), root k + 1 = keccak256(abi.encode(root k, entry k))
    struct Proposal {
        SettlementPhase phase;
        address proposer;
        uint16 chunks;
        uint16 published;
        uint16 distributed;
        uint64 publishEnds;
        uint64 challengeEnds;
        uint96 bond;
        bytes32 evidenceHash;
        bytes32 root;
    }

    /// @notice Thrown when a round's settlement is in another phase than the call needs; `phase` is where it is.
    error WrongPhase(uint256 round, SettlementPhase phase);
    /// @notice Thrown when a round's audit has not come to an end.
    error NotAudited(uint256 round);
    /// @notice Thrown when the signatures weigh no more than half of the weight that revealed.
    error NoPanelMajority(uint256 signed, uint256 revealed);
    /// @notice Thrown when a jury decided on another root than what is published.
    error NotTheVerdict(uint256 round, bytes32 published, bytes32 required);
    /// @notice Thrown when somebody else than the proposer publishes.
    error NotProposer(address caller, address proposer);
    /// @notice Thrown when a proposal has no chunk, or too many.
    error InvalidChunks(uint256 chunks);
    /// @notice Thrown when chunks are not published in order.
    error WrongChunk(uint256 expected, uint256 given);
    /// @notice Thrown when a chunk or a list of accounts is longer than MAX_ENTRIES.
    error ChunkTooLarge(uint256 length, uint256 largest);
    /// @notice Thrown when the entries are not those that were published: take them from ChunkPublished.
    error ChunkMismatch(uint256 round, uint256 chunk);
    /// @notice Thrown when a chunk is distributed a second time.
    error ChunkDistributed(uint256 round, uint256 chunk);
    /// @notice Thrown when entries are not strictly ascending by (role, account).
    error EntriesOutOfOrder(Role role, address account);
    /// @notice Thrown when an entry breaks a limit; `limit` names it.
    error LimitExceeded(string limit, address account, uint256 value, uint256 bound);
    /// @notice Thrown when the published entries do not add up to the proposal; `total` names it.
    error TotalsMismatch(string total, uint256 proposed, uint256 published);
    /// @notice Thrown when something must wait until a window ends.
    error WindowStillOpen(uint256 round, uint256 endsAt);
    /// @notice Thrown when a proposal's time to publish has passed: `expire` it.
    error WindowClosed(uint256 round, uint256 endedAt);
    /// @notice Thrown when a round had all its proposals: its exit is due.
    error TooManyProposals(uint256 round, uint256 most);
    /// @notice Thrown when a round's last dispute found no majority: only its exit is left.
    error RoundHung(uint256 round);
    /// @notice Thrown when a round may still be settled: its audit has not failed, and its exit delay has not passed.
    error ExitNotDue(uint256 round, uint256 dueAt);
    /// @notice Thrown when an account has nothing pending to take out, or stands twice in the list.
    error NothingPending(Role role, address account);

    /// @notice A settlement is proposed: its sums, and the evidence it follows from.
    event SettlementProposed(
        uint256 indexed round,
        uint256 indexed dataset,
        address indexed proposer,
        bytes32 evidenceHash,
        uint32 chunks,
        uint256 bond,
        Totals totals
    );
    /// @notice A chunk of entries, whole: distributing it needs just these.
    event ChunkPublished(uint256 indexed round, uint32 indexed chunk, bytes32 chunkHash, Entry[] entries);
    /// @notice Everything is published: whoever finds it wrong challenges it by `challengeEnds`.
    event ChallengeWindowOpened(uint256 indexed round, uint64 challengeEnds);
    /// @notice The settlement stands: `paid` is on its way to the accounts, `carried` waits, `released` is free escrow again.
    event SettlementFinalized(uint256 indexed round, uint256 indexed dataset, uint256 paid, uint256 carried, uint256 released);
    /// @notice The accounts of a chunk have their pay, shares, and the bonds that do not stay.
    event ChunkPaid(uint256 indexed round, uint32 indexed chunk);
    /// @notice The last account of the round is paid.
    event SettlementDistributed(uint256 indexed round, uint256 indexed dataset);
    /// @notice A proposal was not published in time: its bond went to the treasury, and the round may be proposed anew or exit.
    event ProposalExpired(uint256 indexed round, address indexed proposer, uint256 bond);
    /// @notice The settlement is challenged: nothing about it moves until the jury decides.
    event SettlementSuspended(uint256 indexed round, bytes32 root);
    /// @notice The jury came to the published root; a further challenge is possible until `challengeEnds`.
    event SettlementUpheld(uint256 indexed round, uint64 challengeEnds);
    /// @notice The jury came to another root: the proposer lost the bond, and only `root` may be proposed again.
    event SettlementOverturned(uint256 indexed round, address indexed proposer, uint256 bond, bytes32 root);
    /// @notice No jury came to a majority: the proposer has the bond back, the exit is due.
    event SettlementHung(uint256 indexed round, address indexed proposer, uint256 bond);
    /// @notice A round ends without a settlement: every pending label is paid `labelPay` and mints `labelShares`, every vote `votePay`.
    event ExitStarted(
        uint256 indexed round,
        uint256 indexed dataset,
        uint256 labelPay,
        uint256 votePay,
        uint256 labelShares,
        uint256 paid,
        uint256 released
    );
    /// @param work labels of a contributor, votes of a validator
    event Exited(uint256 indexed round, Role role, address indexed account, uint256 work, uint256 paid, uint256 shares);

    /// @notice Entries a chunk holds at most.
    function MAX_ENTRIES() external view returns (uint256);
    /// @notice Worst slash of a validator, audit fees a vote.
    function MAX_SLASH_FEES() external view returns (uint256);
    /// @notice Entries of a chunk that slash a validator's stake, at most.
    function MAX_STAKE_SLASHES() external view returns (uint256);
    /// @notice Proposals a round takes at most; when so many expired, its exit is due at once.
    function MAX_PROPOSALS() external view returns (uint256);
    /// @notice Proposals of a round so far, without those that a jury overturned.
    function proposalsOf(uint256 round) external view returns (uint256);
    /// @notice Proposals of a round that expired.
    function expiredOf(uint256 round) external view returns (uint256);
    /// @notice Whether a settlement of the round is proposed, published, challenged or being distributed.
    function isUnderWay(uint256 round) external view returns (bool);
    function proposalOf(uint256 round) external view returns (Proposal memory);
    function totalsOf(uint256 round) external view returns (Totals memory);
    function chunkHashOf(uint256 round, uint256 chunk) external view returns (bytes32);
    function isDistributed(uint256 round, uint256 chunk) external view returns (bool);
    /// @notice LBL base units that a round's settlement can pay: its reserve and what waits from earlier ones.
    function heldOf(uint256 round) external view returns (uint256);
    /// @notice The root that a jury decided on, which alone may be published; 0 when there is none.
    function requiredRootOf(uint256 round) external view returns (bytes32);
    /// @notice Unix seconds at which the exit of a round that is audited and has no proposal is due.
    function exitDueAt(uint256 round) external view returns (uint256);
    /// @notice The dataset's last final round, 0 before the first.
    function lastFinalRound(uint256 dataset) external view returns (uint256);
    function waitingOf(uint256 dataset) external view returns (uint128 labels, uint128 votes);
    /// @notice The Ledger account that holds a dataset's bonds and undistributed pay.
    function accountOf(uint256 dataset) external view returns (bytes32);

    /// @notice Anyone proposes, with a bond of `IJury.bondOf(round)` out of their Ledger allowance and signatures of a panel majority (by
    /// weight that revealed, in ascending order of address) that they hold the evidence and let the caller
    /// propose. No signatures are needed once a jury decided on
    /// a root, nor for a closing round, which has no panel.
    function propose(
        uint256 round,
        bytes32 evidenceHash,
        uint32 chunks,
        Totals calldata totals,
        IAuditBoard.EvidenceSignature[] calldata signatures
    ) external;
    /// @notice The proposer publishes chunks 0, 1, … in order; the last one checks the sums, and the root when a jury decided on one, and
    /// opens the challenge window.
    function publish(uint256 round, uint32 chunk, Entry[] calldata entries) external;
    /// @notice Anyone, after the challenge window: fixes pay and shares, releases the rest of the reserve, returns the bond.
    function finalize(uint256 round) external;
    /// @notice Anyone, any order, each chunk once: pays, slashes, mints, and returns the bonds that do not stay (specification R7).
    function distribute(uint256 round, uint32 chunk, Entry[] calldata entries) external;

    /// @notice Anyone, once a proposer left chunks unpublished for one challenge window: their bond is lost, the round is as before.
    function expire(uint256 round) external;
    /// @notice Anyone, when no settlement came: the audit failed for good, or nothing is proposed and the dataset's exit delay has passed
    /// since the audit, or since the last proposal ended, or MAX_PROPOSALS expired, or a dispute hung. Silence pays the worker: all pending
    /// work is paid at the exit rate.
    /// @dev Contributors' shares come at that rate; validators and requester get none.
    function startExit(uint256 round) external;
    /// @notice Anyone, for any accounts with pending work, at most MAX_ENTRIES of each role: pays them and returns their bonds.
    /// @dev The last one ends the round.
    function exit(uint256 round, address[] calldata contributors, address[] calldata validators) external;
    /// @notice Anyone, at any time, for at most MAX_ENTRIES contributors: the bonds that cover none of a contributor's pending labels go
    /// back to their Ledger account. Who is named twice, or has nothing to release, gets nothing more and makes nothing fail.
    function releaseBonds(uint256 dataset, address[] calldata contributors) external;

    /// @notice Jury only: a challenge came within the window; what is published stays as it is.
    function suspend(uint256 round) external returns (bytes32 root);
    /// @notice Jury only: the published root is the jury's.
    function uphold(uint256 round) external returns (address proposer);
    /// @notice Jury only: the jury's root is another. The proposer's bond goes to the Jury's sub-account of the round.
    function overturn(uint256 round, bytes32 root) external returns (uint256 bond);
    /// @notice Jury only: no verdict.
    function hang(uint256 round) external;
}
