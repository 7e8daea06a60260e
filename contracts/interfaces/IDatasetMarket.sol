// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IDatasetMarket
/// @notice Licenses: price, protocol fee, revenue to the shares.
interface IDatasetMarket {
    /// @dev One slot.
    /// @param floor lowest price, and the price at first; @param price LBL base units
    /// @param term seconds a license lasts; @param feeBps the protocol's fee, basis points
    struct Offer {
        uint96 floor;
        uint96 price;
        uint32 term;
        uint16 feeBps;
    }

    /// @param expiry unix seconds; @param lastRound the last round the license covers
    struct License {
        uint64 expiry;
        uint64 lastRound;
    }

    /// @notice Thrown when the requester asks for less than the floor in the terms.
    error PriceBelowFloor(uint256 price, uint256 floor);
    /// @notice Thrown when the price is above the buyer's `maxPrice`: look at `priceOf` and buy again.
    error PriceAboveMax(uint256 price, uint256 maxPrice);
    /// @notice Thrown when somebody else than the requester sets the price.
    error NotRequester(address caller, address requester);
    /// @notice Thrown when a license would go to the zero address.
    error ZeroLicensee();

    /// @notice The requester set the price of a license.
    event PriceSet(uint256 indexed dataset, uint256 price);
    /// @notice `licensee` may download the dataset up to `lastRound` until `expiry`; `fee` of `price` went to the treasury.
    event LicenseSold(
        uint256 indexed dataset,
        address indexed licensee,
        address indexed buyer,
        uint256 price,
        uint256 fee,
        uint64 expiry,
        uint64 lastRound
    );

    /// @notice What a dataset's licenses cost, and for how long they last.
    function offerOf(uint256 dataset) external view returns (Offer memory);
    function priceOf(uint256 dataset) external view returns (uint256);
    function licenseOf(uint256 dataset, address licensee) external view returns (License memory);
    function isLicensed(uint256 dataset, address licensee) external view returns (bool);

    /// @notice DatasetRegistry only: what a sale needs of a new dataset's terms, kept here in one slot so that a sale finds it at once.
    function list(uint256 dataset, uint96 floor, uint32 term, uint16 feeBps) external;
    /// @notice The requester sets the price, at or above the floor of the terms (where it starts).
    function setPrice(uint256 dataset, uint256 price) external;
    /// @notice Buys a license from the caller's wallet (needs an ERC-20 approval). Renewal extends from the current expiry.
    function buy(uint256 dataset, address licensee, uint256 maxPrice) external;
    /// @notice `buy` with an EIP-2612 permit for `maxPrice` in the same call: one prompt.
    function buyWithPermit(uint256 dataset, address licensee, uint256 maxPrice, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}
