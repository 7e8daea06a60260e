// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The addresses of one deployment. Every contract gets the same struct at construction and keeps what it needs as
/// immutables; the addresses are predicted from the deployer's nonces, so that none of them can be set later.
/// @dev `treasury` receives protocol fees and slashed tokens, as a user's account of the Ledger.
struct Protocol {
    address token;
    address parameters;
    address credentials;
    address ledger;
    address datasetRegistry;
    address labelRegistry;
    address staking;
    address auditBoard;
    address jury;
    address limits;
    address settlement;
    address datasetShares;
    address datasetMarket;
    address treasury;
}

/// @notice A call that only one contract of the deployment may make came from elsewhere.
error OnlyProtocol(address caller, address expected);
