// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILimits} from "./interfaces/ILimits.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Entries} from "./libraries/Entries.sol";
import {Protocol} from "./libraries/Protocol.sol";

/// @title Limits
/// @notice What no published settlement can exceed.
contract Limits is ILimits {
    ILabelRegistry private immutable LABEL_REGISTRY;
    IAuditBoard private immutable AUDIT_BOARD;

    constructor(Protocol memory protocol) {
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
    }

    /// @inheritdoc ILimits
    function tally(
        uint256 dataset,
        IDatasetRegistry.PayTerms calldata terms,
        Progress calldata progress,
        ISettlement.Entry[] calldata entries
    ) external view returns (Progress memory p) {
        if (entries.length > Bounds.MAX_ENTRIES) revert ISettlement.ChunkTooLarge(entries.length, Bounds.MAX_ENTRIES);
        p = progress;
        uint256 stakeSlashes;
        for (uint256 i; i < entries.length; ++i) {
            ISettlement.Entry memory e = entries[i];
            // Plus one, so that the first key is above the empty one.
            uint168 key = (uint168(uint8(e.role)) << 160 | uint160(e.account)) + 1;
            if (key <= p.lastKey) revert ISettlement.EntriesOutOfOrder(e.role, e.account);
            p.lastKey = key;
            p.root = Entries.link(p.root, entries[i]);
            ++p.sum.entries;
            p.sum.slash += e.slash;
            if (e.role == ISettlement.Role.Contributor) {
                _contributor(e, dataset, terms);
                ++p.contributors;
                p.sum.contributorReward += e.reward;
                p.sum.contributorShares += e.shares;
                p.sum.waitingLabels += e.waiting;
            } else if (e.role == ISettlement.Role.Validator) {
                _validator(e, dataset, terms);
                ++p.validators;
                p.sum.validatorReward += e.reward;
                p.sum.validatorShares += e.shares;
                p.sum.waitingVotes += e.waiting;
                if (e.slash != 0) _limit("slashed stakes of a chunk", e.account, ++stakeSlashes, Bounds.MAX_STAKE_SLASHES);
            } else {
                _limit("requester", e.account, e.account == terms.requester ? 0 : 1, 0);
                _limit("requester pay", e.account, uint256(e.reward) + e.slash + e.waiting, 0);
                p.sum.requesterShares += e.shares;
            }
        }
    }

    /// @inheritdoc ILimits
    function check(
        uint256 dataset,
        IDatasetRegistry.PayTerms calldata terms,
        Progress calldata progress,
        ISettlement.Totals calldata proposed,
        uint256 labels,
        uint256 votes
    ) external view {
        _same("contributors with pending labels", LABEL_REGISTRY.pendingContributors(dataset), progress.contributors);
        _same("validators with pending votes", AUDIT_BOARD.pendingValidators(dataset), progress.validators);
        _equal(proposed, progress.sum);
        _totals(progress.sum, labels, votes, terms);
    }

    // One entry. Without `_limit`, which would write the name of each limit to memory for every contributor.

    function _contributor(ISettlement.Entry memory e, uint256 dataset, IDatasetRegistry.PayTerms calldata terms) internal view {
        (uint256 pending, uint256 open) = LABEL_REGISTRY.pendingOf(dataset, e.account);
        if (pending == 0) revert ISettlement.LimitExceeded("pending labels", e.account, 1, 0);
        _decidesAllOrNothing(e, pending);
        (uint256 reward, uint256 bonds) = (pending * terms.reward, (pending - open) * terms.bond + open * terms.openBond);
        if (e.reward > reward) revert ISettlement.LimitExceeded("reward", e.account, e.reward, reward);
        if (e.slash > bonds) revert ISettlement.LimitExceeded("slash", e.account, e.slash, bonds);
        if (e.shares > pending * Bounds.ONE) revert ISettlement.LimitExceeded("shares", e.account, e.shares, pending * Bounds.ONE);
    }

    function _validator(ISettlement.Entry memory e, uint256 dataset, IDatasetRegistry.PayTerms calldata terms) internal view {
        uint256 pending = AUDIT_BOARD.pendingVotesOf(dataset, e.account);
        if (pending == 0) revert ISettlement.LimitExceeded("pending votes", e.account, 1, 0);
        _decidesAllOrNothing(e, pending);
        _limit("reward", e.account, e.reward, pending * terms.auditFee);
        _limit("slash", e.account, e.slash, Bounds.MAX_SLASH_FEES * pending * terms.auditFee);
    }

    /// @dev An entry decides all of an account's pending work or none of it.
    function _decidesAllOrNothing(ISettlement.Entry memory e, uint256 pending) internal pure {
        if (e.waiting == 0) return;
        if (e.waiting != pending) revert ISettlement.LimitExceeded("waiting", e.account, e.waiting, pending);
        _limit("pay while waiting", e.account, uint256(e.reward) + e.slash + e.shares, 0);
    }

    // All entries

    function _totals(ISettlement.Totals calldata t, uint256 labels, uint256 votes, IDatasetRegistry.PayTerms calldata terms) internal pure {
        uint256 ofContributors = t.contributorReward + uint256(t.waitingLabels) * terms.reward;
        uint256 ofValidators = t.validatorReward + uint256(t.waitingVotes) * terms.auditFee;
        _limit("contributorReward", address(0), ofContributors, labels * terms.reward);
        _limit("validatorReward", address(0), ofValidators, votes * terms.auditFee);
        uint256 shares = t.contributorShares;
        _limit("validatorShares", address(0), uint256(t.validatorShares) * terms.contributorsBps, shares * terms.validatorsBps);
        _limit("requesterShares", address(0), uint256(t.requesterShares) * terms.contributorsBps, shares * terms.requesterBps);
    }

    function _equal(ISettlement.Totals calldata proposed, ISettlement.Totals calldata published) internal pure {
        _same("entries", proposed.entries, published.entries);
        _same("contributorReward", proposed.contributorReward, published.contributorReward);
        _same("validatorReward", proposed.validatorReward, published.validatorReward);
        _same("slash", proposed.slash, published.slash);
        _same("contributorShares", proposed.contributorShares, published.contributorShares);
        _same("validatorShares", proposed.validatorShares, published.validatorShares);
        _same("requesterShares", proposed.requesterShares, published.requesterShares);
        _same("waitingLabels", proposed.waitingLabels, published.waitingLabels);
        _same("waitingVotes", proposed.waitingVotes, published.waitingVotes);
    }

    function _same(string memory total, uint256 proposed, uint256 published) internal pure {
        if (proposed != published) revert ISettlement.TotalsMismatch(total, proposed, published);
    }

    function _limit(string memory name, address account, uint256 value, uint256 bound) internal pure {
        if (value > bound) revert ISettlement.LimitExceeded(name, account, value, bound);
    }
}
