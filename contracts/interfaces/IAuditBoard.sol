// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISortition} from "./ISortition.sol";

/// @title IAuditBoard
/// @notice The audit of each round: seed, sample and panel after the round closed, blind ballots by commit and reveal, penalties
/// for silence, and the panel's word on which open submissions were shown to it.
/// @dev The sample's task indices are a pure function of (seed, taskCount, sampleSize); see docs/SPECIFICATION.md. `Concluded` means audited.
interface IAuditBoard is ISortition {
    /// @dev EIP-712: Evidence(uint256 round,bytes32 evidenceHash,address proposer), in the Settlement's domain. The panel names the proposer:
    /// else anyone could take its signatures, propose first and stay silent
    struct EvidenceSignature {
        address validator;
        bytes signature;
    }

    /// @notice Thrown when a ballot has another length than the sample.
    error WrongBallotLength(uint256 expected, uint256 length);
    /// @notice Thrown when too few eligible seats were hit within the bounded number of tries. The seed will be missed, and a new one drawn.
    error DrawFailed(uint256 picked, uint256 wanted);
    /// @notice Thrown when the signatures are not in ascending order of address.
    error SignersOutOfOrder(address validator);
    /// @notice Thrown when a signature would count for nothing: its signer has revealed no ballot for this round.
    error NotRevealed(uint256 round, address validator);
    /// @notice Thrown when a stake is not locked for waiting votes, or must stay so.
    error NotReleasable(uint256 dataset, address validator);
    /// @notice Thrown when there is no open submission to attest.
    error NothingToAttest(uint256 round);

    /// @notice A panel is called for: seats eligible as of `asOf` will be drawn by the hash of `seedBlock`.
    event AuditStarted(uint256 indexed round, uint8 attempt, uint256 seedBlock, uint256 asOf, uint256 slots);
    /// @notice The panel sits until `commitEnds`; the sample follows from `seed`.
    event PanelDrawn(
        uint256 indexed round, uint8 attempt, bytes32 seed, address[] validators, uint16[] weights, uint64 commitEnds
    );
    /// @param answers one byte a sampled task, in the sample's order
    event BallotRevealed(
        uint256 indexed round, address indexed validator, uint8 attempt, uint16 weight, bytes answers, bytes32 salt
    );
    /// @param shown bit i: the labels of open submission i were shown to the validator
    event OpenAttested(uint256 indexed round, address indexed validator, uint8 attempt, uint256 shown);
    /// @notice The panel is done. `phase` is Concluded (audited), Seeding (a new panel will be drawn) or Failed (exit).
    event AuditConcluded(uint256 indexed round, uint8 attempt, uint256 revealedWeight, Phase phase);
    /// @notice A settlement decided the validator's pending votes of a dataset.
    event ValidatorSettled(uint256 indexed dataset, address indexed validator, uint64 votes);

    function auditOf(uint256 round) external view returns (Drawing memory);
    function panelOf(uint256 round) external view returns (Member[] memory);
    /// @notice The seats that the panel was drawn with: they are not drawn for a jury.
    function panelSeatsOf(uint256 round) external view returns (uint40[] memory);
    /// @notice Open submissions that a member attests; `given` tells a 0 from nothing said.
    function attestationOf(uint256 round, address validator) external view returns (bool given, uint256 shown);
    /// @notice Weight of a member who revealed, else 0.
    function revealedWeightOf(uint256 round, address validator) external view returns (uint256);
    function totalRevealedWeight(uint256 round) external view returns (uint256);
    /// @notice Revealed weight of those who signed `digest`. Reverts with InvalidSignature, NotRevealed or
    /// SignersOutOfOrder: so there are no more of them than the panel has members.
    function signedWeight(uint256 round, bytes32 digest, EvidenceSignature[] calldata signatures) external view returns (uint256);
    /// @notice Seconds after an audit for which votes that wait are backed by locked stake.
    function WAIT_LOCK() external view returns (uint64);
    /// @notice Whether a validator's stake is locked for the pending votes of a dataset.
    function isLocked(uint256 dataset, address validator) external view returns (bool);
    /// @notice Votes (audited tasks × weight) of a validator that no settlement has decided yet.
    function pendingVotesOf(uint256 dataset, address validator) external view returns (uint64);
    /// @notice Validators of the dataset with pending votes: a settlement must have an entry for each.
    function pendingValidators(uint256 dataset) external view returns (uint256);

    /// @notice LabelRegistry only: the round closed; sets the seed block.
    function start(uint256 round) external;
    /// @notice LabelRegistry only: a closing round has no tasks, and so counts as audited at once.
    function startClosing(uint256 round) external;
    /// @notice Anyone, after the seed block: takes the seed and draws the panel. A seed older than 256 blocks is missed: a new seed block.
    function drawPanel(uint256 round) external;
    /// @notice Anyone relays a validator's commitment with their EIP-712
    /// Commit(uint256 round,uint8 attempt,address validator,bytes32 commitment); the validator themselves needs no signature.
    /// @param commitment keccak256(abi.encode(uint256 round, uint8 attempt, address validator, bytes answers, bytes32 salt))
    function commit(uint256 round, address validator, bytes32 commitment, bytes calldata signature) external;
    /// @notice Anyone relays a reveal: once all committed, or after the commit window.
    function reveal(uint256 round, address validator, bytes calldata answers, bytes32 salt) external;
    /// @notice Anyone relays, while ballots are revealed, a member's EIP-712
    /// Attestation(uint256 round,uint8 attempt,address validator,uint256 shown); the validator themselves needs no signature. Said once.
    function attest(uint256 round, address validator, uint256 shown, bytes calldata signature) external;
    /// @notice Anyone, once all revealed (and attested, when there are open submissions) or the window passed: slashes and suspends the
    /// silent; audited when more than half of the panel's weight revealed, else a new panel, at most 3.
    /// @dev Of the open submissions, those that more than half of the revealed weight attests count; the rest are void.
    function conclude(uint256 round) external;

    /// @notice Anyone: unlocks a validator whose votes still wait WAIT_LOCK after the audit of the last of them, so that no requester holds
    /// a stake hostage by small rounds. The votes stay pending. Not while a settlement of the dataset is under way, which may slash them.
    function unlockWaiting(uint256 dataset, address validator) external;

    /// @notice Settlement only: the pending votes of these validators are decided, and their stakes unlocked: not before, so that
    /// nobody takes their stake out between a verdict and its slash.
    function settleValidators(uint256 dataset, address[] calldata validators) external returns (uint64[] memory votes);
}
