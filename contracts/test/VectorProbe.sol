// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ILabelRegistry} from "../interfaces/ILabelRegistry.sol";
import {ILedger} from "../interfaces/ILedger.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Typed} from "../libraries/Typed.sol";

/// @notice Shows what the contracts compute, to be compared with tests/vectors.
contract VectorProbe {
    function allowance(ILedger.SignedAllowance calldata a) external pure returns (bytes32) {
        return Typed.allowance(a);
    }

    function withdrawal(ILedger.SignedWithdrawal calldata w) external pure returns (bytes32) {
        return Typed.withdrawal(w);
    }

    function session(ILabelRegistry.Session calldata s) external pure returns (bytes32) {
        return Typed.session(s);
    }

    function submission(ILabelRegistry.Submission calldata s) external pure returns (bytes32) {
        return Typed.submission(s);
    }

    function assignment(uint256 round, address contributor, uint32 sequence, uint32 count, uint64 deadline)
        external
        pure
        returns (bytes32)
    {
        return Typed.assignment(round, contributor, sequence, count, deadline);
    }

    function commit(uint256 round, uint8 attempt, address validator, bytes32 commitment) external pure returns (bytes32) {
        return Typed.commit(round, attempt, validator, commitment);
    }

    function attestation(uint256 round, uint8 attempt, address validator, uint256 shown) external pure returns (bytes32) {
        return Typed.attestation(round, attempt, validator, shown);
    }

    function verdict(uint256 round, uint8 attempt, address juror, bytes32 sealed_) external pure returns (bytes32) {
        return Typed.verdict(round, attempt, juror, sealed_);
    }

    function evidence(uint256 round, bytes32 evidenceHash, address proposer) external pure returns (bytes32) {
        return Typed.evidence(round, evidenceHash, proposer);
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return Signatures.recover(digest, signature);
    }

    function leaf(uint256 task, uint256 answer, bytes32 salt) external pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(task, answer, salt))));
    }

    function verify(bytes32[] calldata proof, bytes32 root, bytes32 leafHash) external pure returns (bool) {
        return MerkleProof.verifyCalldata(proof, root, leafHash);
    }

    function seed(bytes32 blockHash, uint256 round, uint8 attempt) external pure returns (bytes32) {
        return keccak256(abi.encode(blockHash, round, attempt));
    }

    /// @notice The tries of a draw: which seat each of the first `count` hits.
    function seats(bytes32 drawSeed, uint256 slots, uint256 count) external pure returns (uint256[] memory hit) {
        hit = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            hit[i] = uint256(keccak256(abi.encode(drawSeed, i))) % slots;
        }
    }

    /// @notice The numbers that a sample's shuffle uses.
    function shuffle(bytes32 drawSeed, uint256 tasks, uint256 count) external pure returns (uint256[] memory swap) {
        swap = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            swap[i] = i + uint256(keccak256(abi.encode(drawSeed, "sample", i))) % (tasks - i);
        }
    }

    function verdictCommitment(uint256 round, uint8 attempt, address juror, bytes32 root, bytes32 salt)
        external
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(round, attempt, juror, root, salt));
    }

    function settlementRoot(uint256 round, ISettlement.Entry[] calldata entries) external pure returns (bytes32 root) {
        root = bytes32(round);
        for (uint256 i; i < entries.length; ++i) {
            root = keccak256(abi.encode(root, entries[i]));
        }
    }

    function commitment(uint256 round, uint8 attempt, address validator, bytes calldata answers, bytes32 salt)
        external
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(round, attempt, validator, answers, salt));
    }
}
