// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IDatasetShares} from "./interfaces/IDatasetShares.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Limits} from "./libraries/Limits.sol";
import {Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title Settlement
/// @notice The result of a round: proposed, published, final, distributed; or the exit, when no settlement comes.
/// @dev Between publish and distribute no label or vote of the dataset can become pending: the next round opens only after full
/// distribution (specification R1). So limits checked while publishing still hold when distributing, which therefore cannot fail.
/// Sub-accounts of the Ledger: bytes32(dataset) holds bonds and undistributed pay, PROPOSAL_BONDS the proposers' bonds.
contract Settlement is ISettlement, EIP712 {
    /// @inheritdoc ISettlement
    uint256 public constant MAX_ENTRIES = 100;
    /// @inheritdoc ISettlement
    uint256 public constant PROPOSAL_BOND_BPS = 500;
    /// @inheritdoc ISettlement
    uint256 public constant MAX_SLASH_FEES = Limits.MAX_SLASH_FEES;
    /// @inheritdoc ISettlement
    uint256 public constant MAX_PROPOSALS = 3;
    uint256 private constant MAX_CHUNKS = 10_000;
    uint256 private constant ONE = Limits.ONE;
    uint256 private constant BPS = 10_000;
    bytes32 private constant PROPOSAL_BONDS = keccak256("proposal bonds");

    ILedger private immutable LEDGER;
    IDatasetRegistry private immutable REGISTRY;
    ILabelRegistry private immutable LABEL_REGISTRY;
    IAuditBoard private immutable AUDIT_BOARD;
    IStaking private immutable STAKING;
    IDatasetShares private immutable SHARES;
    bytes32 private immutable TREASURY_ACCOUNT;

    struct Waiting {
        uint128 labels;
        uint128 votes;
    }

    /// @dev What publishing has seen so far: the last key (role, account), and how many accounts of each role.
    struct Progress {
        uint168 lastKey;
        uint32 contributors;
        uint32 validators;
    }

    /// @dev What one label and one vote take out of a round that exits.
    struct ExitRates {
        uint96 labelPay;
        uint96 votePay;
        uint64 labelShares;
    }

    mapping(uint256 round => Proposal) private _proposals;
    mapping(uint256 round => ExitRates) private _exitRates;
    /// @inheritdoc ISettlement
    mapping(uint256 round => uint256) public proposalsOf;
    mapping(uint256 round => Totals) private _totals;
    mapping(uint256 round => Totals) private _published;
    mapping(uint256 round => Progress) private _progress;
    /// @inheritdoc ISettlement
    mapping(uint256 round => mapping(uint256 chunk => bytes32)) public chunkHashOf;
    /// @inheritdoc ISettlement
    mapping(uint256 round => mapping(uint256 chunk => bool)) public isDistributed;
    /// @inheritdoc ISettlement
    mapping(uint256 dataset => uint256) public lastFinalRound;
    /// @inheritdoc ISettlement
    mapping(uint256 dataset => Waiting) public waitingOf;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
        STAKING = IStaking(protocol.staking);
        SHARES = IDatasetShares(protocol.datasetShares);
        TREASURY_ACCOUNT = bytes32(uint256(uint160(protocol.treasury)));
    }

    // Propose and publish

    /// @inheritdoc ISettlement
    function propose(
        uint256 round,
        bytes32 evidenceHash,
        uint32 chunks,
        Totals calldata totals,
        EvidenceSignature[] calldata signatures
    ) external {
        _requirePhase(round, SettlementPhase.None);
        if (AUDIT_BOARD.auditOf(round).phase != IAuditBoard.AuditPhase.Audited) revert NotAudited(round);
        if (chunks == 0 || chunks > MAX_CHUNKS) revert InvalidChunks(chunks);
        _requirePanelMajority(round, evidenceHash, signatures);
        if (++proposalsOf[round] > MAX_PROPOSALS) revert TooManyProposals(round, MAX_PROPOSALS);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        uint256 bond = r.reserve * PROPOSAL_BOND_BPS / BPS;
        Proposal storage p = _proposals[round];
        (p.phase, p.proposer, p.chunks) = (SettlementPhase.Proposed, msg.sender, chunks);
        p.publishEnds = uint64(block.timestamp) + REGISTRY.termsOf(r.dataset).challengeWindow;
        (p.bond, p.evidenceHash) = (bond, evidenceHash);
        _totals[round] = totals;
        emit SettlementProposed(round, r.dataset, msg.sender, evidenceHash, chunks, bond, totals);
        LEDGER.spend(msg.sender, LEDGER.subAccountOf(address(this), PROPOSAL_BONDS), bond);
    }

    /// @inheritdoc ISettlement
    function publish(uint256 round, uint32 chunk, Entry[] calldata entries) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Proposed);
        if (msg.sender != p.proposer) revert NotProposer(msg.sender, p.proposer);
        if (block.timestamp > p.publishEnds) revert WindowClosed(round, p.publishEnds);
        if (chunk != p.published) revert WrongChunk(p.published, chunk);
        if (entries.length > MAX_ENTRIES) revert ChunkTooLarge(entries.length, MAX_ENTRIES);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        _tally(round, r.dataset, terms, entries);
        bytes32 chunkHash = keccak256(abi.encode(round, chunk, entries));
        chunkHashOf[round][chunk] = chunkHash;
        emit ChunkPublished(round, chunk, chunkHash, entries);
        if (++p.published == p.chunks) {
            _checkTotals(round, r, terms);
            p.phase = SettlementPhase.Published;
            p.challengeEnds = uint64(block.timestamp) + terms.challengeWindow;
            emit ChallengeWindowOpened(round, p.challengeEnds);
        }
    }

    // Finalize and distribute

    /// @inheritdoc ISettlement
    function finalize(uint256 round) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Published);
        if (block.timestamp <= p.challengeEnds) revert WindowStillOpen(round, p.challengeEnds);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        Totals memory t = _totals[round];
        Waiting memory before = waitingOf[r.dataset];
        uint256 paid = t.contributorReward + t.validatorReward;
        uint256 carried = t.waitingLabels * terms.reward + t.waitingVotes * terms.auditFee;
        uint256 held = r.reserve + uint256(before.labels) * terms.reward + uint256(before.votes) * terms.auditFee;
        uint256 released = held - paid - carried;

        p.phase = SettlementPhase.Final;
        waitingOf[r.dataset] = Waiting({labels: uint128(t.waitingLabels), votes: uint128(t.waitingVotes)});
        lastFinalRound[r.dataset] = round;
        emit SettlementFinalized(round, r.dataset, paid, carried, released);
        REGISTRY.settle(r.dataset, paid, released);
        SHARES.finalizeRound(r.dataset, round, t.contributorShares + t.validatorShares + t.requesterShares);
        AUDIT_BOARD.releasePanel(round);
        LEDGER.move(PROPOSAL_BONDS, LEDGER.accountOf(p.proposer), p.bond);
    }

    /// @inheritdoc ISettlement
    function distribute(uint256 round, uint32 chunk, Entry[] calldata entries) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Final);
        if (isDistributed[round][chunk]) revert ChunkDistributed(round, chunk);
        // A hash at or past `chunks` is left from a proposal that expired.
        if (chunk >= p.chunks || chunkHashOf[round][chunk] != keccak256(abi.encode(round, chunk, entries))) revert ChunkMismatch(round, chunk);
        isDistributed[round][chunk] = true;
        emit ChunkPaid(round, chunk);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        _slashStakes(REGISTRY.termsOf(r.dataset).validatorCredential, entries);
        _pay(r.dataset, r.bond, entries);
        _mint(r.dataset, round, entries);
        if (++p.distributed == p.chunks) {
            p.phase = SettlementPhase.Distributed;
            emit SettlementDistributed(round, r.dataset);
            LABEL_REGISTRY.markSettled(round);
        }
    }

    // What ends without a settlement

    /// @inheritdoc ISettlement
    function expire(uint256 round) external {
        Proposal memory p = _proposals[round];
        _requirePhase(round, SettlementPhase.Proposed);
        if (block.timestamp <= p.publishEnds) revert WindowStillOpen(round, p.publishEnds);
        delete _proposals[round];
        delete _totals[round];
        delete _published[round];
        delete _progress[round];
        emit ProposalExpired(round, p.proposer, p.bond);
        LEDGER.move(PROPOSAL_BONDS, TREASURY_ACCOUNT, p.bond);
    }

    /// @inheritdoc ISettlement
    function startExit(uint256 round) external {
        _requirePhase(round, SettlementPhase.None);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        uint256 revealed = _requireExitDue(round, terms.exitDelay);
        Waiting memory before = waitingOf[r.dataset];
        ExitRates memory rates = ExitRates({
            labelPay: uint96(uint256(terms.reward) * terms.exitRate / BPS),
            votePay: uint96(uint256(terms.auditFee) * terms.exitRate / BPS),
            labelShares: uint64(ONE * terms.exitRate / BPS)
        });
        uint256 labels = uint256(r.labels) + before.labels;
        uint256 votes = revealed * r.sampleSize + before.votes;
        uint256 paid = labels * rates.labelPay + votes * rates.votePay;
        uint256 held = r.reserve + uint256(before.labels) * terms.reward + uint256(before.votes) * terms.auditFee;

        _proposals[round].phase = SettlementPhase.Exiting;
        _exitRates[round] = rates;
        delete waitingOf[r.dataset];
        lastFinalRound[r.dataset] = round;
        emit ExitStarted(round, r.dataset, rates.labelPay, rates.votePay, rates.labelShares, paid, held - paid);
        REGISTRY.settle(r.dataset, paid, held - paid);
        SHARES.finalizeRound(r.dataset, round, labels * rates.labelShares);
        if (revealed != 0) AUDIT_BOARD.releasePanel(round);
    }

    /// @inheritdoc ISettlement
    function exit(uint256 round, address[] calldata contributors, address[] calldata validators) external {
        _requirePhase(round, SettlementPhase.Exiting);
        uint256 largest = contributors.length > validators.length ? contributors.length : validators.length;
        if (largest > MAX_ENTRIES) revert ChunkTooLarge(largest, MAX_ENTRIES);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        _payExits(round, r.dataset, r.bond, contributors, validators);
        if (LABEL_REGISTRY.pendingContributors(r.dataset) + AUDIT_BOARD.pendingValidators(r.dataset) == 0) {
            _proposals[round].phase = SettlementPhase.Distributed;
            emit SettlementDistributed(round, r.dataset);
            LABEL_REGISTRY.markSettled(round);
        }
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
    function accountOf(uint256 dataset) external view returns (bytes32) {
        return LEDGER.subAccountOf(address(this), bytes32(dataset));
    }

    // Internals: publishing

    function _requirePhase(uint256 round, SettlementPhase phase) internal view {
        if (_proposals[round].phase != phase) revert WrongPhase(round, _proposals[round].phase);
    }

    function _requirePanelMajority(uint256 round, bytes32 evidenceHash, EvidenceSignature[] calldata signatures) internal view {
        bytes32 digest = _hashTypedDataV4(Typed.evidence(round, evidenceHash));
        uint256 signed;
        address previous;
        uint256 revealed = AUDIT_BOARD.totalRevealedWeight(round);
        for (uint256 i; i < signatures.length; ++i) {
            address validator = signatures[i].validator;
            if (validator <= previous) revert NoPanelMajority(signed, revealed);
            if (!Signatures.isBy(validator, digest, signatures[i].signature)) revert InvalidSignature(validator);
            signed += AUDIT_BOARD.revealedWeightOf(round, validator);
            previous = validator;
        }
        if (signed * 2 <= revealed) revert NoPanelMajority(signed, revealed);
    }

    function _tally(uint256 round, uint256 dataset, IDatasetRegistry.Terms memory terms, Entry[] calldata entries) internal {
        Totals memory sum = _published[round];
        Progress memory progress = _progress[round];
        for (uint256 i; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            // Plus one, so that the first key is above the empty one.
            uint168 key = (uint168(uint8(e.role)) << 160 | uint160(e.account)) + 1;
            if (key <= progress.lastKey) revert EntriesOutOfOrder(e.role, e.account);
            progress.lastKey = key;
            ++sum.entries;
            sum.slash += e.slash;
            if (e.role == Role.Contributor) {
                Limits.contributor(e, LABEL_REGISTRY.contributorOf(dataset, e.account).pending, terms);
                ++progress.contributors;
                sum.contributorReward += e.reward;
                sum.contributorShares += e.shares;
                sum.waitingLabels += e.waiting;
            } else if (e.role == Role.Validator) {
                Limits.validator(e, AUDIT_BOARD.pendingVotesOf(dataset, e.account), terms);
                ++progress.validators;
                sum.validatorReward += e.reward;
                sum.validatorShares += e.shares;
                sum.waitingVotes += e.waiting;
            } else {
                Limits.requester(e, terms.requester);
                sum.requesterShares += e.shares;
            }
        }
        _published[round] = sum;
        _progress[round] = progress;
    }

    function _checkTotals(uint256 round, ILabelRegistry.Round memory r, IDatasetRegistry.Terms memory terms) internal view {
        Progress memory progress = _progress[round];
        Limits.same("contributors with pending labels", LABEL_REGISTRY.pendingContributors(r.dataset), progress.contributors);
        Limits.same("validators with pending votes", AUDIT_BOARD.pendingValidators(r.dataset), progress.validators);
        Waiting memory before = waitingOf[r.dataset];
        uint256 votes = uint256(r.sampleSize) * terms.panelSize + before.votes;
        Totals memory published = _published[round];
        Limits.equal(_totals[round], published);
        Limits.totals(published, uint256(r.labels) + before.labels, votes, terms);
    }

    // Internals: distributing

    /// @dev Credits reward + bond − slash to each account and the contributors' slashes to the treasury, in one move.
    function _pay(uint256 dataset, uint256 bond, Entry[] calldata entries) internal {
        address[] memory contributors = _deciding(Role.Contributor, entries);
        address[] memory validators = _deciding(Role.Validator, entries);
        uint32[] memory labels = LABEL_REGISTRY.settleContributors(dataset, contributors);
        AUDIT_BOARD.settleValidators(dataset, validators);
        ILedger.Credit[] memory credits = new ILedger.Credit[](contributors.length + validators.length + 1);
        uint256 next;
        uint256 slashed;
        for (uint256 i; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            if (e.role == Role.Requester || e.waiting != 0) continue;
            uint256 amount = e.reward;
            if (e.role == Role.Contributor) {
                amount += labels[next] * bond - e.slash;
                slashed += e.slash;
            }
            credits[next++] = ILedger.Credit(Accounts.user(e.account), amount);
        }
        credits[next] = ILedger.Credit(TREASURY_ACCOUNT, slashed);
        LEDGER.moveBatch(bytes32(dataset), credits);
    }

    function _deciding(Role role, Entry[] calldata entries) internal pure returns (address[] memory accounts) {
        uint256 count;
        accounts = new address[](entries.length);
        for (uint256 i; i < entries.length; ++i) {
            if (entries[i].role == role && entries[i].waiting == 0) accounts[count++] = entries[i].account;
        }
        assembly ("memory-safe") {
            // Shortens the array in place: count <= entries.length.
            mstore(accounts, count)
        }
    }

    function _slashStakes(bytes32 pool, Entry[] calldata entries) internal {
        for (uint256 i; i < entries.length; ++i) {
            if (entries[i].role == Role.Validator && entries[i].slash != 0) {
                STAKING.slash(pool, entries[i].account, entries[i].slash);
            }
        }
    }

    function _mint(uint256 dataset, uint256 round, Entry[] calldata entries) internal {
        uint256 count;
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](entries.length);
        for (uint256 i; i < entries.length; ++i) {
            if (entries[i].shares != 0) mints[count++] = IDatasetShares.Mint(entries[i].account, entries[i].shares);
        }
        assembly ("memory-safe") {
            // Shortens the array in place: count <= entries.length.
            mstore(mints, count)
        }
        if (count != 0) SHARES.mint(dataset, round, mints);
    }

    // Internals: exiting

    /// @return revealed weight of the panel whose votes are pending, 0 when the audit failed
    function _requireExitDue(uint256 round, uint256 delay) internal view returns (uint256 revealed) {
        IAuditBoard.Audit memory audit = AUDIT_BOARD.auditOf(round);
        if (audit.phase == IAuditBoard.AuditPhase.Failed) return 0;
        if (audit.phase != IAuditBoard.AuditPhase.Audited) revert NotAudited(round);
        uint256 dueAt = audit.concludedAt + delay;
        if (block.timestamp <= dueAt && proposalsOf[round] < MAX_PROPOSALS) revert ExitNotDue(round, dueAt);
        return AUDIT_BOARD.totalRevealedWeight(round);
    }

    /// @dev Settles the accounts' pending work in their registries first: an account named twice has none the second time.
    function _payExits(
        uint256 round,
        uint256 dataset,
        uint256 bond,
        address[] calldata contributors,
        address[] calldata validators
    ) internal {
        ExitRates memory rates = _exitRates[round];
        uint32[] memory labels = LABEL_REGISTRY.settleContributors(dataset, contributors);
        uint64[] memory votes = AUDIT_BOARD.settleValidators(dataset, validators);
        ILedger.Credit[] memory credits = new ILedger.Credit[](contributors.length + validators.length);
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](contributors.length);
        for (uint256 i; i < contributors.length; ++i) {
            if (labels[i] == 0) revert NothingPending(Role.Contributor, contributors[i]);
            uint256 pay = uint256(labels[i]) * rates.labelPay;
            uint64 shares = uint64(labels[i]) * rates.labelShares;
            credits[i] = ILedger.Credit(Accounts.user(contributors[i]), pay + labels[i] * bond);
            mints[i] = IDatasetShares.Mint(contributors[i], shares);
            emit Exited(round, Role.Contributor, contributors[i], labels[i], pay, shares);
        }
        for (uint256 i; i < validators.length; ++i) {
            if (votes[i] == 0) revert NothingPending(Role.Validator, validators[i]);
            uint256 pay = uint256(votes[i]) * rates.votePay;
            credits[contributors.length + i] = ILedger.Credit(Accounts.user(validators[i]), pay);
            emit Exited(round, Role.Validator, validators[i], votes[i], pay, 0);
        }
        LEDGER.moveBatch(bytes32(dataset), credits);
        if (mints.length != 0) SHARES.mint(dataset, round, mints);
    }
}
