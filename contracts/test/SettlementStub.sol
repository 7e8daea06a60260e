// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice Stands in for Settlement where a test is about other contracts: only the last final round, set at will.
contract SettlementStub {
    mapping(uint256 dataset => uint256) public lastFinalRound;

    function setLastFinalRound(uint256 dataset, uint256 round) external {
        lastFinalRound[dataset] = round;
    }
}
