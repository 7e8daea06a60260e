// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDatasetRegistry} from "../interfaces/IDatasetRegistry.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";

/// @title Limits
/// @notice What no published settlement can exceed, whoever proposed it (specification R3–R5, Invariant 5).
library Limits {
    /// @notice Shares of one perfect label.
    uint256 internal constant ONE = 1 << 16;
    /// @notice Worst slash of a validator, audit fees a vote.
    uint256 internal constant MAX_SLASH_FEES = 5;

    // One entry

    /// @param pending the account's labels that no settlement has decided
    function contributor(ISettlement.Entry calldata e, uint256 pending, IDatasetRegistry.Terms memory terms) internal pure {
        if (pending == 0) revert ISettlement.LimitExceeded("pending labels", e.account, 1, 0);
        _decidesAllOrNothing(e, pending);
        _limit("reward", e.account, e.reward, pending * terms.reward);
        _limit("slash", e.account, e.slash, pending * terms.bond);
        _limit("shares", e.account, e.shares, pending * ONE);
    }

    /// @param pending the account's votes that no settlement has decided
    function validator(ISettlement.Entry calldata e, uint256 pending, IDatasetRegistry.Terms memory terms) internal pure {
        if (pending == 0) revert ISettlement.LimitExceeded("pending votes", e.account, 1, 0);
        _decidesAllOrNothing(e, pending);
        _limit("reward", e.account, e.reward, pending * terms.auditFee);
        _limit("slash", e.account, e.slash, MAX_SLASH_FEES * pending * terms.auditFee);
    }

    function requester(ISettlement.Entry calldata e, address expected) internal pure {
        _limit("requester", e.account, e.account == expected ? 0 : 1, 0);
        _limit("requester pay", e.account, uint256(e.reward) + e.slash + e.waiting, 0);
    }

    // All entries

    /// @param labels, votes all that the round's reserve and what was carried before can pay
    function totals(ISettlement.Totals memory t, uint256 labels, uint256 votes, IDatasetRegistry.Terms memory terms) internal pure {
        uint256 ofContributors = t.contributorReward + t.waitingLabels * terms.reward;
        uint256 ofValidators = t.validatorReward + t.waitingVotes * terms.auditFee;
        _limit("contributorReward", address(0), ofContributors, labels * terms.reward);
        _limit("validatorReward", address(0), ofValidators, votes * terms.auditFee);
        uint256 shares = t.contributorShares;
        _limit("validatorShares", address(0), t.validatorShares * terms.contributorsBps, shares * terms.validatorsBps);
        _limit("requesterShares", address(0), t.requesterShares * terms.contributorsBps, shares * terms.requesterBps);
    }

    function equal(ISettlement.Totals memory proposed, ISettlement.Totals memory published) internal pure {
        same("entries", proposed.entries, published.entries);
        same("contributorReward", proposed.contributorReward, published.contributorReward);
        same("validatorReward", proposed.validatorReward, published.validatorReward);
        same("slash", proposed.slash, published.slash);
        same("contributorShares", proposed.contributorShares, published.contributorShares);
        same("validatorShares", proposed.validatorShares, published.validatorShares);
        same("requesterShares", proposed.requesterShares, published.requesterShares);
        same("waitingLabels", proposed.waitingLabels, published.waitingLabels);
        same("waitingVotes", proposed.waitingVotes, published.waitingVotes);
    }

    function same(string memory total, uint256 proposed, uint256 published) internal pure {
        if (proposed != published) revert ISettlement.TotalsMismatch(total, proposed, published);
    }

    // Internals

    /// @dev An entry decides all of an account's pending work or none of it.
    function _decidesAllOrNothing(ISettlement.Entry calldata e, uint256 pending) internal pure {
        if (e.waiting == 0) return;
        if (e.waiting != pending) revert ISettlement.LimitExceeded("waiting", e.account, e.waiting, pending);
        _limit("pay while waiting", e.account, uint256(e.reward) + e.slash + e.shares, 0);
    }

    function _limit(string memory name, address account, uint256 value, uint256 bound) internal pure {
        if (value > bound) revert ISettlement.LimitExceeded(name, account, value, bound);
    }
}
