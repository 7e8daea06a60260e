// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Sortition} from "./Sortition.sol";
import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title AuditBoard
/// @notice The audit of each round.
/// @dev Only votes of the panel that passes count as work: a panel without a quorum is replaced as a whole, and the sample with it. A
/// round whose three panels failed waits in Failed for the exit.
contract AuditBoard is IAuditBoard, Sortition {
    /// @inheritdoc IAuditBoard
    uint64 public constant WAIT_LOCK = 30 days;
    uint8 private constant MAX_ATTEMPTS = 3;

    /// @dev What an audit needs of its round besides the Setting.
    struct Scope {
        uint32 sampleSize;
        uint8 panelSize;
        uint8 openSubmissions;
    }

    /// @dev Votes that no settlement has decided, and the last round they come from.
    struct Pending {
        uint64 votes;
        uint64 round;
        bool locked;
    }

    struct Attestation {
        bool given;
        uint128 shown;
    }

    mapping(uint256 round => Scope) private _scopes;
    mapping(uint256 round => uint40[]) private _panelSeats;
    mapping(uint256 round => mapping(uint8 attempt => mapping(address validator => Attestation))) private _attestations;
    mapping(uint256 dataset => mapping(address validator => Pending)) private _pending;
    /// @inheritdoc IAuditBoard
    mapping(uint256 dataset => uint256) public pendingValidators;

    constructor(Protocol memory protocol) Sortition(protocol) {}

    modifier onlyLabelRegistry() {
        if (msg.sender != address(LABEL_REGISTRY)) revert OnlyProtocol(msg.sender, address(LABEL_REGISTRY));
        _;
    }

    modifier onlySettlement() {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        _;
    }

    // Seed and panel

    /// @inheritdoc IAuditBoard
    function start(uint256 round) external onlyLabelRegistry {
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        _settings[round] = Setting({
            dataset: r.dataset,
            commitWindow: terms.commitWindow,
            revealWindow: terms.revealWindow,
            seatFee: uint128(terms.auditFee) * r.sampleSize,
            pool: terms.validatorCredential
        });
        _scopes[round] = Scope({
            sampleSize: r.sampleSize,
            panelSize: terms.panelSize,
            openSubmissions: uint8(LABEL_REGISTRY.openSubmissionsOf(round))
        });
        _begin(round, 0);
    }

    /// @inheritdoc IAuditBoard
    function startClosing(uint256 round) external onlyLabelRegistry {
        Drawing storage d = _drawings[round];
        (d.phase, d.concludedAt) = (Phase.Concluded, uint64(block.timestamp));
        emit AuditConcluded(round, 0, 0, Phase.Concluded);
    }

    /// @inheritdoc IAuditBoard
    function drawPanel(uint256 round) external {
        if (!_takeSeed(round)) {
            if (_drawings[round].phase == Phase.Failed) _resolveOpen(round, 0);
            return;
        }
        uint256 size = _scopes[round].panelSize;
        (address[] memory owners, uint40[] memory seats) = _draw(round, size, new uint40[](0));
        if (owners.length < size) revert DrawFailed(owners.length, size);
        _panelSeats[round] = seats;
        (address[] memory validators, uint16[] memory weights) = _seat(round, owners);
        Drawing storage d = _drawings[round];
        emit PanelDrawn(round, d.attempt, d.seed, validators, weights, d.commitEnds);
    }

    // Ballots

    /// @inheritdoc IAuditBoard
    function commit(uint256 round, address validator, bytes32 commitment, bytes calldata signature) external {
        bytes32 typed = Typed.commit(round, _drawings[round].attempt, validator, commitment);
        _commit(round, validator, commitment, typed, signature);
    }

    /// @inheritdoc IAuditBoard
    function reveal(uint256 round, address validator, bytes calldata answers, bytes32 salt) external {
        uint256 expected = _scopes[round].sampleSize;
        if (answers.length != expected) revert WrongBallotLength(expected, answers.length);
        uint8 attempt = _drawings[round].attempt;
        Member storage member = _reveal(round, validator, keccak256(abi.encode(round, attempt, validator, answers, salt)));
        emit BallotRevealed(round, validator, attempt, member.weight, answers, salt);
    }

    /// @inheritdoc IAuditBoard
    function attest(uint256 round, address validator, uint256 shown, bytes calldata signature) external {
        if (_scopes[round].openSubmissions == 0) revert NothingToAttest(round);
        _requireRevealing(round);
        _member(round, validator);
        uint8 attempt = _drawings[round].attempt;
        Attestation storage attestation = _attestations[round][attempt][validator];
        if (attestation.given) revert AlreadyRevealed(round, validator);
        _requireSigned(validator, Typed.attestation(round, attempt, validator, shown), signature);
        (attestation.given, attestation.shown) = (true, uint128(shown));
        emit OpenAttested(round, validator, attempt, shown);
    }

    /// @inheritdoc IAuditBoard
    function conclude(uint256 round) external {
        Drawing storage d = _drawings[round];
        _requireOver(round, _allAttested(round));
        (uint256 revealed, uint256 total,) = _turnout(round);
        uint8 attempt = d.attempt;
        _penalizeSilence(round);
        if (revealed * 2 > total) {
            (d.phase, d.concludedAt) = (Phase.Concluded, uint64(block.timestamp));
            _countVotes(round);
            _resolveOpen(round, _attested(round, revealed));
        } else {
            _unlockRevealed(round);
            if (attempt + 1 < MAX_ATTEMPTS) {
                _begin(round, attempt + 1);
            } else {
                d.phase = Phase.Failed;
                _resolveOpen(round, 0);
            }
        }
        emit AuditConcluded(round, attempt, revealed, d.phase);
    }

    // Pending votes

    /// @inheritdoc IAuditBoard
    function unlockWaiting(uint256 dataset, address validator) external {
        Pending storage pending = _pending[dataset][validator];
        uint256 round = pending.round;
        bool due = pending.locked && LABEL_REGISTRY.roundOf(round).phase == ILabelRegistry.RoundPhase.Settled
            && block.timestamp > _drawings[round].concludedAt + WAIT_LOCK
            && !ISettlement(SETTLEMENT).isUnderWay(LABEL_REGISTRY.currentRound(dataset));
        if (!due) revert NotReleasable(dataset, validator);
        pending.locked = false;
        STAKING.unlock(validator);
    }

    /// @inheritdoc IAuditBoard
    function settleValidators(uint256 dataset, address[] calldata validators)
        external
        onlySettlement
        returns (uint64[] memory votes)
    {
        votes = new uint64[](validators.length);
        for (uint256 i; i < validators.length; ++i) {
            Pending memory pending = _pending[dataset][validators[i]];
            votes[i] = pending.votes;
            delete _pending[dataset][validators[i]];
            if (pending.locked) STAKING.unlock(validators[i]);
            emit ValidatorSettled(dataset, validators[i], votes[i]);
        }
        pendingValidators[dataset] -= validators.length;
    }

    // Views

    /// @inheritdoc IAuditBoard
    function pendingVotesOf(uint256 dataset, address validator) external view returns (uint64) {
        return _pending[dataset][validator].votes;
    }

    /// @inheritdoc IAuditBoard
    function isLocked(uint256 dataset, address validator) external view returns (bool) {
        return _pending[dataset][validator].locked;
    }

    /// @inheritdoc IAuditBoard
    function auditOf(uint256 round) external view returns (Drawing memory) {
        return _drawings[round];
    }

    /// @inheritdoc IAuditBoard
    function panelOf(uint256 round) external view returns (Member[] memory) {
        return _members[round];
    }

    /// @inheritdoc IAuditBoard
    function panelSeatsOf(uint256 round) external view returns (uint40[] memory) {
        return _panelSeats[round];
    }

    /// @inheritdoc IAuditBoard
    function attestationOf(uint256 round, address validator) external view returns (bool given, uint256 shown) {
        Attestation memory a = _attestations[round][_drawings[round].attempt][validator];
        return (a.given, a.shown);
    }

    /// @inheritdoc IAuditBoard
    function revealedWeightOf(uint256 round, address validator) public view returns (uint256) {
        Member[] storage panel = _members[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].validator == validator) return panel[i].revealed ? panel[i].weight : 0;
        }
        return 0;
    }

    /// @inheritdoc IAuditBoard
    function totalRevealedWeight(uint256 round) external view returns (uint256 revealed) {
        (revealed,,) = _turnout(round);
    }

    /// @inheritdoc IAuditBoard
    function signedWeight(uint256 round, bytes32 digest, EvidenceSignature[] calldata signatures)
        external
        view
        returns (uint256 weight)
    {
        address previous;
        for (uint256 i; i < signatures.length; ++i) {
            address validator = signatures[i].validator;
            if (validator <= previous) revert SignersOutOfOrder(validator);
            uint256 revealed = revealedWeightOf(round, validator);
            if (revealed == 0) revert NotRevealed(round, validator);
            if (!Signatures.isBy(validator, digest, signatures[i].signature)) revert InvalidSignature(validator);
            weight += revealed;
            previous = validator;
        }
    }

    // Internals

    function _begin(uint256 round, uint8 attempt) internal {
        Drawing storage d = _seed(round, attempt);
        emit AuditStarted(round, attempt, d.seedBlock, d.asOf, d.slots);
    }

    /// @dev A validator is locked once for the pending votes of a dataset, until a settlement decides them.
    function _countVotes(uint256 round) internal {
        uint256 dataset = _settings[round].dataset;
        uint64 sampleSize = _scopes[round].sampleSize;
        Member[] storage panel = _members[round];
        for (uint256 i; i < panel.length; ++i) {
            if (!panel[i].revealed) continue;
            Pending storage pending = _pending[dataset][panel[i].validator];
            if (pending.votes == 0) ++pendingValidators[dataset];
            if (pending.locked) STAKING.unlock(panel[i].validator);
            (pending.round, pending.locked) = (uint64(round), true);
            pending.votes += sampleSize * panel[i].weight;
        }
    }

    // Internals: the open path

    /// @dev True without open submissions: then nobody has anything to attest.
    function _allAttested(uint256 round) internal view returns (bool) {
        if (_scopes[round].openSubmissions == 0) return true;
        Member[] storage panel = _members[round];
        uint8 attempt = _drawings[round].attempt;
        for (uint256 i; i < panel.length; ++i) {
            if (!_attestations[round][attempt][panel[i].validator].given) return false;
        }
        return true;
    }

    /// @return attested bit i: members with more than half of the revealed weight were shown open submission i
    function _attested(uint256 round, uint256 revealed) internal view returns (uint256 attested) {
        uint256 open = _scopes[round].openSubmissions;
        if (open == 0) return 0;
        uint256[] memory weights = new uint256[](open);
        Member[] memory panel = _members[round];
        uint8 attempt = _drawings[round].attempt;
        for (uint256 i; i < panel.length; ++i) {
            if (!panel[i].revealed) continue;
            uint256 shown = _attestations[round][attempt][panel[i].validator].shown;
            for (uint256 j; j < open; ++j) {
                weights[j] += (shown >> j & 1) * panel[i].weight;
            }
        }
        for (uint256 j; j < open; ++j) {
            if (weights[j] * 2 > revealed) attested |= 1 << j;
        }
    }

    function _resolveOpen(uint256 round, uint256 attested) internal {
        if (_scopes[round].openSubmissions != 0) LABEL_REGISTRY.resolveOpen(round, attested);
    }
}
