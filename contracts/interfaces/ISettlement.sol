// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ISettlement
/// @notice The result of a round by the scoring rule: proposed with a bond and a panel majority's signatures that they hold the
/// evidence, published entry by entry, final after the challenge window, distributed by anyone.
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
        Exiting
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
    struct Totals {
        uint32 entries;
        uint256 contributorReward;
        uint256 validatorReward;
        uint256 slash;
        uint256 contributorShares;
        uint256 validatorShares;
        uint256 requesterShares;
        uint256 waitingLabels;
        uint256 waitingVotes;
    }

    /// @dev EIP-712: Evidence(uint256 round,bytes32 evidenceHash)
    struct EvidenceSignature {
        address validator;
        bytes signature;
    }

    /// @param publishEnds unix seconds until which every chunk must be published, else the proposal expires
    struct Proposal {
        SettlementPhase phase;
        address proposer;
        uint32 chunks;
        uint32 published;
        uint32 distributed;
        uint64 publishEnds;
        uint64 challengeEnds;
        uint256 bond;
        bytes32 evidenceHash;
    }

    error WrongPhase(uint256 round, SettlementPhase phase);
    error NotAudited(uint256 round);
    /// @notice Thrown when the signatures weigh no more than half of the weight that revealed, or are not in ascending order of address.
    error NoPanelMajority(uint256 signed, uint256 revealed);
    error InvalidSignature(address validator);
    error NotProposer(address caller, address proposer);
    error InvalidChunks(uint256 chunks);
    error WrongChunk(uint256 expected, uint256 given);
    error ChunkTooLarge(uint256 length, uint256 largest);
    error ChunkMismatch(uint256 round, uint256 chunk);
    error ChunkDistributed(uint256 round, uint256 chunk);
    /// @notice Thrown when entries are not strictly ascending by (role, account).
    error EntriesOutOfOrder(Role role, address account);
    /// @notice Thrown when an entry breaks a limit; `limit` names it.
    error LimitExceeded(string limit, address account, uint256 value, uint256 bound);
    /// @notice Thrown when the published entries do not add up to the proposal; `total` names it.
    error TotalsMismatch(string total, uint256 proposed, uint256 published);
    error WindowStillOpen(uint256 round, uint256 endsAt);
    /// @notice Thrown when a proposal's time to publish has passed: `expire` it.
    error WindowClosed(uint256 round, uint256 endedAt);
    error TooManyProposals(uint256 round, uint256 most);
    /// @notice Thrown when a round may still be settled: its audit has not failed, and its exit delay has not passed.
    error ExitNotDue(uint256 round, uint256 dueAt);
    /// @notice Thrown when an account has nothing pending to take out, or stands twice in the list.
    error NothingPending(Role role, address account);

    event SettlementProposed(
        uint256 indexed round,
        uint256 indexed dataset,
        address indexed proposer,
        bytes32 evidenceHash,
        uint32 chunks,
        uint256 bond,
        Totals totals
    );
    event ChunkPublished(uint256 indexed round, uint32 indexed chunk, bytes32 chunkHash, Entry[] entries);
    event ChallengeWindowOpened(uint256 indexed round, uint64 challengeEnds);
    event SettlementFinalized(uint256 indexed round, uint256 indexed dataset, uint256 paid, uint256 carried, uint256 released);
    event ChunkPaid(uint256 indexed round, uint32 indexed chunk);
    event SettlementDistributed(uint256 indexed round, uint256 indexed dataset);
    /// @notice A proposal was not published in time: its bond went to the treasury, and the round may be proposed anew or exit.
    event ProposalExpired(uint256 indexed round, address indexed proposer, uint256 bond);
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
    /// @notice The proposer's bond, basis points of the round's reserve.
    function PROPOSAL_BOND_BPS() external view returns (uint256);
    /// @notice Worst slash of a validator, audit fees a vote.
    function MAX_SLASH_FEES() external view returns (uint256);
    /// @notice Proposals a round takes at most; when so many expired, its exit is due at once.
    function MAX_PROPOSALS() external view returns (uint256);
    /// @notice Proposals of a round so far.
    function proposalsOf(uint256 round) external view returns (uint256);
    function proposalOf(uint256 round) external view returns (Proposal memory);
    function totalsOf(uint256 round) external view returns (Totals memory);
    function chunkHashOf(uint256 round, uint256 chunk) external view returns (bytes32);
    function isDistributed(uint256 round, uint256 chunk) external view returns (bool);
    /// @notice The dataset's last final round, 0 before the first.
    function lastFinalRound(uint256 dataset) external view returns (uint256);
    function waitingOf(uint256 dataset) external view returns (uint128 labels, uint128 votes);
    /// @notice The Ledger account that holds a dataset's bonds and undistributed pay.
    function accountOf(uint256 dataset) external view returns (bytes32);

    function propose(
        uint256 round,
        bytes32 evidenceHash,
        uint32 chunks,
        Totals calldata totals,
        EvidenceSignature[] calldata signatures
    ) external;
    /// @notice The proposer publishes chunks 0, 1, … in order; the last one checks the sums and opens the challenge window.
    function publish(uint256 round, uint32 chunk, Entry[] calldata entries) external;
    /// @notice Anyone, after the challenge window: fixes pay and shares, releases the rest of the reserve, returns the bond.
    function finalize(uint256 round) external;
    /// @notice Anyone, any order, each chunk once: pays, returns bonds, slashes, mints.
    function distribute(uint256 round, uint32 chunk, Entry[] calldata entries) external;

    /// @notice Anyone, once a proposer left chunks unpublished for one challenge window: their bond is lost, the round is as before.
    function expire(uint256 round) external;
    /// @notice Anyone, when no settlement came: the audit failed for good, or nothing is proposed and the dataset's exit delay since
    /// the audit has passed, or MAX_PROPOSALS expired. Silence pays the worker: all pending work is paid at the exit rate.
    /// @dev Contributors' shares come at that rate; validators and requester get none.
    function startExit(uint256 round) external;
    /// @notice Anyone, for any accounts with pending work, at most MAX_ENTRIES of each role: pays them and returns their bonds.
    /// @dev The last one ends the round.
    function exit(uint256 round, address[] calldata contributors, address[] calldata validators) external;
}
