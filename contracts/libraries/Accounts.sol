// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Accounts
/// @notice The names of the Ledger's accounts, computed where they are needed instead of asked for by a call.
library Accounts {
    /// @notice A user's account: the address, left-padded.
    function user(address owner) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(owner)));
    }

    /// @notice A contract's sub-account `key`.
    function sub(address owner, bytes32 key) internal pure returns (bytes32) {
        return keccak256(abi.encode(owner, key));
    }

    /// @notice A contract's sub-account for a dataset.
    function sub(address owner, uint256 dataset) internal pure returns (bytes32) {
        return sub(owner, bytes32(dataset));
    }
}
