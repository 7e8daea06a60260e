// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title AuditBoard
/// @notice The audit of each round: seed, panel, ballots, penalties for silence.
/// @dev The loops run over a panel, at most 9 members. Only votes of the panel that passes count as work: a panel without a
/// quorum is replaced as a whole, and the sample with it. A round whose three panels failed waits in Failed for the exit.
contract AuditBoard is IAuditBoard, EIP712 {
    /// @inheritdoc IAuditBoard
    uint256 public constant SEED_DELAY = 2;
    /// @inheritdoc IAuditBoard
    uint256 public constant SILENCE_FEES = 5;
    uint256 private constant BLOCKHASH_RANGE = 256;
    uint8 private constant MAX_MISSES = 3;
    uint8 private constant MAX_ATTEMPTS = 3;

    ILabelRegistry private immutable LABEL_REGISTRY;
    IDatasetRegistry private immutable REGISTRY;
    IStaking private immutable STAKING;
    address private immutable SETTLEMENT;

    /// @dev What the audit of a round needs of its dataset's terms, copied at the start.
    struct Setting {
        uint64 dataset;
        uint32 sampleSize;
        uint32 commitWindow;
        uint32 revealWindow;
        uint8 panelSize;
        uint96 auditFee;
        bytes32 pool;
    }

    mapping(uint256 round => Audit) private _audits;
    mapping(uint256 round => Setting) private _settings;
    mapping(uint256 round => Member[]) private _panels;
    /// @inheritdoc IAuditBoard
    mapping(uint256 dataset => mapping(address validator => uint64)) public pendingVotesOf;
    /// @inheritdoc IAuditBoard
    mapping(uint256 dataset => uint256) public pendingValidators;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        STAKING = IStaking(protocol.staking);
        SETTLEMENT = protocol.settlement;
    }

    // Seed and panel

    /// @inheritdoc IAuditBoard
    function start(uint256 round) external {
        if (msg.sender != address(LABEL_REGISTRY)) revert OnlyProtocol(msg.sender, address(LABEL_REGISTRY));
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        _settings[round] = Setting({
            dataset: r.dataset,
            sampleSize: r.sampleSize,
            commitWindow: terms.commitWindow,
            revealWindow: terms.revealWindow,
            panelSize: terms.panelSize,
            auditFee: terms.auditFee,
            pool: terms.validatorCredential
        });
        _seed(round, 0);
    }

    /// @inheritdoc IAuditBoard
    function drawPanel(uint256 round) external {
        Audit storage a = _audits[round];
        _requirePhase(round, AuditPhase.Seeding);
        if (block.number <= a.seedBlock) revert SeedNotReady(round, a.seedBlock);
        if (block.number > a.seedBlock + BLOCKHASH_RANGE) {
            _miss(round, a);
            return;
        }
        Setting memory setting = _settings[round];
        bytes32 seed = keccak256(abi.encode(blockhash(a.seedBlock), round, a.attempt));
        a.seed = seed;
        a.phase = AuditPhase.Committing;
        a.commitEnds = uint64(block.timestamp) + setting.commitWindow;
        a.revealEnds = a.commitEnds + setting.revealWindow;
        address[] memory owners = STAKING.draw(setting.pool, seed, a.slots, a.asOf, setting.panelSize, round);
        (address[] memory validators, uint16[] memory weights) = _seat(round, owners);
        emit PanelDrawn(round, a.attempt, seed, validators, weights, a.commitEnds);
    }

    // Ballots

    /// @inheritdoc IAuditBoard
    function commit(uint256 round, address validator, bytes32 commitment, bytes calldata signature) external {
        Audit storage a = _audits[round];
        _requirePhase(round, AuditPhase.Committing);
        if (block.timestamp > a.commitEnds) revert WindowClosed(round, a.commitEnds);
        Member storage member = _member(round, validator);
        if (member.commitment != bytes32(0)) revert AlreadyCommitted(round, validator);
        bool signed = msg.sender == validator && signature.length == 0;
        if (!signed) {
            bytes32 digest = _hashTypedDataV4(Typed.commit(round, a.attempt, validator, commitment));
            if (!Signatures.isBy(validator, digest, signature)) revert InvalidSignature(validator);
        }
        member.commitment = commitment;
        emit BallotCommitted(round, validator, a.attempt, commitment);
        if (_allCommitted(round)) _openReveal(round, a, uint64(block.timestamp));
    }

    /// @inheritdoc IAuditBoard
    function reveal(uint256 round, address validator, bytes calldata answers, bytes32 salt) external {
        Audit storage a = _audits[round];
        if (a.phase == AuditPhase.Committing) {
            if (block.timestamp <= a.commitEnds) revert WindowStillOpen(round, a.commitEnds);
            _openReveal(round, a, a.commitEnds);
        }
        _requirePhase(round, AuditPhase.Revealing);
        if (block.timestamp > a.revealEnds) revert WindowClosed(round, a.revealEnds);
        Member storage member = _member(round, validator);
        if (member.revealed) revert AlreadyRevealed(round, validator);
        uint256 expected = _settings[round].sampleSize;
        if (answers.length != expected) revert WrongBallotLength(expected, answers.length);
        bytes32 commitment = keccak256(abi.encode(round, a.attempt, validator, answers, salt));
        if (member.commitment != commitment) revert WrongReveal(round, validator);
        member.revealed = true;
        emit BallotRevealed(round, validator, a.attempt, member.weight, answers, salt);
    }

    /// @inheritdoc IAuditBoard
    function conclude(uint256 round) external {
        Audit storage a = _audits[round];
        if (a.phase != AuditPhase.Revealing) _requirePhase(round, AuditPhase.Committing);
        (uint256 revealed, uint256 total, bool committed) = _turnout(round);
        uint256 endsAt = committed ? a.revealEnds : a.commitEnds;
        if (revealed < total && block.timestamp <= endsAt) revert WindowStillOpen(round, endsAt);
        _penalizeSilence(round, a.attempt);
        uint8 attempt = a.attempt;
        if (revealed * 2 > total) {
            (a.phase, a.concludedAt) = (AuditPhase.Audited, uint64(block.timestamp));
            _countVotes(round);
        } else {
            _dismiss(round);
            if (attempt + 1 == MAX_ATTEMPTS) a.phase = AuditPhase.Failed;
            else _seed(round, attempt + 1);
        }
        emit AuditConcluded(round, attempt, revealed, a.phase);
    }

    // Settlement's side

    /// @inheritdoc IAuditBoard
    function settleValidators(uint256 dataset, address[] calldata validators) external returns (uint64[] memory votes) {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        votes = new uint64[](validators.length);
        for (uint256 i; i < validators.length; ++i) {
            votes[i] = pendingVotesOf[dataset][validators[i]];
            pendingVotesOf[dataset][validators[i]] = 0;
            emit ValidatorSettled(dataset, validators[i], votes[i]);
        }
        pendingValidators[dataset] -= validators.length;
    }

    /// @inheritdoc IAuditBoard
    function releasePanel(uint256 round) external {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].revealed) STAKING.unlock(panel[i].validator);
        }
    }

    // Views

    /// @inheritdoc IAuditBoard
    function auditOf(uint256 round) external view returns (Audit memory) {
        return _audits[round];
    }

    /// @inheritdoc IAuditBoard
    function panelOf(uint256 round) external view returns (Member[] memory) {
        return _panels[round];
    }

    /// @inheritdoc IAuditBoard
    function revealedWeightOf(uint256 round, address validator) external view returns (uint256) {
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].validator == validator) return panel[i].revealed ? panel[i].weight : 0;
        }
        return 0;
    }

    /// @inheritdoc IAuditBoard
    function totalRevealedWeight(uint256 round) external view returns (uint256 revealed) {
        (revealed,,) = _turnout(round);
    }

    // Internals

    function _requirePhase(uint256 round, AuditPhase phase) internal view {
        if (_audits[round].phase != phase) revert WrongPhase(round, _audits[round].phase);
    }

    /// @dev The pool is fixed as of this block, before the seed block's hash is known: nothing done later changes the draw.
    function _seed(uint256 round, uint8 attempt) internal {
        uint256 slots = STAKING.slotCount(_settings[round].pool);
        Audit storage a = _audits[round];
        (a.phase, a.attempt) = (AuditPhase.Seeding, attempt);
        (a.asOf, a.slots) = (uint40(block.number), uint40(slots));
        a.seedBlock = uint40(block.number + SEED_DELAY);
        emit AuditStarted(round, attempt, a.seedBlock, block.number, slots);
    }

    function _miss(uint256 round, Audit storage a) internal {
        ++a.misses;
        if (a.misses == MAX_MISSES) a.phase = AuditPhase.Failed;
        else a.seedBlock = uint40(block.number + SEED_DELAY);
        emit SeedMissed(round, a.attempt, a.misses, a.seedBlock);
    }

    /// @dev One member an owner, in ascending order of address; the weight is the seats drawn.
    function _seat(uint256 round, address[] memory owners)
        internal
        returns (address[] memory validators, uint16[] memory weights)
    {
        _sort(owners);
        uint256 count;
        for (uint256 i; i < owners.length; ++i) {
            if (i == 0 || owners[i] != owners[i - 1]) ++count;
        }
        (validators, weights) = (new address[](count), new uint16[](count));
        uint256 member;
        for (uint256 i; i < owners.length; ++i) {
            if (i != 0 && owners[i] != owners[i - 1]) ++member;
            validators[member] = owners[i];
            ++weights[member];
        }
        delete _panels[round];
        for (uint256 i; i < count; ++i) {
            _panels[round].push(Member({validator: validators[i], weight: weights[i], revealed: false, commitment: 0}));
            STAKING.lock(validators[i]);
        }
    }

    function _sort(address[] memory values) internal pure {
        for (uint256 i = 1; i < values.length; ++i) {
            for (uint256 j = i; j != 0 && values[j] < values[j - 1]; --j) {
                (values[j], values[j - 1]) = (values[j - 1], values[j]);
            }
        }
    }

    function _member(uint256 round, address validator) internal view returns (Member storage) {
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].validator == validator) return panel[i];
        }
        revert NotOnPanel(round, validator);
    }

    function _openReveal(uint256 round, Audit storage a, uint64 from) internal {
        a.phase = AuditPhase.Revealing;
        a.revealEnds = from + _settings[round].revealWindow;
        emit RevealOpened(round, a.attempt, a.revealEnds);
    }

    function _allCommitted(uint256 round) internal view returns (bool) {
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].commitment == bytes32(0)) return false;
        }
        return true;
    }

    function _turnout(uint256 round) internal view returns (uint256 revealed, uint256 total, bool committed) {
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            total += panel[i].weight;
            if (panel[i].revealed) revealed += panel[i].weight;
            if (panel[i].commitment != bytes32(0)) committed = true;
        }
    }

    function _penalizeSilence(uint256 round, uint8 attempt) internal {
        Setting memory setting = _settings[round];
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].revealed) continue;
            uint256 penalty = SILENCE_FEES * setting.auditFee * setting.sampleSize * panel[i].weight;
            uint256 taken = STAKING.slash(setting.pool, panel[i].validator, penalty);
            STAKING.suspend(setting.pool, panel[i].validator);
            STAKING.unlock(panel[i].validator);
            emit ValidatorSilent(round, panel[i].validator, attempt, taken);
        }
    }

    function _countVotes(uint256 round) internal {
        Setting memory setting = _settings[round];
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (!panel[i].revealed) continue;
            uint64 pending = pendingVotesOf[setting.dataset][panel[i].validator];
            if (pending == 0) ++pendingValidators[setting.dataset];
            pendingVotesOf[setting.dataset][panel[i].validator] = pending + uint64(setting.sampleSize) * panel[i].weight;
        }
    }

    function _dismiss(uint256 round) internal {
        Member[] storage panel = _panels[round];
        for (uint256 i; i < panel.length; ++i) {
            if (panel[i].revealed) STAKING.unlock(panel[i].validator);
        }
    }
}
