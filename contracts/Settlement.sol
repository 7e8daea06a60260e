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
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title Settlement
/// @notice The result of a round: proposed, published, final, distributed.
/// @dev Between publish and distribute no label or vote of the dataset can become pending: the next round opens only after full
/// distribution (specification R1). So limits checked while publishing still hold when distributing, which therefore cannot fail.
/// Sub-accounts of the Ledger: bytes32(dataset) holds bonds and undistributed pay, PROPOSAL_BONDS the proposers' bonds.
contract Settlement is ISettlement, EIP712 {
    /// @inheritdoc ISettlement
    uint256 public constant MAX_ENTRIES = 100;
    /// @inheritdoc ISettlement
    uint256 public constant PROPOSAL_BOND_BPS = 500;
    /// @inheritdoc ISettlement
    uint256 public constant MAX_SLASH_FEES = 5;
    uint256 private constant MAX_CHUNKS = 10_000;
    uint256 private constant ONE = 1 << 16;
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

    mapping(uint256 round => Proposal) private _proposals;
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
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        uint256 bond = r.reserve * PROPOSAL_BOND_BPS / BPS;
        Proposal storage p = _proposals[round];
        (p.phase, p.proposer, p.chunks) = (SettlementPhase.Proposed, msg.sender, chunks);
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
        if (chunkHashOf[round][chunk] != keccak256(abi.encode(round, chunk, entries))) revert ChunkMismatch(round, chunk);
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
                _checkContributor(e, LABEL_REGISTRY.contributorOf(dataset, e.account).pending, terms);
                ++progress.contributors;
                sum.contributorReward += e.reward;
                sum.contributorShares += e.shares;
                sum.waitingLabels += e.waiting;
            } else if (e.role == Role.Validator) {
                _checkValidator(e, AUDIT_BOARD.pendingVotesOf(dataset, e.account), terms);
                ++progress.validators;
                sum.validatorReward += e.reward;
                sum.validatorShares += e.shares;
                sum.waitingVotes += e.waiting;
            } else {
                _limit("requester", e.account, e.account == terms.requester ? 0 : 1, 0);
                _limit("requester pay", e.account, uint256(e.reward) + e.slash + e.waiting, 0);
                sum.requesterShares += e.shares;
            }
        }
        _published[round] = sum;
        _progress[round] = progress;
    }

    function _checkContributor(Entry calldata e, uint256 pending, IDatasetRegistry.Terms memory terms) internal pure {
        if (pending == 0) revert LimitExceeded("pending labels", e.account, 1, 0);
        _checkWaiting(e, pending);
        _limit("reward", e.account, e.reward, pending * terms.reward);
        _limit("slash", e.account, e.slash, pending * terms.bond);
        _limit("shares", e.account, e.shares, pending * ONE);
    }

    function _checkValidator(Entry calldata e, uint256 pending, IDatasetRegistry.Terms memory terms) internal pure {
        if (pending == 0) revert LimitExceeded("pending votes", e.account, 1, 0);
        _checkWaiting(e, pending);
        _limit("reward", e.account, e.reward, pending * terms.auditFee);
        _limit("slash", e.account, e.slash, MAX_SLASH_FEES * pending * terms.auditFee);
    }

    /// @dev An entry decides all of an account's pending work or none of it.
    function _checkWaiting(Entry calldata e, uint256 pending) internal pure {
        if (e.waiting == 0) return;
        if (e.waiting != pending) revert LimitExceeded("waiting", e.account, e.waiting, pending);
        _limit("pay while waiting", e.account, uint256(e.reward) + e.slash + e.shares, 0);
    }

    function _limit(string memory name, address account, uint256 value, uint256 bound) internal pure {
        if (value > bound) revert LimitExceeded(name, account, value, bound);
    }

    function _checkTotals(uint256 round, ILabelRegistry.Round memory r, IDatasetRegistry.Terms memory terms) internal view {
        Totals memory t = _totals[round];
        Totals memory s = _published[round];
        Progress memory progress = _progress[round];
        _same("entries", t.entries, s.entries);
        _same("contributorReward", t.contributorReward, s.contributorReward);
        _same("validatorReward", t.validatorReward, s.validatorReward);
        _same("slash", t.slash, s.slash);
        _same("contributorShares", t.contributorShares, s.contributorShares);
        _same("validatorShares", t.validatorShares, s.validatorShares);
        _same("requesterShares", t.requesterShares, s.requesterShares);
        _same("waitingLabels", t.waitingLabels, s.waitingLabels);
        _same("waitingVotes", t.waitingVotes, s.waitingVotes);
        _same("contributors with pending labels", LABEL_REGISTRY.pendingContributors(r.dataset), progress.contributors);
        _same("validators with pending votes", AUDIT_BOARD.pendingValidators(r.dataset), progress.validators);

        Waiting memory before = waitingOf[r.dataset];
        uint256 votes = uint256(r.sampleSize) * terms.panelSize;
        _limit("contributorReward", address(0), s.contributorReward + s.waitingLabels * terms.reward, (uint256(r.labels) + before.labels) * terms.reward);
        _limit("validatorReward", address(0), s.validatorReward + s.waitingVotes * terms.auditFee, (votes + before.votes) * terms.auditFee);
        _limit("validatorShares", address(0), s.validatorShares * terms.contributorsBps, s.contributorShares * terms.validatorsBps);
        _limit("requesterShares", address(0), s.requesterShares * terms.contributorsBps, s.contributorShares * terms.requesterBps);
    }

    function _same(string memory total, uint256 proposed, uint256 published) internal pure {
        if (proposed != published) revert TotalsMismatch(total, proposed, published);
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
            credits[next++] = ILedger.Credit(LEDGER.accountOf(e.account), amount);
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
}
