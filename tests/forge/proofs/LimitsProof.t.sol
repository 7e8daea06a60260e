// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {SettlementFixture} from "../fuzz/SettlementFixture.sol";
import {Limits} from "../../../contracts/Limits.sol";
import {Settlement} from "../../../contracts/Settlement.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {ILimits} from "../../../contracts/interfaces/ILimits.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {Protocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice Plays the shares: an exit mints, but this is about pay.
contract SharesStub {
    function finalizeRound(uint256, uint256, uint256) external {}
}

/// @notice What Limits lets through is within what is held, whatever was proposed; and so is every exit.
contract LimitsProof is SettlementFixture {
    Limits internal limits;

    function setUp() public override {
        Fixture.setUp();
        Protocol memory protocol = protocolOfNeighbours();
        limits = Limits(protocol.limits);
        protocol.datasetShares = address(new SharesStub());
        settlement = new Settlement(protocol);
        _setTheScene();
    }

    function check_an_entry_is_within_its_accounts_work(
        uint8 role,
        uint96 reward,
        uint96 slash,
        uint64 amount,
        uint32 waiting,
        uint96 perLabel,
        uint96 perVote
    ) external view {
        vm.assume(role < 2);
        IDatasetRegistry.PayTerms memory t = terms();
        (t.reward, t.auditFee) = (perLabel, perVote);
        address account = role == 0 ? CARL : VERA;
        ISettlement.Entry[] memory e = new ISettlement.Entry[](1);
        e[0] = ISettlement.Entry(ISettlement.Role(role), account, reward, slash, amount, waiting);
        ILimits.Progress memory none;
        limits.tally(DATASET, t, none, e);
        if (role == 0) {
            assert(reward <= 12 * uint256(perLabel) && slash <= 24 * LBL && amount <= 12 * ONE);
            assert(waiting == 0 || (waiting == 12 && reward == 0 && slash == 0 && amount == 0));
        } else {
            assert(reward <= 8 * uint256(perVote) && slash <= 40 * uint256(perVote));
            assert(waiting == 0 || (waiting == 8 && reward == 0 && slash == 0 && amount == 0));
        }
    }

    function check_the_requester_is_named_and_gets_shares_alone(address account, uint96 reward, uint96 slash, uint32 waiting) external view {
        ISettlement.Entry[] memory e = new ISettlement.Entry[](1);
        e[0] = ISettlement.Entry(ISettlement.Role.Requester, account, reward, slash, 1, waiting);
        ILimits.Progress memory none;
        limits.tally(DATASET, terms(), none, e);
        assert(account == REQUESTER && reward == 0 && slash == 0 && waiting == 0);
    }

    function check_what_is_paid_and_carried_is_within_what_is_held(
        uint96 ofContributors,
        uint96 ofValidators,
        uint16 waitingLabels,
        uint16 waitingVotes
    ) external view {
        ILimits.Progress memory p;
        (p.contributors, p.validators) = (2, 2);
        (p.sum.contributorReward, p.sum.validatorReward) = (ofContributors, ofValidators);
        (p.sum.waitingLabels, p.sum.waitingVotes) = (waitingLabels, waitingVotes);
        limits.check(DATASET, terms(), p, p.sum, 20, 12);
        uint256 paid = uint256(ofContributors) + ofValidators;
        uint256 carried = waitingLabels * REWARD + waitingVotes * FEE;
        assert(paid + carried <= 20 * REWARD + 12 * FEE);
    }

    function check_shares_are_split_by_the_terms(uint32 ofContributors, uint32 ofValidators, uint32 ofRequester) external view {
        ILimits.Progress memory p;
        (p.contributors, p.validators) = (2, 2);
        (p.sum.contributorShares, p.sum.validatorShares, p.sum.requesterShares) = (ofContributors, ofValidators, ofRequester);
        limits.check(DATASET, terms(), p, p.sum, 20, 12);
        assert(uint256(ofValidators) * 8_000 <= uint256(ofContributors) * 1_500);
        assert(uint256(ofRequester) * 8_000 <= uint256(ofContributors) * 500);
    }

    function check_the_totals_published_are_those_proposed(ISettlement.Totals memory proposed) external view {
        ILimits.Progress memory p;
        (p.contributors, p.validators) = (2, 2);
        p.sum = totals();
        limits.check(DATASET, terms(), p, proposed, 20, 12);
        assert(proposed.entries == p.sum.entries && proposed.slash == p.sum.slash);
        assert(proposed.contributorReward == p.sum.contributorReward && proposed.validatorReward == p.sum.validatorReward);
        assert(proposed.contributorShares == p.sum.contributorShares && proposed.validatorShares == p.sum.validatorShares);
        assert(proposed.requesterShares == p.sum.requesterShares);
        assert(proposed.waitingLabels == p.sum.waitingLabels && proposed.waitingVotes == p.sum.waitingVotes);
    }

    /// @dev For every number of labels; the rates are five, because no solver divides unknowns of this width.
    function check_an_exit_pays_within_what_is_held(uint8 labels, uint8 step) external {
        vm.assume(step <= 4);
        IDatasetRegistry.PayTerms memory t = terms();
        (t.reward, t.auditFee) = (1_003, 701);
        t.exitRate = step == 0 ? 4_000 : step == 1 ? 4_500 : step == 2 ? 5_000 : step == 3 ? 5_500 : 6_000;
        others.setTerms(t);
        ILabelRegistry.Round memory r;
        (r.dataset, r.labels, r.sampleSize) = (uint64(DATASET), labels, 4);
        r.reserve = uint96(labels) * 1_003 + 12 * 701;
        others.setRound(r);
        vm.warp(block.timestamp + 201);
        (bool started,) = address(settlement).call(abi.encodeCall(settlement.startExit, (ROUND)));
        assert(started);
        assert(others.paid() + others.released() == r.reserve);
        assert(others.paid() * 10 <= r.reserve * 6);
    }

    /// @dev The proposer's bond is what the Jury asks, and comes back in full.
    function check_a_proposers_bond_is_taken_and_comes_back_in_full(uint96 bond, bool hung) external {
        vm.assume(bond <= 10 * BOND);
        others.setBond(bond);
        publishAll();
        assert(bondsHeld() == bond && balance(PROPOSER) == 10 * BOND - bond);
        if (hung) {
            vm.prank(address(others));
            settlement.suspend(ROUND);
            vm.prank(address(others));
            settlement.hang(ROUND);
        } else {
            vm.warp(block.timestamp + 101);
            settlement.finalize(ROUND);
        }
        assert(bondsHeld() == 0 && balance(PROPOSER) == 10 * BOND);
    }
}
