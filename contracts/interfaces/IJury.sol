// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISortition} from "./ISortition.sol";

/// @title IJury
/// @notice Disputes over published settlements: a challenge with a bond, a fresh jury that recomputes the settlement, a verdict that
/// makes the wrong side pay.
/// @dev A juror commits to the root they computed themselves (docs/SPECIFICATION.md, J3), so that a lazy one has nothing to copy.
/// Warning: a jury whose majority is corrupt decides as it likes, within the limits of what any settlement can pay; it costs an attacker
/// that majority twice, since a verdict can be disputed once more.
interface IJury is ISortition {
    /// @param count disputes of the round so far
    /// @param larger whether its second, larger jury sits
    /// @param bond LBL base units of the challenger
    /// @param proposed the challenged settlement's root
    struct Dispute {
        address challenger;
        uint8 count;
        bool larger;
        uint8 panelSize;
        uint256 bond;
        bytes32 proposed;
    }

    /// @notice How a dispute ended. Hung: no jury came to a majority; the round exits.
    enum Outcome {
        Upheld,
        Overturned,
        Hung
    }

    /// @notice Thrown when a round had all its disputes: its settlement stands.
    error TooManyDisputes(uint256 round, uint256 most);
    /// @notice Thrown when a juror reveals the root 0, which no settlement has.
    error ZeroRoot(uint256 round, address juror);

    /// @notice A published settlement is disputed; a jury will be drawn.
    event Challenged(uint256 indexed round, uint8 dispute, address indexed challenger, uint256 bond, bytes32 proposed);
    /// @notice A jury is called for: seats eligible as of `asOf` will be drawn by the hash of `seedBlock`.
    event JuryCalled(uint256 indexed round, uint8 attempt, uint256 seedBlock, uint256 asOf, uint256 slots);
    /// @notice The jury sits until `commitEnds`.
    event JuryDrawn(
        uint256 indexed round, uint8 attempt, bytes32 seed, address[] validators, uint16[] weights, uint64 commitEnds
    );
    /// @notice A juror showed the root they came to.
    event VerdictRevealed(
        uint256 indexed round, address indexed validator, uint8 attempt, uint16 weight, bytes32 root, bytes32 salt
    );
    /// @notice A juror's root was not the majority's: slashed.
    event JurorDissented(uint256 indexed round, address indexed validator, uint8 attempt, uint256 slashed);
    /// @param root the majority's, 0 when there is none
    event DisputeDecided(uint256 indexed round, uint8 dispute, Outcome outcome, bytes32 root);
    /// @notice Who got what of the loser's bond; the rest went to the treasury.
    event BondSplit(uint256 indexed round, address indexed winner, uint256 toWinner, uint256 toJurors, uint256 toTreasury);

    /// @notice Disputes of a round at most.
    function MAX_DISPUTES() external view returns (uint256);
    /// @notice Dissent costs this many times what the juror's seats earn.
    function DISSENT_FEES() external view returns (uint256);
    /// @notice A seat's fee is the audit fee of the sampled tasks, at least of this many.
    function MIN_TASKS() external view returns (uint256);
    function disputeOf(uint256 round) external view returns (Dispute memory);
    function drawingOf(uint256 round) external view returns (ISortition.Drawing memory);
    function jurorsOf(uint256 round) external view returns (Member[] memory);
    /// @notice The root that a member of the sitting jury revealed, else 0.
    function rootOf(uint256 round, address juror) external view returns (bytes32);
    /// @notice LBL base units that a proposal or a challenge of the round costs now: max(3/2 of the jury's fees, 5% of what the round
    /// holds), doubled by each dispute and by each proposal that expired: three silent proposals cost more than an exit can gain.
    function bondOf(uint256 round) external view returns (uint256);

    /// @notice Anyone, while the challenge window of a published settlement is open: stakes `bondOf(round)` out of the caller's Ledger
    /// allowance on its being wrong, and calls a jury. Needs no evidence: the jury gets it from the panel.
    function challenge(uint256 round) external;
    /// @notice Anyone, after the seed block: draws the jury among seats that the panel was not drawn with; among all, when those have fewer
    /// than three owners; when nobody can be drawn, the dispute is hung.
    function drawJury(uint256 round) external;
    /// @notice Anyone relays a juror's commitment with their EIP-712
    /// Verdict(uint256 round,uint8 attempt,address juror,bytes32 commitment); the juror themselves needs no signature.
    /// @param commitment keccak256(abi.encode(uint256 round, uint8 attempt, address juror, bytes32 root, bytes32 salt))
    function commit(uint256 round, address juror, bytes32 commitment, bytes calldata signature) external;
    /// @notice Anyone relays a reveal: once all committed, or after the commit window.
    function reveal(uint256 round, address juror, bytes32 root, bytes32 salt) external;
    /// @notice Anyone, once all revealed or the window passed. A root with more than half of the jury's weight decides; else a larger
    /// jury is called, once; else the round exits and both bonds return.
    function conclude(uint256 round) external;
}
