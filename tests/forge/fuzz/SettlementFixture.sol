// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {Neighbours} from "./Neighbours.sol";
import {DatasetShares} from "../../../contracts/DatasetShares.sol";
import {Limits} from "../../../contracts/Limits.sol";
import {Settlement} from "../../../contracts/Settlement.sol";
import {IAuditBoard} from "../../../contracts/interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {ISettlement} from "../../../contracts/interfaces/ISettlement.sol";
import {ISortition} from "../../../contracts/interfaces/ISortition.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";
import {Protocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice An audited round of 20 labels by two contributors and 12 votes by two validators, and a settlement of it in two chunks.
abstract contract SettlementFixture is Fixture {
    uint256 internal constant DATASET = 3;
    uint256 internal constant ROUND = 9;
    uint256 internal constant BOND = 31 * LBL;
    uint256 internal constant REWARD = 10 * LBL;
    uint256 internal constant FEE = 7 * LBL;
    uint256 internal constant ONE = 1 << 16;
    bytes32 internal constant POOL = "pool";
    bytes32 internal constant EVIDENCE = "evidence";
    // In the order of their addresses.
    address internal constant CARL = address(0xC1);
    address internal constant DORA = address(0xC2);
    address internal constant VERA = address(0xE1);
    address internal constant WILL = address(0xE2);
    address internal constant REQUESTER = address(0x4E0);
    address internal constant PROPOSER = address(0x940);

    Neighbours internal others;
    DatasetShares internal shares;
    Settlement internal settlement;

    function setUp() public virtual override {
        super.setUp();
        Protocol memory protocol = protocolOfNeighbours();
        protocol.settlement = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        protocol.datasetShares = address(new DatasetShares(protocol));
        shares = DatasetShares(protocol.datasetShares);
        settlement = new Settlement(protocol);
        assert(address(settlement) == protocol.settlement);
        vm.warp(1_000_000);
        _setTheScene();
    }

    function protocolOfNeighbours() internal returns (Protocol memory protocol) {
        others = new Neighbours(ledger);
        protocol = protocolOfPlainAccounts();
        protocol.datasetRegistry = address(others);
        protocol.labelRegistry = address(others);
        protocol.auditBoard = address(others);
        protocol.staking = address(others);
        protocol.jury = address(others);
        protocol.limits = address(new Limits(protocol));
    }

    function _setTheScene() internal {
        others.setSettlement(address(settlement));
        others.setTerms(terms());
        ILabelRegistry.Round memory r;
        (r.dataset, r.labels, r.sampleSize) = (uint64(DATASET), 20, 4);
        r.reserve = uint96(25 * REWARD + 12 * FEE);
        others.setRound(r);
        others.setAudit(ISortition.Phase.Concluded, uint64(block.timestamp), 3);
        others.setWeightThatSigns(2);
        others.setBond(BOND);
        others.addContributor(CARL, 12, 0, 24 * LBL);
        others.addContributor(DORA, 8, 1, 25 * LBL);
        others.addValidator(VERA, 8);
        others.addValidator(WILL, 4);
        ledger.deposit(accountOf(address(others)), 1_000 * LBL);
        ledger.deposit(Accounts.sub(address(settlement), DATASET), 49 * LBL);
        ledger.deposit(accountOf(PROPOSER), 10 * BOND);
        vm.prank(PROPOSER);
        ledger.allow(address(settlement), type(uint256).max);
    }

    function terms() internal pure returns (IDatasetRegistry.PayTerms memory t) {
        (t.requester, t.panelSize) = (REQUESTER, 3);
        (t.reward, t.auditFee) = (uint96(REWARD), uint96(FEE));
        (t.challengeWindow, t.exitDelay, t.exitRate) = (100, 200, 4_500);
        // Carl's twelve labels are ticketed; of Dora's eight, one came on the open path.
        (t.bond, t.openBond) = (uint96(2 * LBL), uint96(11 * LBL));
        (t.contributorsBps, t.validatorsBps, t.requesterBps) = (8_000, 1_500, 500);
    }

    // A settlement

    function contributorsChunk() internal pure returns (ISettlement.Entry[] memory e) {
        e = new ISettlement.Entry[](2);
        e[0] = ISettlement.Entry(ISettlement.Role.Contributor, CARL, uint96(95 * LBL), uint96(LBL), uint64(800), 0);
        e[1] = ISettlement.Entry(ISettlement.Role.Contributor, DORA, 0, uint96(25 * LBL), 0, 0);
    }

    function othersChunk() internal pure returns (ISettlement.Entry[] memory e) {
        e = new ISettlement.Entry[](3);
        e[0] = ISettlement.Entry(ISettlement.Role.Validator, VERA, uint96(56 * LBL), 0, 150, 0);
        e[1] = ISettlement.Entry(ISettlement.Role.Validator, WILL, 0, uint96(9 * LBL), 0, 0);
        e[2] = ISettlement.Entry(ISettlement.Role.Requester, REQUESTER, 0, 0, 50, 0);
    }

    function totals() internal pure returns (ISettlement.Totals memory t) {
        t = ISettlement.Totals({
            entries: 5,
            contributorReward: uint96(95 * LBL),
            validatorReward: uint96(56 * LBL),
            slash: uint96(35 * LBL),
            contributorShares: 800,
            validatorShares: 150,
            requesterShares: 50,
            waitingLabels: 0,
            waitingVotes: 0
        });
    }

    /// @notice The running hash over the five entries.
    function root() internal pure returns (bytes32 r) {
        r = bytes32(ROUND);
        for (uint256 i; i < 2; ++i) {
            r = keccak256(abi.encode(r, contributorsChunk()[i]));
        }
        for (uint256 i; i < 3; ++i) {
            r = keccak256(abi.encode(r, othersChunk()[i]));
        }
    }

    function propose(ISettlement.Totals memory t, uint32 chunks) internal {
        IAuditBoard.EvidenceSignature[] memory none = new IAuditBoard.EvidenceSignature[](0);
        vm.prank(PROPOSER);
        settlement.propose(ROUND, EVIDENCE, chunks, t, none);
    }

    function publish(uint32 chunk, ISettlement.Entry[] memory entries) internal {
        vm.prank(PROPOSER);
        settlement.publish(ROUND, chunk, entries);
    }

    function publishAll() internal {
        propose(totals(), 2);
        publish(0, contributorsChunk());
        publish(1, othersChunk());
    }

    function finalizeAll() internal {
        publishAll();
        vm.warp(block.timestamp + 101);
        settlement.finalize(ROUND);
    }

    function challengeAll() internal {
        publishAll();
        vm.prank(address(others));
        settlement.suspend(ROUND);
    }

    function refuse(bytes4 selector) internal {
        vm.expectPartialRevert(selector);
    }

    function phase() internal view returns (uint256) {
        return uint256(settlement.proposalOf(ROUND).phase);
    }

    function balance(address user) internal view returns (uint256) {
        return ledger.balanceOf(accountOf(user));
    }

    function bondsHeld() internal view returns (uint256) {
        return ledger.balanceOf(Accounts.sub(address(settlement), keccak256("proposal bonds")));
    }
}
