// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IFaucet
/// @notice Development chains only: gives each address a fixed amount of LBL once, to its wallet or to its Ledger account.
interface IFaucet {
    /// @notice Thrown when an address was served before.
    error AlreadyServed(address to);
    /// @notice Thrown when a batch holds more items than a call may take.
    error BatchTooLarge(uint256 length, uint256 most);

    /// @notice An address got its development tokens.
    event Served(address indexed to, uint256 amount, bool toLedger);

    /// @notice Addresses that a call serves.
    function MAX_BATCH() external view returns (uint256);
    function amount() external view returns (uint256);
    function served(address to) external view returns (bool);
    /// @notice Anyone may ask for anyone, so that a new contributor needs no gas. Addresses served before are an error.
    function drip(address to, bool toLedger) external;
    /// @notice Serves many Ledger accounts; addresses served before, and the zero address, are passed over.
    function dripMany(address[] calldata to) external;
}
