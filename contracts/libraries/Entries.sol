// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ISettlement} from "../interfaces/ISettlement.sol";

/// @title Entries
/// @notice Hashes of published entries, taken of the calldata as it lies there: an entry is six words, which abi.encode would copy one
/// by one.
/// @dev Unlike abi.encode they accept words with dirty upper bits. Publishing hands the entries to Limits, and that call refuses those; a
/// chunk to distribute must have the hash of one that was published.
library Entries {
    uint256 private constant ENTRY_BYTES = 192;

    /// @notice keccak256(abi.encode(round, chunk, entries))
    function hash(uint256 round, uint32 chunk, ISettlement.Entry[] calldata entries) internal pure returns (bytes32) {
        bytes calldata raw;
        assembly ("memory-safe") {
            raw.offset := entries.offset
            raw.length := mul(entries.length, ENTRY_BYTES)
        }
        // 96: where the array begins.
        return keccak256(abi.encodePacked(round, uint256(chunk), uint256(96), entries.length, raw));
    }

    /// @notice keccak256(abi.encode(root, entry))
    function link(bytes32 root, ISettlement.Entry calldata entry) internal pure returns (bytes32) {
        bytes calldata raw;
        assembly ("memory-safe") {
            raw.offset := entry
            raw.length := ENTRY_BYTES
        }
        return keccak256(abi.encodePacked(root, raw));
    }
}
