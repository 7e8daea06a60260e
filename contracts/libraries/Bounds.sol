// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Bounds
/// @notice Numbers that what is published is measured against.
library Bounds {
    /// @notice Shares of one perfect label.
    uint256 internal constant ONE = 1 << 16;
    /// @notice Worst slash of a validator, audit fees a vote.
    uint256 internal constant MAX_SLASH_FEES = 5;
    /// @notice Entries of a chunk, and accounts of a role in an exit.
    uint256 internal constant MAX_ENTRIES = 128;
    /// @notice Entries of a chunk that slash a validator's stake: each may break Staking.MAX_BROKEN seats.
    uint256 internal constant MAX_STAKE_SLASHES = 16;
}
