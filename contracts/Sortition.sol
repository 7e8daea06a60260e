// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ISortition} from "./interfaces/ISortition.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {Protocol} from "./libraries/Protocol.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Sortition
/// @notice Draws a group of validators and takes their ballots: seed, seats, commit, reveal, penalties for silence.
/// @dev One group a round at a time. The loops run over a group, at most a panel of 9 or a jury of 37 members.
abstract contract Sortition is ISortition, EIP712 {
    /// @inheritdoc ISortition
    uint256 public constant SEED_DELAY = 2;
    /// @inheritdoc ISortition
    uint256 public constant SILENCE_FEES = 5;
    /// @inheritdoc ISortition
    uint256 public constant SILENCE_SEAT_BPS = 100;
    uint256 private constant BLOCKHASH_RANGE = 256;
    uint256 internal constant BPS = 10_000;
    uint8 private constant MAX_MISSES = 3;

    ILabelRegistry internal immutable LABEL_REGISTRY;
    IDatasetRegistry internal immutable REGISTRY;
    IStaking internal immutable STAKING;
    address internal immutable SETTLEMENT;

    /// @dev What a group needs of its dataset's terms. `seatFee`: LBL base units that the work of one seat is worth.
    struct Setting {
        uint64 dataset;
        uint32 commitWindow;
        uint32 revealWindow;
        uint128 seatFee;
        bytes32 pool;
    }

    mapping(uint256 round => Drawing) internal _drawings;
    mapping(uint256 round => Setting) internal _settings;
    mapping(uint256 round => Member[]) internal _members;

    constructor(Protocol memory protocol) EIP712("Labelshare", "1") {
        LABEL_REGISTRY = ILabelRegistry(protocol.labelRegistry);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        STAKING = IStaking(protocol.staking);
        SETTLEMENT = protocol.settlement;
    }

    // The seed

    /// @dev The pool is fixed as of this block, before the seed block's hash is known: nothing done later changes the draw.
    function _seed(uint256 round, uint8 attempt) internal returns (Drawing storage d) {
        d = _drawings[round];
        (d.phase, d.attempt, d.misses, d.concludedAt) = (Phase.Seeding, attempt, 0, 0);
        _fixPool(round, d);
    }

    /// @dev Takes the seed; or, when it grew too old, calls for a new one, and fails after the third.
    function _takeSeed(uint256 round) internal returns (bool taken) {
        Drawing storage d = _drawings[round];
        _requirePhase(round, Phase.Seeding);
        if (block.number <= d.seedBlock) revert SeedNotReady(round, d.seedBlock);
        if (block.number <= uint256(d.seedBlock) + BLOCKHASH_RANGE) {
            d.seed = keccak256(abi.encode(blockhash(d.seedBlock), round, d.attempt));
            return true;
        }
        if (++d.misses == MAX_MISSES) d.phase = Phase.Failed;
        else _fixPool(round, d);
        emit SeedMissed(round, d.attempt, d.misses, d.seedBlock, d.asOf, d.slots);
    }

    function _fixPool(uint256 round, Drawing storage d) internal {
        d.asOf = uint40(block.number);
        d.slots = uint40(STAKING.slotCount(_settings[round].pool));
        d.seedBlock = uint40(block.number + SEED_DELAY);
    }

    // The group

    function _draw(uint256 round, uint256 size, uint40[] memory barred)
        internal
        view
        returns (address[] memory owners, uint40[] memory seats)
    {
        Drawing storage d = _drawings[round];
        return STAKING.draw(_settings[round].pool, d.seed, d.slots, d.asOf, size, round, barred);
    }

    /// @dev One member an owner, in ascending order of address, their stake locked; the weight is the seats drawn.
    function _seat(uint256 round, address[] memory owners) internal returns (address[] memory validators, uint16[] memory weights) {
        uint256 count = _sort(owners);
        (validators, weights) = (new address[](count), new uint16[](count));
        uint256 member;
        for (uint256 i; i < owners.length; ++i) {
            if (i != 0 && owners[i] != owners[i - 1]) ++member;
            validators[member] = owners[i];
            ++weights[member];
        }
        delete _members[round];
        for (uint256 i; i < count; ++i) {
            _members[round].push(Member({validator: validators[i], weight: weights[i], revealed: false, commitment: 0}));
            STAKING.lock(validators[i]);
        }
        Drawing storage d = _drawings[round];
        Setting memory setting = _settings[round];
        d.phase = Phase.Committing;
        d.commitEnds = uint64(block.timestamp) + setting.commitWindow;
        d.revealEnds = d.commitEnds + setting.revealWindow;
    }

    /// @return distinct how many different addresses there are
    function _sort(address[] memory values) internal pure returns (uint256 distinct) {
        for (uint256 i = 1; i < values.length; ++i) {
            for (uint256 j = i; j != 0 && values[j] < values[j - 1]; --j) {
                (values[j], values[j - 1]) = (values[j - 1], values[j]);
            }
        }
        for (uint256 i; i < values.length; ++i) {
            if (i == 0 || values[i] != values[i - 1]) ++distinct;
        }
    }

    // Ballots

    /// @param typed struct hash of what the validator signs when somebody else relays their commitment
    function _commit(uint256 round, address validator, bytes32 commitment, bytes32 typed, bytes calldata signature) internal {
        Drawing storage d = _drawings[round];
        _requirePhase(round, Phase.Committing);
        if (block.timestamp > d.commitEnds) revert WindowClosed(round, d.commitEnds);
        Member storage member = _member(round, validator);
        if (member.commitment != bytes32(0)) revert AlreadyCommitted(round, validator);
        _requireSigned(validator, typed, signature);
        member.commitment = commitment;
        emit BallotCommitted(round, validator, d.attempt, commitment);
        if (_allCommitted(round)) _openReveal(round, d, uint64(block.timestamp));
    }

    /// @dev The validator's own call needs no signature.
    function _requireSigned(address validator, bytes32 typed, bytes calldata signature) internal view {
        if (msg.sender == validator && signature.length == 0) return;
        if (!Signatures.isBy(validator, _hashTypedDataV4(typed), signature)) revert InvalidSignature(validator);
    }

    /// @dev The member whose ballot `commitment` is, while ballots may be revealed; marks it revealed.
    function _reveal(uint256 round, address validator, bytes32 commitment) internal returns (Member storage member) {
        _requireRevealing(round);
        member = _member(round, validator);
        if (member.revealed) revert AlreadyRevealed(round, validator);
        if (member.commitment != commitment) revert WrongReveal(round, validator);
        member.revealed = true;
    }

    function _requireRevealing(uint256 round) internal {
        Drawing storage d = _drawings[round];
        if (d.phase == Phase.Committing) {
            if (block.timestamp <= d.commitEnds) revert WindowStillOpen(round, d.commitEnds);
            _openReveal(round, d, d.commitEnds);
        }
        _requirePhase(round, Phase.Revealing);
        if (block.timestamp > d.revealEnds) revert WindowClosed(round, d.revealEnds);
    }

    function _openReveal(uint256 round, Drawing storage d, uint64 from) internal {
        d.phase = Phase.Revealing;
        d.revealEnds = from + _settings[round].revealWindow;
        emit RevealOpened(round, d.attempt, d.revealEnds);
    }

    // The end

    /// @param complete whether nobody has anything left to do; else the windows must have passed
    function _requireOver(uint256 round, bool complete) internal view {
        Drawing storage d = _drawings[round];
        if (d.phase != Phase.Revealing) _requirePhase(round, Phase.Committing);
        (uint256 revealed, uint256 total, bool committed) = _turnout(round);
        uint256 endsAt = committed ? d.revealEnds : d.commitEnds;
        if (!(complete && revealed == total) && block.timestamp <= endsAt) revert WindowStillOpen(round, endsAt);
    }

    /// @dev Slashes, suspends and unlocks the silent. A seat that is drawn risks no more than itself.
    function _penalizeSilence(uint256 round) internal {
        Setting memory setting = _settings[round];
        Member[] storage members = _members[round];
        uint256 seatSize = STAKING.seatSize();
        uint256 perSeat = SILENCE_FEES * setting.seatFee;
        if (perSeat < seatSize * SILENCE_SEAT_BPS / BPS) perSeat = seatSize * SILENCE_SEAT_BPS / BPS;
        if (perSeat > seatSize) perSeat = seatSize;
        for (uint256 i; i < members.length; ++i) {
            if (members[i].revealed) continue;
            address validator = members[i].validator;
            uint256 taken = STAKING.slash(setting.pool, validator, perSeat * members[i].weight);
            STAKING.suspend(setting.pool, validator);
            STAKING.unlock(validator);
            emit ValidatorSilent(round, validator, _drawings[round].attempt, taken);
        }
    }

    function _unlockRevealed(uint256 round) internal {
        Member[] storage members = _members[round];
        for (uint256 i; i < members.length; ++i) {
            if (members[i].revealed) STAKING.unlock(members[i].validator);
        }
    }

    // What the members did

    function _requirePhase(uint256 round, Phase phase) internal view {
        if (_drawings[round].phase != phase) revert WrongPhase(round, _drawings[round].phase);
    }

    function _member(uint256 round, address validator) internal view returns (Member storage) {
        Member[] storage members = _members[round];
        for (uint256 i; i < members.length; ++i) {
            if (members[i].validator == validator) return members[i];
        }
        revert NotDrawn(round, validator);
    }

    function _allCommitted(uint256 round) internal view returns (bool) {
        Member[] storage members = _members[round];
        for (uint256 i; i < members.length; ++i) {
            if (members[i].commitment == bytes32(0)) return false;
        }
        return true;
    }

    /// @return revealed weight of those who revealed; @return total weight of all; @return committed whether anybody did
    function _turnout(uint256 round) internal view returns (uint256 revealed, uint256 total, bool committed) {
        Member[] storage members = _members[round];
        for (uint256 i; i < members.length; ++i) {
            total += members[i].weight;
            if (members[i].revealed) revealed += members[i].weight;
            if (members[i].commitment != bytes32(0)) committed = true;
        }
    }
}
