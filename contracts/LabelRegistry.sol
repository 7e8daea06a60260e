// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {ICredentials} from "./interfaces/ICredentials.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IParameters} from "./interfaces/IParameters.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title LabelRegistry
/// @notice Rounds and submissions.
/// @dev Bonds of ticketed labels go straight to the Settlement's account of the dataset, which alone returns or slashes them. Bonds of open
/// labels wait on the sub-account bytes32(round) for the panel's word.
contract LabelRegistry is ILabelRegistry, EIP712 {
    /// @inheritdoc ILabelRegistry
    uint32 public constant MAX_COUNT = 1_024;
    /// @inheritdoc ILabelRegistry
    uint32 public constant MAX_SAMPLE = 2_048;
    /// @inheritdoc ILabelRegistry
    uint256 public constant MAX_BATCH = 30;
    /// @inheritdoc ILabelRegistry
    uint64 public constant MAX_ROUND = 30 days;
    /// @inheritdoc ILabelRegistry
    uint64 public constant WAIT_LIMIT = 14 days;
    /// @inheritdoc ILabelRegistry
    uint256 public constant MAX_OPEN = 128;
    uint256 private constant BUDGETS_PER_OPEN_BUDGET = 5;
    uint256 private constant OPEN_ADDRESSES = 4;
    uint8 private constant TICKETED = 1;
    uint8 private constant OPEN = 2;
    uint256 private constant MIN_OWNERS = 3;
    uint256 private constant SEATS_PER_PANEL_SEAT = 3;

    ILedger private immutable LEDGER;
    IDatasetRegistry private immutable REGISTRY;
    IStaking private immutable STAKING;
    IAuditBoard private immutable AUDIT_BOARD;
    ICredentials private immutable CREDENTIALS;
    IParameters private immutable PARAMETERS;
    address private immutable SETTLEMENT;

    struct SessionState {
        uint64 expiry;
        uint64 dataset;
        uint96 bondLeft;
        bool revoked;
    }

    /// @inheritdoc ILabelRegistry
    uint256 public roundCount;
    /// @inheritdoc ILabelRegistry
    mapping(uint256 dataset => uint256) public currentRound;
    /// @inheritdoc ILabelRegistry
    mapping(uint256 dataset => uint256) public pendingContributors;
    /// @dev Labels accepted in rounds that closed.
    mapping(uint256 dataset => uint256) private _acceptedLabels;
    mapping(uint256 dataset => bool) private _finished;
    /// @inheritdoc ILabelRegistry
    mapping(uint256 dataset => uint64) public settledAtOf;
    mapping(uint256 round => Round) private _rounds;
    mapping(uint256 round => OpenSubmission[]) private _open;
    mapping(uint256 dataset => mapping(address contributor => Contributor)) private _contributors;
    /// @inheritdoc ILabelRegistry
    mapping(address contributor => mapping(address key => SessionState)) public sessionOf;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        STAKING = IStaking(protocol.staking);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
        CREDENTIALS = ICredentials(protocol.credentials);
        PARAMETERS = IParameters(protocol.parameters);
        SETTLEMENT = protocol.settlement;
    }

    modifier onlySettlement() {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        _;
    }

    // Rounds

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
        if (_waitsTooLong(dataset)) revert WaitedTooLong(dataset, settledAtOf[dataset]);
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
        (r.deadline, r.last, r.reserve, r.tasksRoot) = (deadline, last, reserve, tasksRoot);
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
            revert StillWaiting(dataset, settledAtOf[dataset] + WAIT_LIMIT);
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
        settledAtOf[dataset] = uint64(block.timestamp);
        emit RoundSettled(round, dataset);
    }

    // Sessions

    /// @inheritdoc ILabelRegistry
    function registerSessions(SignedSession[] calldata items) external {
        _requireFew(items.length);
        for (uint256 i; i < items.length; ++i) {
            Session calldata s = items[i].session;
            bool valid = sessionOf[s.contributor][s.key].expiry == 0 && !sessionOf[s.contributor][s.key].revoked
                && s.key != address(0) && s.expiry > block.timestamp && s.dataset <= type(uint64).max
                && s.maxBond <= type(uint96).max
                && Signatures.isBy(s.contributor, _hashTypedDataV4(Typed.session(s)), items[i].signature);
            if (!valid) {
                emit SessionSkipped(s.contributor, s.key);
                continue;
            }
            sessionOf[s.contributor][s.key] =
                SessionState({expiry: s.expiry, dataset: uint64(s.dataset), bondLeft: uint96(s.maxBond), revoked: false});
            emit SessionRegistered(s.contributor, s.key, s.dataset, s.expiry, s.maxBond);
        }
    }

    /// @inheritdoc ILabelRegistry
    function revokeSession(address key) external {
        sessionOf[msg.sender][key].revoked = true;
        emit SessionRevoked(msg.sender, key);
    }

    // Submissions

    /// @inheritdoc ILabelRegistry
    function submit(SignedSubmission[] calldata items) external {
        PARAMETERS.requireFlowing(IParameters.Inflow.Submissions);
        _requireFew(items.length);
        for (uint256 i; i < items.length; ++i) {
            Submission calldata s = items[i].submission;
            SkipReason reason = _accept(items[i]);
            if (reason != SkipReason.None) emit SubmissionSkipped(s.round, s.contributor, s.sequence, reason);
        }
    }

    /// @inheritdoc ILabelRegistry
    function resolveOpen(uint256 round, uint256 attested) external {
        if (msg.sender != address(AUDIT_BOARD)) revert OnlyProtocol(msg.sender, address(AUDIT_BOARD));
        OpenSubmission[] memory open = _open[round];
        Round storage r = _rounds[round];
        (uint256 dataset, uint256 openBond) = (r.dataset, r.openBond);
        ILedger.Credit[] memory credits = new ILedger.Credit[](open.length + 1);
        uint256 counted;
        for (uint256 i; i < open.length; ++i) {
            (address contributor, uint32 count) = (open[i].contributor, open[i].count);
            bool counts = attested >> i & 1 == 1;
            if (counts) {
                Contributor storage c = _contributors[dataset][contributor];
                if (c.pending == 0) ++pendingContributors[dataset];
                (c.labels, c.pending, c.pendingOpen) = (c.labels + count, c.pending + count, c.pendingOpen + count);
                counted += count;
            } else {
                r.labels -= count;
                _acceptedLabels[dataset] -= count;
            }
            credits[i] = ILedger.Credit(Accounts.user(contributor), counts ? 0 : count * openBond);
            emit OpenResolved(round, contributor, count, counts);
        }
        credits[open.length] = ILedger.Credit(Accounts.sub(SETTLEMENT, dataset), counted * openBond);
        LEDGER.moveBatch(bytes32(round), credits);
    }

    /// @inheritdoc ILabelRegistry
    function settleContributors(uint256 dataset, address[] calldata contributors)
        external
        onlySettlement
        returns (uint32[] memory labels, uint256[] memory bonds)
    {
        (labels, bonds) = (new uint32[](contributors.length), new uint256[](contributors.length));
        Round storage r = _rounds[currentRound[dataset]];
        (uint256 bond, uint256 openBond) = (r.bond, r.openBond);
        for (uint256 i; i < contributors.length; ++i) {
            Contributor storage c = _contributors[dataset][contributors[i]];
            (uint32 pending, uint32 open) = (c.pending, c.pendingOpen);
            (labels[i], bonds[i]) = (pending, (pending - open) * bond + open * openBond);
            (c.pending, c.pendingOpen) = (0, 0);
            emit ContributorSettled(dataset, contributors[i], pending);
        }
        pendingContributors[dataset] -= contributors.length;
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
    function contributorOf(uint256 dataset, address contributor) external view returns (Contributor memory) {
        return _contributors[dataset][contributor];
    }

    /// @inheritdoc ILabelRegistry
    function contributedTo(uint256 round, address account) external view returns (bool) {
        Contributor storage c = _contributors[_rounds[round].dataset][account];
        return c.round == round || c.pending != 0;
    }

    /// @inheritdoc ILabelRegistry
    function pendingOf(uint256 dataset, address contributor) external view returns (uint256 labels, uint256 open) {
        Contributor storage c = _contributors[dataset][contributor];
        return (c.pending, c.pendingOpen);
    }

    /// @inheritdoc ILabelRegistry
    function openSubmissionsOf(uint256 round) external view returns (uint256) {
        return _open[round].length;
    }

    /// @inheritdoc ILabelRegistry
    function openSubmissionOf(uint256 round, uint256 index) external view returns (OpenSubmission memory) {
        return _open[round][index];
    }

    /// @inheritdoc ILabelRegistry
    function openLimitsOf(uint256 round) public view returns (uint256 budget, uint256 most, uint256 least) {
        budget = _rounds[round].labelBudget / BUDGETS_PER_OPEN_BUDGET;
        (most, least) = ((budget + OPEN_ADDRESSES - 1) / OPEN_ADDRESSES, (budget + MAX_OPEN - 1) / MAX_OPEN);
    }

    // Internals: rounds

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
        uint256 settledAt = settledAtOf[dataset];
        return settledAt != 0 && block.timestamp > settledAt + WAIT_LIMIT && _waits(dataset);
    }

    function _requireFew(uint256 items) internal pure {
        if (items > MAX_BATCH) revert BatchTooLarge(items, MAX_BATCH);
    }

    function _requireIdle(uint256 dataset) internal view {
        uint256 current = currentRound[dataset];
        RoundPhase phase = _rounds[current].phase;
        bool idle = phase == RoundPhase.None || phase == RoundPhase.Void || phase == RoundPhase.Settled;
        if (!idle || _finished[dataset]) revert DatasetBusy(dataset, current);
    }

    // Internals: submissions

    /// @dev Accepts a submission, or says why not. Nothing is written, and nothing can revert, before every check has passed; the
    /// bond is the last.
    function _accept(SignedSubmission calldata item) internal returns (SkipReason) {
        Submission calldata s = item.submission;
        Round storage r = _rounds[s.round];
        if (r.phase != RoundPhase.Open || block.timestamp > r.deadline) return SkipReason.RoundNotOpen;
        if (block.timestamp > s.deadline) return SkipReason.Expired;
        uint256 dataset = r.dataset;
        Contributor memory c = _contributors[dataset][s.contributor];
        if (s.sequence != c.sequence) return SkipReason.WrongSequence;
        if (s.count == 0 || s.count > MAX_COUNT) return SkipReason.InvalidCount;
        if (s.labelsRoot == bytes32(0)) return SkipReason.EmptyRoot;
        if (s.admission != TICKETED && s.admission != OPEN) return SkipReason.UnsupportedAdmission;
        if (uint256(r.labels) + s.count > r.labelBudget) return SkipReason.BudgetExhausted;
        if (s.admission == OPEN) {
            if (!_fitsOpenPath(s, r.openLabels, c.openRound)) return SkipReason.OpenLimit;
        } else if (msg.sender != r.operator && !_hasTicket(s, r.operator, item.ticket)) {
            return SkipReason.NotAdmitted;
        }
        if (r.credential != bytes32(0) && !CREDENTIALS.isHeld(r.credential, s.contributor)) return SkipReason.CredentialMissing;
        bytes32 digest = _hashTypedDataV4(Typed.submission(s));
        address signer = Signatures.recover(digest, item.signature);
        uint256 bond = uint256(s.count) * (s.admission == OPEN ? r.openBond : r.bond);
        SessionState memory session;
        // A malformed signature recovers to the zero address, which has no session, and no wallet to ask when it is the contributor.
        if (signer != s.contributor || signer == address(0)) {
            session = sessionOf[s.contributor][signer];
            if (session.expiry == 0) {
                if (!Signatures.isByWallet(s.contributor, digest, item.signature)) return SkipReason.InvalidSignature;
                signer = s.contributor;
            } else {
                if (session.revoked || block.timestamp > session.expiry) return SkipReason.SessionNotLive;
                if (session.dataset != 0 && session.dataset != dataset) return SkipReason.SessionOtherDataset;
                if (session.bondLeft < bond) return SkipReason.SessionBondExceeded;
            }
        }
        if (bond != 0) {
            bytes32 held = s.admission == OPEN ? Accounts.sub(address(this), s.round) : Accounts.sub(SETTLEMENT, dataset);
            if (!LEDGER.trySpend(s.contributor, held, bond)) return SkipReason.BondUnavailable;
            if (signer != s.contributor) sessionOf[s.contributor][signer].bondLeft = session.bondLeft - uint96(bond);
        }

        r.labels += s.count;
        ++c.sequence;
        c.round = uint64(s.round);
        if (s.admission == OPEN) {
            c.openRound = uint64(s.round);
            r.openLabels += s.count;
            _open[s.round].push(OpenSubmission({contributor: s.contributor, count: s.count}));
        } else {
            if (c.pending == 0) ++pendingContributors[dataset];
            c.labels += s.count;
            c.pending += s.count;
        }
        _contributors[dataset][s.contributor] = c;
        emit SubmissionAccepted(s.round, s.contributor, s.sequence, s.count, s.labelsRoot, signer, s.admission, bond);
        return SkipReason.None;
    }

    function _fitsOpenPath(Submission calldata s, uint256 taken, uint256 lastOpenRound) internal view returns (bool) {
        (uint256 budget, uint256 most, uint256 least) = openLimitsOf(s.round);
        return lastOpenRound != s.round && s.count >= least && s.count <= most && taken + s.count <= budget;
    }

    /// @dev A ticket is abi.encode(uint32 count, uint64 deadline, bytes signature) with a signature of 65 bytes: 224 bytes in all.
    /// Decoded by hand, so that a malformed one is refused and does not revert the batch.
    function _hasTicket(Submission calldata s, address operator, bytes calldata ticket) internal view returns (bool) {
        if (ticket.length != 224) return false;
        uint256 count = uint256(bytes32(ticket[0:32]));
        uint256 deadline = uint256(bytes32(ticket[32:64]));
        if (uint256(bytes32(ticket[64:96])) != 96 || uint256(bytes32(ticket[96:128])) != 65) return false;
        if (count > type(uint32).max || deadline > type(uint64).max) return false;
        if (s.count > count || block.timestamp > deadline) return false;
        bytes32 assignment = Typed.assignment(s.round, s.contributor, s.sequence, uint32(count), uint64(deadline));
        return Signatures.isBy(operator, _hashTypedDataV4(assignment), ticket[128:193]);
    }
}
