// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SettlementFixture} from "./SettlementFixture.sol";
import {IAuditBoard} from "../../../contracts/interfaces/IAuditBoard.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ISortition} from "../../../contracts/interfaces/ISortition.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";
import {OnlyProtocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice What a settlement does, to the unit, and what it refuses on the way.
contract SettlementPathTest is SettlementFixture {
    // Proposed and published

    function test_a_proposal_takes_its_bond_and_opens_the_time_to_publish() external {
        propose(totals(), 2);
        ISettlement.Proposal memory p = settlement.proposalOf(ROUND);
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Proposed));
        equal("proposer", uint160(p.proposer), uint160(PROPOSER));
        equal("chunks", p.chunks, 2);
        equal("publishEnds", p.publishEnds, block.timestamp + 100);
        equal("bond", p.bond, BOND);
        equal("evidence", uint256(p.evidenceHash), uint256(EVIDENCE));
        equal("held", bondsHeld(), BOND);
        equal("left", balance(PROPOSER), 9 * BOND);
        equal("proposals", settlement.proposalsOf(ROUND), 1);
        equal("totals", uint256(keccak256(abi.encode(settlement.totalsOf(ROUND)))), uint256(keccak256(abi.encode(totals()))));
        refuse(ISettlement.WrongPhase.selector);
        propose(totals(), 2);
    }

    function test_a_proposal_needs_an_audit_chunks_and_a_panel_majority() external {
        others.setAudit(ISortition.Phase.Revealing, 0, 3);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotAudited.selector, ROUND));
        propose(totals(), 2);
        others.setAudit(ISortition.Phase.Concluded, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NoPanelMajority.selector, 2, 4));
        propose(totals(), 2);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.InvalidChunks.selector, 0));
        propose(totals(), 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.InvalidChunks.selector, 10_001));
        propose(totals(), 10_001);
        others.setWeightThatSigns(0);
        others.setAudit(ISortition.Phase.Concluded, 0, 0);
        // A closing round has no panel to sign.
        propose(totals(), 10_000);
    }

    function test_chunks_come_in_order_from_the_proposer_in_time() external {
        refuse(ISettlement.WrongPhase.selector);
        publish(0, contributorsChunk());
        propose(totals(), 2);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotProposer.selector, address(this), PROPOSER));
        settlement.publish(ROUND, 0, contributorsChunk());
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongChunk.selector, 0, 1));
        publish(1, contributorsChunk());
        publish(0, contributorsChunk());
        equal("chunk", uint256(settlement.chunkHashOf(ROUND, 0)), uint256(keccak256(abi.encode(ROUND, uint32(0), contributorsChunk()))));
        equal("published", settlement.proposalOf(ROUND).published, 1);
        vm.warp(block.timestamp + 101);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WindowClosed.selector, ROUND, block.timestamp - 1));
        publish(1, othersChunk());
        vm.warp(block.timestamp - 1);
        publish(1, othersChunk());
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Published));
        equal("challengeEnds", settlement.proposalOf(ROUND).challengeEnds, block.timestamp + 100);
        equal("root", uint256(settlement.proposalOf(ROUND).root), uint256(root()));
    }

    // Final and distributed

    function test_a_settlement_pays_slashes_and_mints_to_the_unit_in_any_order(bool lastFirst) external {
        finalizeAll();
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Final));
        equal("paid", others.paid(), 151 * LBL);
        equal("released", others.released(), 25 * REWARD + 12 * FEE - 151 * LBL);
        equal("last final round", settlement.lastFinalRound(DATASET), ROUND);
        equal("supply", shares.supplyOf(DATASET), 1_000);
        equal("bond back", balance(PROPOSER), 10 * BOND);
        if (lastFirst) settlement.distribute(ROUND, 1, othersChunk());
        settlement.distribute(ROUND, 0, contributorsChunk());
        if (!lastFirst) {
            equal("not yet", others.settledRounds(), 0);
            equal("still final", phase(), uint256(ISettlement.SettlementPhase.Final));
            settlement.distribute(ROUND, 1, othersChunk());
        }
        equal("Carl", balance(CARL), (95 + 24 - 1) * LBL);
        equal("Dora", balance(DORA), 0);
        equal("Vera", balance(VERA), 56 * LBL);
        equal("Will", balance(WILL), 0);
        equal("treasury", balance(TREASURY), 26 * LBL);
        equal("nothing left", ledger.balanceOf(settlement.accountOf(DATASET)), 0);
        equal("Will's stake", others.slashOf(POOL, WILL), 9 * LBL);
        equal("Vera's stake", others.slashOf(POOL, VERA), 0);
        equal("Carl's shares", shares.balanceOf(CARL, DATASET), 800);
        equal("Vera's shares", shares.balanceOf(VERA, DATASET), 150);
        equal("the requester's shares", shares.balanceOf(REQUESTER, DATASET), 50);
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Distributed));
        equal("settled", others.settledRounds(), 1);
    }

    function test_bonds_stay_of_who_is_not_slashed_until_they_are_released() external {
        ISettlement.Entry[] memory first = contributorsChunk();
        first[0].slash = 0;
        ISettlement.Totals memory t = totals();
        t.slash = uint96(34 * LBL);
        propose(t, 2);
        publish(0, first);
        publish(1, othersChunk());
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
        address[] memory named = new address[](4);
        (named[0], named[1], named[2], named[3]) = (CARL, DORA, CARL, VERA);
        settlement.releaseBonds(DATASET, named);
        equal("nothing while labels are pending", balance(CARL) + balance(DORA), 0);
        settlement.distribute(ROUND, 0, first);
        equal("Carl's pay", balance(CARL), 95 * LBL);
        equal("Dora, slashed, has the rest of hers", balance(DORA), 0);
        equal("Carl's bonds and Vera's pay", ledger.balanceOf(settlement.accountOf(DATASET)), (24 + 56) * LBL);
        settlement.releaseBonds(DATASET, named);
        equal("Carl's pay and bonds", balance(CARL), (95 + 24) * LBL);
        equal("Vera has no bond", balance(VERA), 0);
        settlement.distribute(ROUND, 1, othersChunk());
        equal("nothing left", ledger.balanceOf(settlement.accountOf(DATASET)), 0);
    }

    function test_bonds_of_as_many_as_a_chunk_holds_are_released_at_once_and_not_of_more() external {
        address[] memory named = new address[](129);
        for (uint256 i; i < 129; ++i) {
            named[i] = CARL;
        }
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkTooLarge.selector, 129, 128));
        settlement.releaseBonds(DATASET, named);
        assembly {
            mstore(named, 128)
        }
        settlement.releaseBonds(DATASET, named);
    }

    function test_a_settlement_waits_for_its_window_and_is_final_once() external {
        refuse(ISettlement.WrongPhase.selector);
        settlement.finalize(ROUND);
        publishAll();
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WindowStillOpen.selector, ROUND, block.timestamp));
        settlement.finalize(ROUND);
        vm.warp(block.timestamp + 1);
        settlement.finalize(ROUND);
        refuse(ISettlement.WrongPhase.selector);
        settlement.finalize(ROUND);
    }

    function test_each_chunk_is_distributed_once_and_as_published() external {
        publishAll();
        refuse(ISettlement.WrongPhase.selector);
        settlement.distribute(ROUND, 0, contributorsChunk());
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkMismatch.selector, ROUND, 0));
        settlement.distribute(ROUND, 0, othersChunk());
        settlement.distribute(ROUND, 0, contributorsChunk());
        assert(settlement.isDistributed(ROUND, 0) && !settlement.isDistributed(ROUND, 1));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkDistributed.selector, ROUND, 0));
        settlement.distribute(ROUND, 0, contributorsChunk());
    }

    function test_what_waits_is_carried_and_held_for_the_next_round() external {
        ISettlement.Entry[] memory first = contributorsChunk();
        ISettlement.Entry[] memory second = othersChunk();
        first[1] = ISettlement.Entry(ISettlement.Role.Contributor, DORA, 0, 0, 0, 8);
        second[1] = ISettlement.Entry(ISettlement.Role.Validator, WILL, 0, 0, 0, 4);
        ISettlement.Totals memory t = totals();
        (t.slash, t.waitingLabels, t.waitingVotes) = (uint96(LBL), 8, 4);
        propose(t, 2);
        publish(0, first);
        publish(1, second);
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
        equal("released", others.released(), 25 * REWARD + 12 * FEE - 151 * LBL - 8 * REWARD - 4 * FEE);
        (uint128 labels, uint128 votes) = settlement.waitingOf(DATASET);
        equal("labels", labels, 8);
        equal("votes", votes, 4);
        equal("held", settlement.heldOf(ROUND + 1), 25 * REWARD + 12 * FEE + 8 * REWARD + 4 * FEE);
        settlement.distribute(ROUND, 1, second);
        settlement.distribute(ROUND, 0, first);
        equal("Dora's bond stays", ledger.balanceOf(settlement.accountOf(DATASET)), 25 * LBL);
        equal("Dora's labels wait", others.labels(DORA), 8);
        equal("and her registry knows", others.waited(DORA), 1);
        equal("Carl's do not", others.waited(CARL), 0);
        equal("Will's votes wait", others.pendingVotesOf(DATASET, WILL), 4);
        equal("Will keeps his stake", others.slashOf(POOL, WILL), 0);
        equal("treasury", balance(TREASURY), LBL);
    }

    // Expired

    function test_a_proposal_that_is_not_published_in_time_loses_its_bond_and_leaves_nothing() external {
        propose(totals(), 3);
        publish(0, contributorsChunk());
        publish(1, othersChunk());
        vm.warp(block.timestamp + 100);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WindowStillOpen.selector, ROUND, block.timestamp));
        settlement.expire(ROUND);
        vm.warp(block.timestamp + 1);
        settlement.expire(ROUND);
        equal("treasury", balance(TREASURY), BOND);
        equal("phase", phase(), 0);
        equal("clock", settlement.exitDueAt(ROUND), block.timestamp + 200);
        refuse(ISettlement.WrongPhase.selector);
        settlement.expire(ROUND);
        finalizeAll();
        equal("proposals", settlement.proposalsOf(ROUND), 2);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.ChunkMismatch.selector, ROUND, 2));
        settlement.distribute(ROUND, 2, othersChunk());
    }

    function test_a_published_proposal_does_not_expire() external {
        publishAll();
        vm.warp(block.timestamp + 1_000);
        refuse(ISettlement.WrongPhase.selector);
        settlement.expire(ROUND);
    }

    function test_three_proposals_are_all_a_round_takes() external {
        for (uint256 i; i < 3; ++i) {
            propose(totals(), 2);
            vm.warp(block.timestamp + 101);
            settlement.expire(ROUND);
        }
        vm.expectRevert(abi.encodeWithSelector(ISettlement.TooManyProposals.selector, ROUND, 3));
        propose(totals(), 2);
        settlement.startExit(ROUND);
    }

    // Disputed

    function test_a_challenge_stops_the_settlement_and_an_upheld_one_goes_on() external {
        challengeAll();
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Challenged));
        vm.warp(block.timestamp + 1_000);
        refuse(ISettlement.WrongPhase.selector);
        settlement.finalize(ROUND);
        vm.prank(address(others));
        equal("proposer", uint160(settlement.uphold(ROUND)), uint160(PROPOSER));
        equal("challengeEnds", settlement.proposalOf(ROUND).challengeEnds, block.timestamp + 100);
        equal("bond stays", bondsHeld(), BOND);
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
    }

    function test_a_challenge_comes_within_the_window() external {
        publishAll();
        vm.warp(block.timestamp + 100);
        vm.prank(address(others));
        equal("root", uint256(settlement.suspend(ROUND)), uint256(root()));
        vm.prank(address(others));
        settlement.uphold(ROUND);
        vm.warp(block.timestamp + 101);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WindowClosed.selector, ROUND, block.timestamp - 1));
        vm.prank(address(others));
        settlement.suspend(ROUND);
    }

    function test_after_a_verdict_only_its_root_may_be_published_and_needs_no_signatures() external {
        challengeAll();
        vm.prank(address(others));
        equal("bond", settlement.overturn(ROUND, root()), BOND);
        equal("the jury's", ledger.balanceOf(Accounts.sub(address(others), ROUND)), BOND);
        equal("proposals", settlement.proposalsOf(ROUND), 0);
        equal("required", uint256(settlement.requiredRootOf(ROUND)), uint256(root()));
        equal("clock", settlement.exitDueAt(ROUND), block.timestamp + 200);
        others.setWeightThatSigns(0);
        ISettlement.Entry[] memory first = contributorsChunk();
        first[1].slash -= 1;
        ISettlement.Totals memory t = totals();
        t.slash -= 1;
        propose(t, 2);
        publish(0, first);
        refuse(ISettlement.NotTheVerdict.selector);
        publish(1, othersChunk());
        vm.warp(block.timestamp + 101);
        settlement.expire(ROUND);
        finalizeAll();
    }

    function test_a_hung_dispute_returns_the_bond_and_leaves_the_exit_alone() external {
        challengeAll();
        vm.prank(address(others));
        settlement.hang(ROUND);
        equal("bond back", balance(PROPOSER), 10 * BOND);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.RoundHung.selector, ROUND));
        propose(totals(), 2);
        settlement.startExit(ROUND);
        equal("phase", phase(), uint256(ISettlement.SettlementPhase.Exiting));
    }

    function test_only_the_jury_decides_disputes(address caller) external {
        vm.assume(caller != address(others));
        challengeAll();
        bytes memory refusal = abi.encodeWithSelector(OnlyProtocol.selector, caller, address(others));
        vm.expectRevert(refusal);
        vm.prank(caller);
        settlement.suspend(ROUND);
        vm.expectRevert(refusal);
        vm.prank(caller);
        settlement.uphold(ROUND);
        vm.expectRevert(refusal);
        vm.prank(caller);
        settlement.overturn(ROUND, root());
        vm.expectRevert(refusal);
        vm.prank(caller);
        settlement.hang(ROUND);
    }

    function test_what_is_not_challenged_cannot_be_decided() external {
        publishAll();
        bytes memory refusal =
            abi.encodeWithSelector(ISettlement.WrongPhase.selector, ROUND, ISettlement.SettlementPhase.Published);
        vm.expectRevert(refusal);
        vm.prank(address(others));
        settlement.uphold(ROUND);
        vm.expectRevert(refusal);
        vm.prank(address(others));
        settlement.overturn(ROUND, root());
        vm.expectRevert(refusal);
        vm.prank(address(others));
        settlement.hang(ROUND);
    }
}
