// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Sortition} from "./Sortition.sol";
import {IAuditBoard} from "./interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IJury} from "./interfaces/IJury.sol";
import {ILabelRegistry} from "./interfaces/ILabelRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {ISortition} from "./interfaces/ISortition.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {Protocol} from "./libraries/Protocol.sol";
import {Typed} from "./libraries/Typed.sol";

/// @title Jury
/// @notice Disputes over published settlements.
/// @dev The sub-account bytes32(round) of the Ledger holds a dispute's bonds from the challenge to the verdict.
/// Why challenging oneself never pays: of the loser's bond, which is at least 3/2 of the fees, the fees go to the jurors and half of the rest
/// to the treasury; only the other half comes back to the winner.
contract Jury is IJury, Sortition {
    /// @inheritdoc IJury
    uint256 public constant MAX_DISPUTES = 2;
    /// @inheritdoc IJury
    uint256 public constant DISSENT_FEES = 2;
    /// @inheritdoc IJury
    uint256 public constant MIN_TASKS = 10;
    uint256 private constant MIN_OWNERS = 3;
    uint256 private constant BOND_BPS = 500;

    ILedger private immutable LEDGER;
    IAuditBoard private immutable AUDIT_BOARD;
    bytes32 private immutable TREASURY_ACCOUNT;

    mapping(uint256 round => Dispute) private _disputes;
    mapping(uint256 round => mapping(uint8 attempt => mapping(address juror => bytes32))) private _roots;

    constructor(Protocol memory protocol) Sortition(protocol) {
        LEDGER = ILedger(protocol.ledger);
        AUDIT_BOARD = IAuditBoard(protocol.auditBoard);
        TREASURY_ACCOUNT = Accounts.user(protocol.treasury);
    }

    // The challenge

    /// @inheritdoc IJury
    function challenge(uint256 round) external {
        Dispute storage d = _disputes[round];
        if (d.count == MAX_DISPUTES) revert TooManyDisputes(round, MAX_DISPUTES);
        uint256 bond = bondOf(round);
        bytes32 proposed = ISettlement(SETTLEMENT).suspend(round);
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(r.dataset);
        _settings[round] = Setting({
            dataset: r.dataset,
            commitWindow: terms.commitWindow,
            revealWindow: terms.revealWindow,
            seatFee: uint128(_seatFee(terms.auditFee, r.sampleSize)),
            pool: terms.validatorCredential
        });
        (d.challenger, d.larger, d.panelSize) = (msg.sender, false, terms.panelSize);
        (d.bond, d.proposed) = (bond, proposed);
        emit Challenged(round, ++d.count, msg.sender, bond, proposed);
        _call(round);
        LEDGER.spend(msg.sender, Accounts.sub(address(this), round), bond);
    }

    /// @inheritdoc IJury
    function drawJury(uint256 round) external {
        if (!_takeSeed(round)) {
            if (_drawings[round].phase == Phase.Failed) _hang(round);
            return;
        }
        (address[] memory owners,) = _draw(round, _size(round), AUDIT_BOARD.panelSeatsOf(round));
        if (_sort(owners) < MIN_OWNERS) (owners,) = _draw(round, _size(round), new uint40[](0));
        // Who is left judges, however few: else one who leaves the pool and challenges would force the exit.
        if (owners.length == 0) {
            _drawings[round].phase = Phase.Failed;
            _hang(round);
            return;
        }
        (address[] memory validators, uint16[] memory weights) = _seat(round, owners);
        Drawing storage drawing = _drawings[round];
        emit JuryDrawn(round, drawing.attempt, drawing.seed, validators, weights, drawing.commitEnds);
    }

    // Verdicts

    /// @inheritdoc IJury
    function commit(uint256 round, address juror, bytes32 commitment, bytes calldata signature) external {
        _commit(round, juror, commitment, Typed.verdict(round, _drawings[round].attempt, juror, commitment), signature);
    }

    /// @inheritdoc IJury
    function reveal(uint256 round, address juror, bytes32 root, bytes32 salt) external {
        if (root == bytes32(0)) revert ZeroRoot(round, juror);
        uint8 attempt = _drawings[round].attempt;
        Member storage member = _reveal(round, juror, keccak256(abi.encode(round, attempt, juror, root, salt)));
        _roots[round][attempt][juror] = root;
        emit VerdictRevealed(round, juror, attempt, member.weight, root, salt);
    }

    /// @inheritdoc IJury
    function conclude(uint256 round) external {
        _requireOver(round, true);
        (bytes32 root, uint256 votes, uint256 total) = _plurality(round);
        _penalizeSilence(round);
        if (votes * 2 > total) {
            _drawings[round].phase = Phase.Concluded;
            _penalizeDissent(round, root);
            _unlockRevealed(round);
            _decide(round, root, votes);
            return;
        }
        _unlockRevealed(round);
        if (_disputes[round].larger) {
            _drawings[round].phase = Phase.Failed;
            _hang(round);
        } else {
            _disputes[round].larger = true;
            _call(round);
        }
    }

    // Views

    /// @inheritdoc IJury
    function disputeOf(uint256 round) external view returns (Dispute memory) {
        return _disputes[round];
    }

    /// @inheritdoc IJury
    function drawingOf(uint256 round) external view returns (ISortition.Drawing memory) {
        return _drawings[round];
    }

    /// @inheritdoc IJury
    function jurorsOf(uint256 round) external view returns (Member[] memory) {
        return _members[round];
    }

    /// @inheritdoc IJury
    function rootOf(uint256 round, address juror) external view returns (bytes32) {
        return _roots[round][_drawings[round].attempt][juror];
    }

    /// @inheritdoc IJury
    function bondOf(uint256 round) public view returns (uint256) {
        ILabelRegistry.Round memory r = LABEL_REGISTRY.roundOf(round);
        IDatasetRegistry.PayTerms memory terms = REGISTRY.payTermsOf(r.dataset);
        uint256 fees = _jurySize(terms.panelSize, false) * _seatFee(terms.auditFee, r.sampleSize);
        uint256 part = ISettlement(SETTLEMENT).heldOf(round) * BOND_BPS / BPS;
        uint256 bond = fees * 3 / 2;
        return (bond > part ? bond : part) << (_disputes[round].count + ISettlement(SETTLEMENT).expiredOf(round));
    }

    // Internals: the jury

    function _seatFee(uint256 auditFee, uint256 sampleSize) internal pure returns (uint256) {
        return auditFee * (sampleSize > MIN_TASKS ? sampleSize : MIN_TASKS);
    }

    function _jurySize(uint256 panelSize, bool larger) internal pure returns (uint256) {
        return (larger ? 4 : 2) * panelSize + 1;
    }

    function _size(uint256 round) internal view returns (uint256) {
        return _jurySize(_disputes[round].panelSize, _disputes[round].larger);
    }

    /// @dev Attempts are counted over the whole round, from 1.
    function _call(uint256 round) internal {
        Drawing storage d = _seed(round, _drawings[round].attempt + 1);
        emit JuryCalled(round, d.attempt, d.seedBlock, d.asOf, d.slots);
    }

    /// @return root the revealed root with the most weight, the earliest juror's among equals
    function _plurality(uint256 round) internal view returns (bytes32 root, uint256 votes, uint256 total) {
        Member[] memory members = _members[round];
        bytes32[] memory roots = new bytes32[](members.length);
        uint8 attempt = _drawings[round].attempt;
        for (uint256 i; i < members.length; ++i) {
            total += members[i].weight;
            if (members[i].revealed) roots[i] = _roots[round][attempt][members[i].validator];
        }
        for (uint256 i; i < members.length; ++i) {
            if (!members[i].revealed) continue;
            uint256 weight;
            for (uint256 j; j < members.length; ++j) {
                if (members[j].revealed && roots[j] == roots[i]) weight += members[j].weight;
            }
            if (weight > votes) (root, votes) = (roots[i], weight);
        }
    }

    /// @dev Like silence, dissent takes no more than the seats drawn, and never more than silence does.
    function _penalizeDissent(uint256 round, bytes32 root) internal {
        Setting memory setting = _settings[round];
        Member[] storage members = _members[round];
        uint8 attempt = _drawings[round].attempt;
        uint256 perSeat = DISSENT_FEES * setting.seatFee;
        uint256 seatSize = STAKING.seatSize();
        if (perSeat > seatSize) perSeat = seatSize;
        for (uint256 i; i < members.length; ++i) {
            address juror = members[i].validator;
            if (!members[i].revealed || _roots[round][attempt][juror] == root) continue;
            uint256 taken = STAKING.slash(setting.pool, juror, perSeat * members[i].weight);
            emit JurorDissented(round, juror, attempt, taken);
        }
    }

    // Internals: the verdict

    function _decide(uint256 round, bytes32 root, uint256 votes) internal {
        Dispute storage d = _disputes[round];
        if (root == d.proposed) {
            emit DisputeDecided(round, d.count, Outcome.Upheld, root);
            address proposer = ISettlement(SETTLEMENT).uphold(round);
            _split(round, root, votes, d.bond, 0, proposer);
        } else {
            emit DisputeDecided(round, d.count, Outcome.Overturned, root);
            uint256 lost = ISettlement(SETTLEMENT).overturn(round, root);
            _split(round, root, votes, lost, d.bond, d.challenger);
        }
    }

    /// @param lost the loser's bond; @param returned the winner's own, when it lies here
    function _split(uint256 round, bytes32 root, uint256 votes, uint256 lost, uint256 returned, address winner) internal {
        uint256 fees = _jurySize(_disputes[round].panelSize, false) * _settings[round].seatFee;
        uint256 perSeat = (lost < fees ? lost : fees) / votes;
        uint256 rest = lost - perSeat * votes;
        Member[] memory members = _members[round];
        uint8 attempt = _drawings[round].attempt;
        ILedger.Credit[] memory credits = new ILedger.Credit[](members.length + 2);
        for (uint256 i; i < members.length; ++i) {
            address juror = members[i].validator;
            bool agreed = members[i].revealed && _roots[round][attempt][juror] == root;
            credits[i] = ILedger.Credit(Accounts.user(juror), agreed ? perSeat * members[i].weight : 0);
        }
        credits[members.length] = ILedger.Credit(Accounts.user(winner), returned + rest / 2);
        credits[members.length + 1] = ILedger.Credit(TREASURY_ACCOUNT, rest - rest / 2);
        emit BondSplit(round, winner, rest / 2, perSeat * votes, rest - rest / 2);
        LEDGER.moveBatch(bytes32(round), credits);
    }

    function _hang(uint256 round) internal {
        Dispute storage d = _disputes[round];
        emit DisputeDecided(round, d.count, Outcome.Hung, bytes32(0));
        ISettlement(SETTLEMENT).hang(round);
        LEDGER.move(bytes32(round), Accounts.user(d.challenger), d.bond);
    }
}
