// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

/// @title IDatasetShares
/// @notice ERC-1155 shares of datasets (id = dataset id) and the revenue they earn, in O(1) per sale whatever the number of holders.
/// @dev Per dataset: acc (revenue per share, scaled by P = 2^64), rem, supply S of finalized shares, distributed or not. A sale of v:
/// x = v·P + rem; acc += x / S; rem = x mod S. A touch of a holder pays balance·(acc − paid)/P to their Ledger account and sets
/// paid = acc. Shares minted late earn from the accumulator their round was finalized at. Invariant 6.
interface IDatasetShares is IERC1155 {
    struct Mint {
        address account;
        uint64 shares;
    }

    /// @notice Thrown when revenue arrives for a dataset without shares.
    error NoShares(uint256 dataset);
    /// @notice Thrown when a transfer asks for more shares than the holder has.
    error InsufficientShares(uint256 dataset, address holder, uint256 balance, uint256 needed);
    /// @notice Thrown when the caller neither is the holder nor has their approval.
    error NotApproved(address operator, address holder);
    /// @notice Thrown when shares would go to the zero address.
    error InvalidReceiver(address to);
    /// @notice Thrown when two lists that belong together differ in length.
    error LengthMismatch(uint256 ids, uint256 values);
    /// @notice Thrown when a batch holds more items than a call may take.
    error BatchTooLarge(uint256 length, uint256 most);

    /// @notice A round's shares count from now on, minted or not: `supply` in all.
    event SharesFinalized(uint256 indexed dataset, uint256 indexed round, uint256 shares, uint256 supply, uint256 acc);
    /// @notice A sale brought `amount`; `acc` is the revenue per share since the beginning, times 2^64.
    event RevenueAdded(uint256 indexed dataset, uint256 amount, uint256 acc);
    /// @notice Revenue was paid to the holder's Ledger account.
    event RevenuePaid(uint256 indexed dataset, address indexed holder, uint256 amount);

    /// @notice Datasets whose shares one transfer takes.
    function MAX_BATCH() external view returns (uint256);
    /// @notice Finalized shares of a dataset, distributed or not.
    function supplyOf(uint256 dataset) external view returns (uint256);
    function accOf(uint256 dataset) external view returns (uint256);
    /// @notice LBL base units that a touch of the holder would pay now.
    function claimableOf(uint256 dataset, address holder) external view returns (uint256);
    /// @notice The Ledger account that holds a dataset's unclaimed revenue.
    function accountOf(uint256 dataset) external view returns (bytes32);

    /// @notice Anyone may claim for anyone: pays the holder's Ledger account.
    function claim(uint256 dataset, address holder) external returns (uint256 amount);
    /// @notice Settlement only.
    function finalizeRound(uint256 dataset, uint256 round, uint256 shares) external;
    /// @notice Settlement only; no receiver callback, a hostile receiver must not block a batch.
    function mint(uint256 dataset, uint256 round, Mint[] calldata mints) external;
    /// @notice DatasetMarket only: `amount` has arrived on accountOf(dataset).
    function addRevenue(uint256 dataset, uint256 amount) external;
}
