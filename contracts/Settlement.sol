// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Proposals} from "./Proposals.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IDatasetShares} from "./interfaces/IDatasetShares.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {ISortition} from "./interfaces/ISortition.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Entries} from "./libraries/Entries.sol";
import {Protocol} from "./libraries/Protocol.sol";

/// @title Settlement
/// @notice What a round's settlement does: final, distributed; or the exit, when no settlement comes.
/// @dev Between publish and distribute no label or vote of the dataset can become pending: the next round opens only after full
/// distribution (specification R1). So limits checked while publishing still hold when distributing, which therefore cannot fail.
/// The Ledger's sub-account bytes32(dataset) holds bonds (what covers ticketed labels, and what open ones are pending with) and
/// undistributed pay. Bonds are released down to what is pending, never below: a published slash stays backed (specification R13).
contract Settlement is Proposals {
    /// @inheritdoc ISettlement
    uint256 public constant MAX_ENTRIES = Bounds.MAX_ENTRIES;
    /// @inheritdoc ISettlement
    uint256 public constant MAX_STAKE_SLASHES = Bounds.MAX_STAKE_SLASHES;
    /// @inheritdoc ISettlement
    uint256 public constant MAX_SLASH_FEES = Bounds.MAX_SLASH_FEES;
    uint256 private constant BPS = 10_000;

    IStaking private immutable STAKING;
    IDatasetShares private immutable SHARES;

    /// @dev What one label and one vote take out of a round that exits.
    struct ExitRates {
        uint96 labelPay;
        uint96 votePay;
        uint64 labelShares;
    }

    mapping(uint256 round => ExitRates) private _exitRates;
    /// @inheritdoc ISettlement
    mapping(uint256 round => mapping(uint256 chunk => bool)) public isDistributed;
    /// @inheritdoc ISettlement
    mapping(uint256 dataset => uint256) public lastFinalRound;

    constructor(Protocol memory protocol) Proposals(protocol) {
        STAKING = IStaking(protocol.staking);
        SHARES = IDatasetShares(protocol.datasetShares);
    }

    // Finalize and distribute

    /// @inheritdoc ISettlement
    function finalize(uint256 round) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Published);
        if (block.timestamp <= p.challengeEnds) revert WindowStillOpen(round, p.challengeEnds);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.PayTerms memory terms = REGISTRY.payTermsOf(r.dataset);
        Totals memory t = _totals[round];
        uint256 paid = uint256(t.contributorReward) + t.validatorReward;
        uint256 carried = uint256(t.waitingLabels) * terms.reward + uint256(t.waitingVotes) * terms.auditFee;
        uint256 released = _held(r, terms) - paid - carried;

        p.phase = SettlementPhase.Final;
        waitingOf[r.dataset] = Waiting({labels: t.waitingLabels, votes: t.waitingVotes});
        lastFinalRound[r.dataset] = round;
        emit SettlementFinalized(round, r.dataset, paid, carried, released);
        REGISTRY.settle(r.dataset, paid, released);
        SHARES.finalizeRound(r.dataset, round, t.contributorShares + t.validatorShares + t.requesterShares);
        LEDGER.move(PROPOSAL_BONDS, Accounts.user(p.proposer), p.bond);
    }

    /// @inheritdoc ISettlement
    function distribute(uint256 round, uint32 chunk, Entry[] calldata entries) external {
        Proposal storage p = _proposals[round];
        _requirePhase(round, SettlementPhase.Final);
        if (isDistributed[round][chunk]) revert ChunkDistributed(round, chunk);
        // A hash at or past `chunks` is left from a proposal that expired.
        if (chunk >= p.chunks || chunkHashOf[round][chunk] != Entries.hash(round, chunk, entries)) revert ChunkMismatch(round, chunk);
        isDistributed[round][chunk] = true;
        emit ChunkPaid(round, chunk);
        uint256 dataset = LABEL_REGISTRY.datasetOf(round);
        _pay(dataset, round, entries);
        if (++p.distributed == p.chunks) {
            p.phase = SettlementPhase.Distributed;
            emit SettlementDistributed(round, dataset);
            LABEL_REGISTRY.markSettled(round);
        }
    }

    // What ends without a settlement

    /// @inheritdoc ISettlement
    function startExit(uint256 round) external {
        _requirePhase(round, SettlementPhase.None);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.PayTerms memory terms = REGISTRY.payTermsOf(r.dataset);
        uint256 revealed = _requireExitDue(round);
        Waiting memory before = waitingOf[r.dataset];
        ExitRates memory rates = ExitRates({
            labelPay: uint96(uint256(terms.reward) * terms.exitRate / BPS),
            votePay: uint96(uint256(terms.auditFee) * terms.exitRate / BPS),
            labelShares: uint64(Bounds.ONE * terms.exitRate / BPS)
        });
        uint256 labels = uint256(r.labels) + before.labels;
        uint256 votes = revealed * r.sampleSize + before.votes;
        uint256 paid = labels * rates.labelPay + votes * rates.votePay;
        uint256 held = _held(r, terms);

        _proposals[round].phase = SettlementPhase.Exiting;
        _exitRates[round] = rates;
        delete waitingOf[r.dataset];
        lastFinalRound[r.dataset] = round;
        emit ExitStarted(round, r.dataset, rates.labelPay, rates.votePay, rates.labelShares, paid, held - paid);
        REGISTRY.settle(r.dataset, paid, held - paid);
        SHARES.finalizeRound(r.dataset, round, labels * rates.labelShares);
    }

    /// @inheritdoc ISettlement
    function exit(uint256 round, address[] calldata contributors, address[] calldata validators) external {
        _requirePhase(round, SettlementPhase.Exiting);
        uint256 largest = contributors.length > validators.length ? contributors.length : validators.length;
        if (largest > MAX_ENTRIES) revert ChunkTooLarge(largest, MAX_ENTRIES);
        uint256 dataset = LABEL_REGISTRY.datasetOf(round);
        _payExits(round, dataset, contributors, validators);
        if (LABEL_REGISTRY.pendingContributors(dataset) + AUDIT_BOARD.pendingValidators(dataset) == 0) {
            _proposals[round].phase = SettlementPhase.Distributed;
            emit SettlementDistributed(round, dataset);
            LABEL_REGISTRY.markSettled(round);
        }
    }

    // Kept bonds

    /// @inheritdoc ISettlement
    function releaseBonds(uint256 dataset, address[] calldata contributors) external {
        if (contributors.length > MAX_ENTRIES) revert ChunkTooLarge(contributors.length, MAX_ENTRIES);
        uint256[] memory bonds = LABEL_REGISTRY.releaseBonds(dataset, contributors);
        ILedger.Credit[] memory credits = new ILedger.Credit[](contributors.length);
        for (uint256 i; i < contributors.length; ++i) {
            (credits[i].account, credits[i].amount) = (Accounts.user(contributors[i]), bonds[i]);
        }
        LEDGER.moveBatch(bytes32(dataset), credits);
    }

    // Views

    /// @inheritdoc ISettlement
    function accountOf(uint256 dataset) external view returns (bytes32) {
        return Accounts.sub(address(this), dataset);
    }

    /// @inheritdoc ISettlement
    function exitDueAt(uint256 round) public view returns (uint256) {
        uint256 idleSince = AUDIT_BOARD.auditOf(round).concludedAt;
        if (_reopenedAt[round] > idleSince) idleSince = _reopenedAt[round];
        return idleSince + REGISTRY.payTermsOf(LABEL_REGISTRY.datasetOf(round)).exitDelay;
    }

    // Internals: distributing

    /// @dev Credits reward and bonds that do not stay, less the slash, to each account and the contributors' slashes to the treasury, in
    /// one move; then mints, in one call.
    function _pay(uint256 dataset, uint256 round, Entry[] calldata entries) internal {
        uint256[] memory bonds = _decide(dataset, entries);
        ILedger.Credit[] memory credits = new ILedger.Credit[](entries.length + 1);
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](entries.length);
        (uint256 paid, uint256 minted, uint256 slashed) = (0, 0, 0);
        for (uint256 i; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            if (e.waiting != 0) continue;
            if (e.role != Role.Requester) {
                uint256 amount = e.reward;
                if (e.role == Role.Contributor) {
                    // Contributors come first: what is paid so far is their number.
                    amount = amount + bonds[paid] - e.slash;
                    slashed += e.slash;
                }
                // Field by field: the array's structs are there already.
                (credits[paid].account, credits[paid].amount) = (Accounts.user(e.account), amount);
                ++paid;
            }
            if (e.shares != 0) {
                (mints[minted].account, mints[minted].shares) = (e.account, e.shares);
                ++minted;
            }
        }
        (credits[paid].account, credits[paid].amount) = (TREASURY_ACCOUNT, slashed);
        ++paid;
        assembly ("memory-safe") {
            // Shortens the arrays in place: paid <= entries.length + 1, minted <= entries.length.
            mstore(credits, paid)
            mstore(mints, minted)
        }
        LEDGER.moveBatch(bytes32(dataset), credits);
        if (minted != 0) SHARES.mint(dataset, round, mints);
    }

    /// @dev Tells the registries whose pending work the entries decide, and slashes stakes.
    /// @return bonds of the contributors decided, in their order, that do not stay: all of those who are slashed
    function _decide(uint256 dataset, Entry[] calldata entries) internal returns (uint256[] memory bonds) {
        address[] memory contributors = new address[](entries.length);
        address[] memory validators = new address[](entries.length);
        (uint256 first, uint256 second, uint256 kept, uint256 waiting) = (0, 0, 0, 0);
        for (uint256 i; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            if (e.waiting != 0) {
                if (e.role == Role.Contributor) ++waiting;
                continue;
            }
            if (e.role == Role.Contributor) {
                if (e.slash == 0) kept |= 1 << first;
                contributors[first++] = e.account;
            } else if (e.role == Role.Validator) {
                // Before the stake is unlocked, below.
                if (e.slash != 0) STAKING.slash(REGISTRY.poolOf(dataset), e.account, e.slash);
                validators[second++] = e.account;
            }
        }
        assembly ("memory-safe") {
            // Shortens the arrays in place: first, second <= entries.length.
            mstore(contributors, first)
            mstore(validators, second)
        }
        bonds = LABEL_REGISTRY.settleContributors(dataset, contributors, kept);
        if (second != 0) AUDIT_BOARD.settleValidators(dataset, validators);
        if (waiting != 0) LABEL_REGISTRY.keepWaiting(dataset, _waiting(entries, waiting));
    }

    /// @param count how many contributors' labels wait
    function _waiting(Entry[] calldata entries, uint256 count) internal pure returns (address[] memory contributors) {
        contributors = new address[](count);
        for (uint256 i = entries.length; i != 0; --i) {
            Entry calldata e = entries[i - 1];
            if (e.role == Role.Contributor && e.waiting != 0) contributors[--count] = e.account;
        }
    }

    // Internals: exiting

    /// @return revealed weight of the panel whose votes are pending, 0 when the audit failed
    function _requireExitDue(uint256 round) internal view returns (uint256 revealed) {
        ISortition.Phase phase = AUDIT_BOARD.auditOf(round).phase;
        if (phase == ISortition.Phase.Failed) return 0;
        if (phase != ISortition.Phase.Concluded) revert NotAudited(round);
        uint256 dueAt = exitDueAt(round);
        if (block.timestamp <= dueAt && proposalsOf[round] < MAX_PROPOSALS && !_hung[round]) revert ExitNotDue(round, dueAt);
        return AUDIT_BOARD.totalRevealedWeight(round);
    }

    /// @dev Settles the accounts' pending work in their registries first: an account named twice has none the second time.
    function _payExits(
        uint256 round,
        uint256 dataset,
        address[] calldata contributors,
        address[] calldata validators
    ) internal {
        ExitRates memory rates = _exitRates[round];
        (uint32[] memory labels, uint256[] memory bonds) = LABEL_REGISTRY.exitContributors(dataset, contributors);
        uint64[] memory votes = AUDIT_BOARD.settleValidators(dataset, validators);
        ILedger.Credit[] memory credits = new ILedger.Credit[](contributors.length + validators.length);
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](contributors.length);
        for (uint256 i; i < contributors.length; ++i) {
            if (labels[i] == 0) revert NothingPending(Role.Contributor, contributors[i]);
            uint256 pay = uint256(labels[i]) * rates.labelPay;
            uint64 shares = uint64(labels[i]) * rates.labelShares;
            credits[i] = ILedger.Credit(Accounts.user(contributors[i]), pay + bonds[i]);
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
