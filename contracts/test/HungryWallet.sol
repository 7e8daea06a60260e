// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice A contract wallet that says yes to everything, but only after eating nearly all of the gas it was given: the dearest there is.
contract HungryWallet {
    uint256 private constant LEFT = 2_000;

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        while (gasleft() > LEFT) {}
        return this.isValidSignature.selector;
    }
}
