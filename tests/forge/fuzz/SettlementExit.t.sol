// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SettlementFixture} from "./SettlementFixture.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ISortition} from "../../../contracts/interfaces/ISortition.sol";

/// @notice The exit: pays at its rate, within the reserve, to the unit.
contract SettlementExitTest is SettlementFixture {
    function test_an_exit_pays_labels_and_votes_at_the_rate_and_returns_bonds() external {
        startExit();
        equal("paid", others.paid(), 20 * 45 * LBL / 10 + 12 * 315 * LBL / 100);
        equal("released", others.released(), 25 * REWARD + 12 * FEE - others.paid());
        equal("supply", shares.supplyOf(DATASET), 20 * (ONE * 4_500 / 10_000));
        equal("last final round", settlement.lastFinalRound(DATASET), ROUND);
        settlement.exit(ROUND, one(CARL), one(WILL));
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Exiting));
        equal("not yet", others.settledRounds(), 0);
        settlement.exit(ROUND, one(DORA), none());
        settlement.exit(ROUND, none(), one(VERA));
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Distributed));
        equal("settled", others.settledRounds(), 1);
        equal("Carl", balance(CARL), 12 * 45 * LBL / 10 + 24 * LBL);
        equal("Dora", balance(DORA), 8 * 45 * LBL / 10 + 25 * LBL);
        equal("Vera", balance(VERA), 8 * 315 * LBL / 100);
        equal("Will", balance(WILL), 4 * 315 * LBL / 100);
        equal("Carl's shares", shares.balanceOf(CARL, DATASET), 12 * (ONE * 4_500 / 10_000));
        equal("nothing left", ledger.balanceOf(settlement.accountOf(DATASET)), 0);
        refuse(ISettlement.WrongPhase.selector);
        settlement.exit(ROUND, none(), none());
    }

    function test_an_exit_is_within_what_is_held_at_every_rate(uint96 reward, uint96 fee, uint16 rate, uint32 labels, uint32 votes) external {
        (reward, fee) = (uint96(between(reward, 1, LBL)), uint96(between(fee, 0, LBL)));
        (rate, labels, votes) = (uint16(between(rate, 4_000, 6_000)), uint32(between(labels, 1, 30)), uint32(between(votes, 1, 30)));
        IDatasetRegistry.PayTerms memory t = terms();
        (t.reward, t.auditFee, t.exitRate) = (reward, fee, rate);
        others.setTerms(t);
        ILabelRegistry.Round memory r;
        (r.dataset, r.labels, r.sampleSize) = (uint64(DATASET), labels, votes);
        r.reserve = uint96(uint256(labels) * reward + uint256(votes) * fee);
        others.setRound(r);
        others.setAudit(ISortition.Phase.Concluded, uint64(block.timestamp), 1);
        others.addContributor(CARL, labels, 0, 0);
        others.addValidator(VERA, votes);
        vm.warp(block.timestamp + 201);
        settlement.startExit(ROUND);
        equal("paid", others.paid(), labels * (uint256(reward) * rate / 10_000) + votes * (uint256(fee) * rate / 10_000));
        equal("all of it", others.paid() + others.released(), r.reserve);
        settlement.exit(ROUND, one(CARL), one(VERA));
        equal("Carl and Vera", balance(CARL) + balance(VERA), others.paid());
        equal("shares", shares.balanceOf(CARL, DATASET), shares.supplyOf(DATASET));
    }

    function test_an_exit_pays_what_waited_too() external {
        ISettlement.Entry[] memory first = contributorsChunk();
        first[1] = ISettlement.Entry(ISettlement.Role.Contributor, DORA, 0, 0, 0, 8);
        ISettlement.Entry[] memory second = othersChunk();
        second[1] = ISettlement.Entry(ISettlement.Role.Validator, WILL, 0, 0, 0, 4);
        ISettlement.Totals memory t = totals();
        (t.slash, t.waitingLabels, t.waitingVotes) = (uint96(LBL), 8, 4);
        propose(t, 2);
        publish(0, first);
        publish(1, second);
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
        settlement.distribute(ROUND, 0, first);
        settlement.distribute(ROUND, 1, second);
        ILabelRegistry.Round memory r;
        (r.dataset, r.labels, r.sampleSize, r.reserve) = (uint64(DATASET), 1, 2, uint96(REWARD + 6 * FEE));
        others.setRound(r);
        others.addContributor(CARL, 1, 0, 0);
        others.addValidator(VERA, 6);
        vm.warp(block.timestamp + 201);
        settlement.startExit(ROUND + 1);
        equal("paid", others.paid(), 9 * 45 * LBL / 10 + 10 * 315 * LBL / 100);
        equal("released", others.released(), 9 * REWARD + 10 * FEE - others.paid());
        (uint128 labels, uint128 votes) = settlement.waitingOf(DATASET);
        equal("nothing waits", uint256(labels) + votes, 0);
    }

    function test_a_round_whose_audit_failed_exits_at_once_and_pays_no_votes() external {
        others.setAudit(ISortition.Phase.Failed, 0, 3);
        settlement.startExit(ROUND);
        equal("paid", others.paid(), 20 * 45 * LBL / 10);
    }

    function test_an_exit_comes_after_its_delay_alone() external {
        others.setAudit(ISortition.Phase.Revealing, 0, 3);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotAudited.selector, ROUND));
        settlement.startExit(ROUND);
        others.setAudit(ISortition.Phase.Concluded, uint64(vm.getBlockTimestamp()), 3);
        equal("due", settlement.exitDueAt(ROUND), vm.getBlockTimestamp() + 200);
        vm.warp(vm.getBlockTimestamp() + 200);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ExitNotDue.selector, ROUND, vm.getBlockTimestamp()));
        settlement.startExit(ROUND);
        propose(totals(), 2);
        vm.warp(vm.getBlockTimestamp() + 101);
        refuse(ISettlement.WrongPhase.selector);
        settlement.startExit(ROUND);
        settlement.expire(ROUND);
        vm.warp(vm.getBlockTimestamp() + 200);
        refuse(ISettlement.ExitNotDue.selector);
        settlement.startExit(ROUND);
        vm.warp(vm.getBlockTimestamp() + 1);
        settlement.startExit(ROUND);
        refuse(ISettlement.WrongPhase.selector);
        settlement.startExit(ROUND);
    }

    function test_an_exit_names_accounts_with_pending_work_once_and_at_most_128() external {
        refuse(ISettlement.WrongPhase.selector);
        settlement.exit(ROUND, one(CARL), none());
        startExit();
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NothingPending.selector, ISettlement.Role.Contributor, VERA));
        settlement.exit(ROUND, one(VERA), none());
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NothingPending.selector, ISettlement.Role.Validator, CARL));
        settlement.exit(ROUND, none(), one(CARL));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkTooLarge.selector, 129, 128));
        settlement.exit(ROUND, new address[](129), none());
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkTooLarge.selector, 129, 128));
        settlement.exit(ROUND, none(), new address[](129));
    }

    function startExit() internal {
        vm.warp(block.timestamp + 201);
        settlement.startExit(ROUND);
    }

    function none() internal pure returns (address[] memory) {
        return new address[](0);
    }

    function one(address account) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
