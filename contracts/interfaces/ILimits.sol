// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDatasetRegistry} from "./IDatasetRegistry.sol";
import {ISettlement} from "./ISettlement.sol";

/// @title ILimits
/// @notice What no published settlement can exceed, whoever proposed it (specification R3–R5, Invariant 5). Reads the registries, keeps
/// nothing. Reverts with the errors of ISettlement.
interface ILimits {
    /// @notice What publishing has seen so far.
    /// @param root running hash over the entries
    /// @param lastKey the last entry's role and account
    struct Progress {
        bytes32 root;
        uint168 lastKey;
        uint32 contributors;
        uint32 validators;
        ISettlement.Totals sum;
    }

    /// @notice Checks a chunk's entries one by one and adds them to what was published before.
    function tally(
        uint256 dataset,
        IDatasetRegistry.PayTerms calldata terms,
        Progress calldata progress,
        ISettlement.Entry[] calldata entries
    ) external view returns (Progress memory);

    /// @notice Checks the whole: every account with pending work has its entry, the sums are the proposal's, and what the round holds
    /// covers them.
    /// @param labels, votes all that the round's reserve and what was carried before can pay
    function check(
        uint256 dataset,
        IDatasetRegistry.PayTerms calldata terms,
        Progress calldata progress,
        ISettlement.Totals calldata proposed,
        uint256 labels,
        uint256 votes
    ) external view;
}
