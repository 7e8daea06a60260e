// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {IParameters} from "./interfaces/IParameters.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";

/// @title Rounds
/// @notice Which round a dataset has, from its opening to the day it is settled. What is submitted to it is LabelRegistry's.
abstract contract Rounds is ILabelRegistry {
    /// @inheritdoc ILabelRegistry
    uint32 public constant MAX_SAMPLE = 2_048;
    /// @inheritdoc ILabelRegistry
    uint64 public constant MAX_ROUND = 30 days;
    /// @inheritdoc ILabelRegistry
    uint64 public constant WAIT_LIMIT = 14 days;
    uint256 private constant MIN_OWNERS = 3;
    uint256 private constant SEATS_PER_PANEL_SEAT = 3;

    IDatasetRegistry private immutable REGISTRY;
    IStaking private immutable STAKING;
    IAuditBoard internal immutable AUDIT_BOARD;
    IParameters internal immutable PARAMETERS;
    address internal immutable SETTLEMENT;

    /// @dev A dataset's last settled round, and when it was.
    struct Settled {
        uint48 round;
        uint64 at;
    }

    /// @inheritdoc ILabelRegistry
    uint256 public roundCount;
    /// @inheritdoc ILabelRegistry
    mapping(uint256 dataset => uint256) public currentRound;
    mapping(uint256 dataset => Settled) internal _settled;
    /// @dev Labels accepted in rounds that closed.
    mapping(uint256 dataset => uint256) internal _acceptedLabels;
    /// @dev Whether the dataset's last round has closed.
    mapping(uint256 dataset => bool) internal _finished;
    mapping(uint256 round => Round) internal _rounds;

    constructor(Protocol memory protocol) {
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        STAKING = IStaking(protocol.staking);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
        PARAMETERS = IParameters(protocol.parameters);
        SETTLEMENT = protocol.settlement;
    }

    modifier onlySettlement() {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        _;
    }

    // Opening and closing

    /// @inheritdoc ILabelRegistry
    function openRound(
        uint256 dataset,
        bytes32 tasksRoot,
        uint32 taskCount,
        uint32 labelBudget,
        uint64 deadline,
        bool last
    ) external returns (uint256 round) {
        PARAMETERS.requireFlowing(IParameters.Inflow.Rounds);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(dataset);
        if (msg.sender != terms.requester && msg.sender != terms.operator) revert NotRequesterOrOperator(msg.sender);
        _requireIdle(dataset);
        if (_waitsTooLong(dataset)) revert WaitedTooLong(dataset, _settled[dataset].at);
        if (tasksRoot == bytes32(0)) revert InvalidRound("tasksRoot");
        if (taskCount == 0) revert InvalidRound("taskCount");
        if (labelBudget == 0 || labelBudget > uint256(taskCount) * terms.maxLabels) revert InvalidRound("labelBudget");
        if (deadline <= block.timestamp || deadline > block.timestamp + MAX_ROUND) revert InvalidRound("deadline");
        uint256 sampleSize = (uint256(taskCount) * terms.auditRate + 255) / 256;
        if (sampleSize > MAX_SAMPLE) revert InvalidRound("sampleSize");
        if (sampleSize * terms.auditFee < PARAMETERS.minSeatFee()) revert InvalidRound("auditFee");
        uint256 labels = _acceptedLabels[dataset] + labelBudget;
        if (labels > terms.labelCap) revert LabelCapExceeded(dataset, terms.labelCap, labels);
        (uint256 seats, uint256 owners) = STAKING.poolSize(terms.validatorCredential);
        if (seats < SEATS_PER_PANEL_SEAT * terms.panelSize || owners < MIN_OWNERS) revert PoolTooSmall(seats, owners);

        uint256 reserve = labelBudget * uint256(terms.reward) + sampleSize * terms.panelSize * terms.auditFee;
        Round memory r;
        (r.taskCount, r.labelBudget, r.sampleSize) = (taskCount, labelBudget, uint32(sampleSize));
        // The escrow must hold the reserve, and all LBL there is fits 90 bits.
        (r.deadline, r.last, r.reserve, r.tasksRoot) = (deadline, last, uint96(reserve), tasksRoot);
        round = _begin(dataset, terms, r);
        REGISTRY.reserve(dataset, reserve);
    }

    /// @inheritdoc ILabelRegistry
    function closeRound(uint256 round) external {
        Round storage r = _rounds[round];
        if (r.phase != RoundPhase.Open) revert NotOpen(round);
        if (block.timestamp <= r.deadline && r.labels < r.labelBudget) revert RoundStillOpen(round);
        uint256 dataset = r.dataset;
        if (r.labels == 0) {
            r.phase = RoundPhase.Void;
            emit RoundVoid(round, dataset);
            REGISTRY.settle(dataset, 0, r.reserve);
            return;
        }
        r.phase = RoundPhase.Closed;
        _acceptedLabels[dataset] += r.labels;
        if (r.last) _finished[dataset] = true;
        emit RoundClosed(round, dataset, r.labels);
        AUDIT_BOARD.start(round);
    }

    /// @inheritdoc ILabelRegistry
    function finishDataset(uint256 dataset) external returns (uint256 round) {
        _requireIdle(dataset);
        if (!_waitsTooLong(dataset)) {
            if (!_waits(dataset)) revert NothingWaits(dataset);
            revert StillWaiting(dataset, _settled[dataset].at + WAIT_LIMIT);
        }
        Round memory r;
        r.last = true;
        round = _begin(dataset, REGISTRY.termsOf(dataset), r);
        _rounds[round].phase = RoundPhase.Closed;
        _finished[dataset] = true;
        emit RoundClosed(round, dataset, 0);
        AUDIT_BOARD.startClosing(round);
    }

    /// @inheritdoc ILabelRegistry
    function markSettled(uint256 round) external onlySettlement {
        uint256 dataset = _rounds[round].dataset;
        _rounds[round].phase = RoundPhase.Settled;
        _settled[dataset] = Settled({round: uint48(round), at: uint64(block.timestamp)});
        emit RoundSettled(round, dataset);
    }

    // Views

    /// @inheritdoc ILabelRegistry
    function roundOf(uint256 round) external view returns (Round memory) {
        if (_rounds[round].phase == RoundPhase.None) revert UnknownRound(round);
        return _rounds[round];
    }

    /// @inheritdoc ILabelRegistry
    function datasetOf(uint256 round) external view returns (uint256) {
        return _rounds[round].dataset;
    }

    /// @inheritdoc ILabelRegistry
    function settledAtOf(uint256 dataset) external view returns (uint64) {
        return _settled[dataset].at;
    }

    // Internals

    /// @param r what the round is to be, but for what the terms say
    function _begin(uint256 dataset, IDatasetRegistry.Terms memory terms, Round memory r) internal returns (uint256 round) {
        round = ++roundCount;
        currentRound[dataset] = round;
        (r.dataset, r.operator, r.phase) = (uint64(dataset), terms.operator, RoundPhase.Open);
        (r.bond, r.openBond, r.credential) = (terms.bond, terms.openBond, terms.contributorCredential);
        _rounds[round] = r;
        emit RoundOpened(
            round, dataset, r.tasksRoot, r.taskCount, r.labelBudget, r.sampleSize, r.deadline, r.last, r.reserve
        );
    }

    function _waits(uint256 dataset) internal view returns (bool) {
        (uint128 labels, uint128 votes) = ISettlement(SETTLEMENT).waitingOf(dataset);
        return labels != 0 || votes != 0;
    }

    function _waitsTooLong(uint256 dataset) internal view returns (bool) {
        uint256 settledAt = _settled[dataset].at;
        return settledAt != 0 && block.timestamp > settledAt + WAIT_LIMIT && _waits(dataset);
    }

    function _requireIdle(uint256 dataset) internal view {
        uint256 current = currentRound[dataset];
        RoundPhase phase = _rounds[current].phase;
        bool idle = phase == RoundPhase.None || phase == RoundPhase.Void || phase == RoundPhase.Settled;
        if (!idle || _finished[dataset]) revert DatasetBusy(dataset, current);
    }
}
