// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IJury} from "./interfaces/IJury.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {ILimits} from "./interfaces/ILimits.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {ISortition} from "./interfaces/ISortition.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Entries} from "./libraries/Entries.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title Proposals
/// @notice Which settlement a round gets: proposed, published, perhaps challenged, or expired. What it then does is Settlement's.
/// @dev The Ledger's sub-account PROPOSAL_BONDS holds the proposers' bonds.
abstract contract Proposals is ISettlement, EIP712 {
    /// @inheritdoc ISettlement
    uint256 public constant MAX_PROPOSALS = 3;
    uint256 private constant MAX_CHUNKS = 10_000;
    bytes32 internal constant PROPOSAL_BONDS = keccak256("proposal bonds");

    ILedger internal immutable LEDGER;
    IDatasetRegistry internal immutable REGISTRY;
    ILabelRegistry internal immutable LABEL_REGISTRY;
    IAuditBoard internal immutable AUDIT_BOARD;
    ILimits private immutable LIMITS;
    IJury private immutable JURY;
    bytes32 internal immutable TREASURY_ACCOUNT;

    struct Waiting {
        uint128 labels;
        uint128 votes;
    }

    mapping(uint256 round => Proposal) internal _proposals;
    mapping(uint256 round => Totals) internal _totals;
    mapping(uint256 round => ILimits.Progress) private _progress;
    /// @dev When the last proposal of a round ended without a settlement.
    mapping(uint256 round => uint64) internal _reopenedAt;
    /// @dev Whether the round's last dispute found no majority.
    mapping(uint256 round => bool) internal _hung;
    /// @inheritdoc ISettlement
    mapping(uint256 round => uint256) public proposalsOf;
    /// @inheritdoc ISettlement
    mapping(uint256 round => bytes32) public requiredRootOf;
    /// @inheritdoc ISettlement
    mapping(uint256 round => mapping(uint256 chunk => bytes32)) public chunkHashOf;
    /// @inheritdoc ISettlement
    mapping(uint256 dataset => Waiting) public waitingOf;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
        LIMITS = ILimits(protocol.limits);
        JURY = IJury(protocol.jury);
        TREASURY_ACCOUNT = Accounts.user(protocol.treasury);
    }

    modifier onlyJury() {
        if (msg.sender != address(JURY)) revert OnlyProtocol(msg.sender, address(JURY));
        _;
    }

    // Propose and publish

    /// @inheritdoc ISettlement
    function propose(
        uint256 round,
        bytes32 evidenceHash,
        uint32 chunks,
        Totals calldata totals,
        IAuditBoard.EvidenceSignature[] calldata signatures
    ) external {
        _requirePhase(round, SettlementPhase.None);
        if (AUDIT_BOARD.auditOf(round).phase != ISortition.Phase.Concluded) revert NotAudited(round);
        if (chunks == 0 || chunks > MAX_CHUNKS) revert InvalidChunks(chunks);
        if (_hung[round]) revert RoundHung(round);
        if (requiredRootOf[round] == bytes32(0)) _requirePanelMajority(round, evidenceHash, signatures);
        uint256 bond = JURY.bondOf(round);
        if (++proposalsOf[round] > MAX_PROPOSALS) revert TooManyProposals(round, MAX_PROPOSALS);
        uint256 dataset = LABEL_REGISTRY.datasetOf(round);
        Proposal storage p = _proposals[round];
        (p.phase, p.proposer, p.chunks) = (SettlementPhase.Proposed, msg.sender, uint16(chunks));
        p.publishEnds = uint64(block.timestamp) + REGISTRY.payTermsOf(dataset).challengeWindow;
        // All LBL there is fits 90 bits: a bond that does not could not be taken below.
        (p.bond, p.evidenceHash) = (uint96(bond), evidenceHash);
        _totals[round] = totals;
        emit SettlementProposed(round, dataset, msg.sender, evidenceHash, chunks, bond, totals);
        LEDGER.spend(msg.sender, Accounts.sub(address(this), PROPOSAL_BONDS), bond);
    }

    /// @inheritdoc ISettlement
    function publish(uint256 round, uint32 chunk, Entry[] calldata entries) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Proposed);
        if (msg.sender != p.proposer) revert NotProposer(msg.sender, p.proposer);
        if (block.timestamp > p.publishEnds) revert WindowClosed(round, p.publishEnds);
        if (chunk != p.published) revert WrongChunk(p.published, chunk);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.PayTerms memory terms = REGISTRY.payTermsOf(r.dataset);
        ILimits.Progress memory progress = _progress[round];
        if (chunk == 0) progress.root = bytes32(round);
        progress = LIMITS.tally(r.dataset, terms, progress, entries);
        bytes32 chunkHash = Entries.hash(round, chunk, entries);
        chunkHashOf[round][chunk] = chunkHash;
        emit ChunkPublished(round, chunk, chunkHash, entries);
        if (++p.published == p.chunks) {
            _close(round, r, terms, progress);
            p.phase = SettlementPhase.Published;
            p.challengeEnds = uint64(block.timestamp) + terms.challengeWindow;
            emit ChallengeWindowOpened(round, p.challengeEnds);
        } else {
            _progress[round] = progress;
        }
    }

    /// @inheritdoc ISettlement
    function expire(uint256 round) external {
        uint256 publishEnds = _proposals[round].publishEnds;
        if (block.timestamp <= publishEnds) revert WindowStillOpen(round, publishEnds);
        Proposal memory p = _reopen(round, SettlementPhase.Proposed);
        emit ProposalExpired(round, p.proposer, p.bond);
        LEDGER.move(PROPOSAL_BONDS, TREASURY_ACCOUNT, p.bond);
    }

    // Disputes

    /// @inheritdoc ISettlement
    function suspend(uint256 round) external onlyJury returns (bytes32 root) {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Published);
        if (block.timestamp > p.challengeEnds) revert WindowClosed(round, p.challengeEnds);
        p.phase = SettlementPhase.Challenged;
        emit SettlementSuspended(round, p.root);
        return p.root;
    }

    /// @inheritdoc ISettlement
    function uphold(uint256 round) external onlyJury returns (address proposer) {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Challenged);
        p.phase = SettlementPhase.Published;
        p.challengeEnds = uint64(block.timestamp) + REGISTRY.payTermsOf(LABEL_REGISTRY.datasetOf(round)).challengeWindow;
        emit SettlementUpheld(round, p.challengeEnds);
        return p.proposer;
    }

    /// @inheritdoc ISettlement
    function overturn(uint256 round, bytes32 root) external onlyJury returns (uint256 bond) {
        Proposal memory p = _reopen(round, SettlementPhase.Challenged);
        --proposalsOf[round];
        requiredRootOf[round] = root;
        emit SettlementOverturned(round, p.proposer, p.bond, root);
        LEDGER.move(PROPOSAL_BONDS, Accounts.sub(address(JURY), round), p.bond);
        return p.bond;
    }

    /// @inheritdoc ISettlement
    function hang(uint256 round) external onlyJury {
        Proposal memory p = _reopen(round, SettlementPhase.Challenged);
        _hung[round] = true;
        emit SettlementHung(round, p.proposer, p.bond);
        LEDGER.move(PROPOSAL_BONDS, Accounts.user(p.proposer), p.bond);
    }

    // Views

    /// @inheritdoc ISettlement
    function proposalOf(uint256 round) external view returns (Proposal memory) {
        return _proposals[round];
    }

    /// @inheritdoc ISettlement
    function totalsOf(uint256 round) external view returns (Totals memory) {
        return _totals[round];
    }

    /// @inheritdoc ISettlement
    function expiredOf(uint256 round) external view returns (uint256) {
        SettlementPhase phase = _proposals[round].phase;
        bool live = phase == SettlementPhase.Proposed || phase == SettlementPhase.Published || phase == SettlementPhase.Challenged;
        return proposalsOf[round] - (live ? 1 : 0);
    }

    /// @inheritdoc ISettlement
    function isUnderWay(uint256 round) external view returns (bool) {
        SettlementPhase phase = _proposals[round].phase;
        return phase != SettlementPhase.None && phase != SettlementPhase.Distributed;
    }

    /// @inheritdoc ISettlement
    function heldOf(uint256 round) external view returns (uint256) {
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        return _held(r, REGISTRY.payTermsOf(r.dataset));
    }

    // Internals

    function _requirePhase(uint256 round, SettlementPhase phase) internal view {
        if (_proposals[round].phase != phase) revert WrongPhase(round, _proposals[round].phase);
    }

    function _requirePanelMajority(uint256 round, bytes32 evidenceHash, IAuditBoard.EvidenceSignature[] calldata signatures)
        internal
        view
    {
        uint256 revealed = AUDIT_BOARD.totalRevealedWeight(round);
        // A closing round has no panel.
        if (revealed == 0) return;
        bytes32 digest = _hashTypedDataV4(Typed.evidence(round, evidenceHash, msg.sender));
        uint256 signed = AUDIT_BOARD.signedWeight(round, digest, signatures);
        if (signed * 2 <= revealed) revert NoPanelMajority(signed, revealed);
    }

    /// @dev What a round can pay: its reserve and what earlier settlements carried.
    function _held(ILabelRegistry.Round memory r, IDatasetRegistry.PayTerms memory terms) internal view returns (uint256) {
        Waiting memory before = waitingOf[r.dataset];
        return r.reserve + uint256(before.labels) * terms.reward + uint256(before.votes) * terms.auditFee;
    }

    function _close(
        uint256 round,
        ILabelRegistry.Round memory r,
        IDatasetRegistry.PayTerms memory terms,
        ILimits.Progress memory progress
    ) internal {
        bytes32 required = requiredRootOf[round];
        if (required != bytes32(0) && required != progress.root) revert NotTheVerdict(round, progress.root, required);
        Waiting memory before = waitingOf[r.dataset];
        uint256 labels = uint256(r.labels) + before.labels;
        uint256 votes = uint256(r.sampleSize) * terms.panelSize + before.votes;
        LIMITS.check(r.dataset, terms, progress, _totals[round], labels, votes);
        _proposals[round].root = progress.root;
        delete _progress[round];
    }

    /// @dev Ends a proposal in `phase`; nothing of it remains, and the exit's clock starts anew.
    function _reopen(uint256 round, SettlementPhase phase) internal returns (Proposal memory p) {
        _requirePhase(round, phase);
        p = _proposals[round];
        delete _proposals[round];
        delete _totals[round];
        delete _progress[round];
        _reopenedAt[round] = uint64(block.timestamp);
    }
}
