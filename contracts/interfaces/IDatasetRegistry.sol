// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IDatasetRegistry
/// @notice Datasets, their immutable terms, and the escrow of each. The escrow is the sub-account keyed by the dataset id; anyone
/// funds it by depositing there. What rounds may still pay is reserved; the requester can take back only the rest.
/// @dev Invariant 3: reserved(dataset) ≤ escrow balance, and covers everything that the dataset's rounds can still pay.
interface IDatasetRegistry {
    /// @param requester set to the creator; receives what is released and the requester's shares
    /// @param operator runs the backend: relays submissions. Never holds funds
    /// @param classes number of answers, 2–64
    /// @param panelSize seats drawn for a panel: odd, 3–9
    /// @param auditRate audited tasks of 256, 1–128
    /// @param minLabels labels a task gets at least; @param maxLabels at most, ≤ 64
    /// @param reward LBL base units for a perfect label; @param auditFee LBL base units an audited task and seat
    /// @param bond LBL base units a ticketed label; @param openBond LBL base units an open label, ≥ reward
    /// @param commitWindow, revealWindow, challengeWindow, exitDelay seconds, from IParameters.minWindow to MAX_WINDOW: stake
    /// is locked while a round lasts, so no term may make it last for ever
    /// @param exitRate basis points of the reward paid on exit, 4,000–6,000
    /// @param labelCap labels the dataset may ever accept; shares come from labels, so it bounds dilution
    /// @param contributorCredential, validatorCredential ids of credentials (ICredentials), the second also names the staking pool that
    /// audits; zero: open to everyone
    /// @param ruleId keccak256 of the scoring rule's name and version, such as "kappa-1"
    /// @param licenseFloor lowest license price, LBL base units; @param licenseTerm seconds
    /// @param protocolFeeBps the protocol's fee on sales, basis points: what it is at creation, and so for ever
    /// @param contributorsBps, validatorsBps, requesterBps split of new shares, summing to 10,000; contributors ≥ 5,000
    /// @param metadataHash keccak256 of the document at metadataUri (instructions and label schema)
    struct Terms {
        address requester;
        address operator;
        uint8 classes;
        uint8 panelSize;
        uint8 auditRate;
        uint8 minLabels;
        uint8 maxLabels;
        uint96 reward;
        uint96 auditFee;
        uint96 bond;
        uint96 openBond;
        uint32 commitWindow;
        uint32 revealWindow;
        uint32 challengeWindow;
        uint32 exitDelay;
        uint16 exitRate;
        uint32 labelCap;
        bytes32 contributorCredential;
        bytes32 validatorCredential;
        bytes32 ruleId;
        uint96 licenseFloor;
        uint32 licenseTerm;
        uint16 contributorsBps;
        uint16 validatorsBps;
        uint16 requesterBps;
        uint16 protocolFeeBps;
        bytes32 metadataHash;
        string metadataUri;
    }

    /// @notice What paying for work needs of the terms: half of their slots.
    struct PayTerms {
        address requester;
        uint8 panelSize;
        uint96 reward;
        uint96 auditFee;
        uint96 bond;
        uint96 openBond;
        uint32 challengeWindow;
        uint32 exitDelay;
        uint16 exitRate;
        uint16 contributorsBps;
        uint16 validatorsBps;
        uint16 requesterBps;
    }

    /// @notice Thrown when a term is outside its bounds; `term` is its name.
    error InvalidTerm(string term);
    /// @notice Thrown when no dataset has this id.
    error UnknownDataset(uint256 dataset);
    /// @notice Thrown when somebody else acts as a dataset's requester.
    error NotRequester(address caller, address requester);
    /// @notice Thrown when the free escrow is less than what a round or a withdrawal asks for.
    error InsufficientEscrow(uint256 dataset, uint256 free, uint256 needed);
    /// @notice Thrown when a settlement would take more than the dataset's reserve.
    error ReserveExceeded(uint256 dataset, uint256 reserved, uint256 needed);

    /// @notice A dataset exists, with terms that nobody can change.
    event DatasetCreated(uint256 indexed dataset, address indexed requester, address indexed operator, Terms terms);
    /// @notice A round set `amount` aside; `reserved` is all that rounds may still take.
    event EscrowReserved(uint256 indexed dataset, uint256 amount, uint256 reserved);
    /// @notice `paid` went to the Settlement's account of the dataset, `released` back to the free escrow.
    event EscrowSettled(uint256 indexed dataset, uint256 paid, uint256 released, uint256 reserved);
    /// @notice The requester took back escrow that no round has reserved.
    event FreeWithdrawn(uint256 indexed dataset, bytes32 indexed to, uint256 amount);

    /// @notice The longest window a dataset may set, seconds.
    function MAX_WINDOW() external view returns (uint32);
    /// @notice Ids run from 1 to this.
    function datasetCount() external view returns (uint256);
    function termsOf(uint256 dataset) external view returns (Terms memory);
    function requesterOf(uint256 dataset) external view returns (address);
    function payTermsOf(uint256 dataset) external view returns (PayTerms memory);
    /// @notice The credential that is the dataset's pool of validators, 0: open to everyone.
    function poolOf(uint256 dataset) external view returns (bytes32);
    /// @notice The Ledger account to deposit to in order to fund the dataset.
    function escrowAccountOf(uint256 dataset) external view returns (bytes32);
    function reservedOf(uint256 dataset) external view returns (uint256);
    function freeOf(uint256 dataset) external view returns (uint256);

    /// @notice Creates a dataset, and its offer at the DatasetMarket. `terms.requester` must be the caller.
    function create(Terms calldata terms) external returns (uint256 dataset);
    /// @notice The requester takes back escrow that is not reserved.
    function withdrawFree(uint256 dataset, bytes32 to, uint256 amount) external;
    /// @notice LabelRegistry only: sets aside what a round may pay.
    function reserve(uint256 dataset, uint256 amount) external;
    /// @notice Settlement or LabelRegistry only: of the reserve, pays `paid` to Settlement's sub-account of the dataset and frees `released`.
    function settle(uint256 dataset, uint256 paid, uint256 released) external;
}
