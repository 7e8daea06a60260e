// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILabelRegistry} from "../interfaces/ILabelRegistry.sol";
import {ILedger} from "../interfaces/ILedger.sol";

/// @title Typed
/// @notice EIP-712 struct hashes of everything that is signed for the chain (specification S2).
library Typed {
    bytes32 internal constant ALLOWANCE =
        keccak256("Allowance(address owner,address spender,uint256 amount,uint256 nonce,uint256 deadline)");
    bytes32 internal constant WITHDRAWAL =
        keccak256("Withdrawal(address owner,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline)");
    bytes32 internal constant SESSION =
        keccak256("Session(address contributor,address key,uint256 dataset,uint64 expiry,uint256 maxBond)");
    bytes32 internal constant SUBMISSION = keccak256(
        "Submission(uint256 round,address contributor,uint32 sequence,uint32 count,bytes32 labelsRoot,uint8 admission,uint64 deadline)"
    );
    bytes32 internal constant ASSIGNMENT =
        keccak256("Assignment(uint256 round,address contributor,uint32 sequence,uint32 count,uint64 deadline)");
    bytes32 internal constant COMMIT =
        keccak256("Commit(uint256 round,uint8 attempt,address validator,bytes32 commitment)");
    bytes32 internal constant ATTESTATION =
        keccak256("Attestation(uint256 round,uint8 attempt,address validator,uint256 shown)");
    bytes32 internal constant VERDICT = keccak256("Verdict(uint256 round,uint8 attempt,address juror,bytes32 commitment)");
    bytes32 internal constant EVIDENCE = keccak256("Evidence(uint256 round,bytes32 evidenceHash,address proposer)");

    function allowance(ILedger.SignedAllowance calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(ALLOWANCE, a.owner, a.spender, a.amount, a.nonce, a.deadline));
    }

    function withdrawal(ILedger.SignedWithdrawal calldata w) internal pure returns (bytes32) {
        return keccak256(abi.encode(WITHDRAWAL, w.owner, w.to, w.amount, w.fee, w.nonce, w.deadline));
    }

    function session(ILabelRegistry.Session calldata s) internal pure returns (bytes32) {
        return keccak256(abi.encode(SESSION, s.contributor, s.key, s.dataset, s.expiry, s.maxBond));
    }

    function submission(ILabelRegistry.Submission calldata s) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(SUBMISSION, s.round, s.contributor, s.sequence, s.count, s.labelsRoot, s.admission, s.deadline)
        );
    }

    function assignment(uint256 round, address contributor, uint32 sequence, uint32 count, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(ASSIGNMENT, round, contributor, sequence, count, deadline));
    }

    function commit(uint256 round, uint8 attempt, address validator, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(COMMIT, round, attempt, validator, commitment));
    }

    function attestation(uint256 round, uint8 attempt, address validator, uint256 shown) internal pure returns (bytes32) {
        return keccak256(abi.encode(ATTESTATION, round, attempt, validator, shown));
    }

    function verdict(uint256 round, uint8 attempt, address juror, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(VERDICT, round, attempt, juror, commitment));
    }

    function evidence(uint256 round, bytes32 evidenceHash, address proposer) internal pure returns (bytes32) {
        return keccak256(abi.encode(EVIDENCE, round, evidenceHash, proposer));
    }
}
