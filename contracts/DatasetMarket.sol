// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDatasetMarket} from "./interfaces/IDatasetMarket.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IDatasetShares} from "./interfaces/IDatasetShares.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Protocol} from "./libraries/Protocol.sol";

/// @title DatasetMarket
/// @notice Licenses: price, protocol fee, revenue to the shares.
contract DatasetMarket is IDatasetMarket {
    using SafeERC20 for IERC20;

    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_FEE_BPS = 500;
    bytes32 private constant SALES = bytes32(0);

    /// @inheritdoc IDatasetMarket
    uint256 public immutable feeBps;
    IERC20 private immutable TOKEN;
    ILedger private immutable LEDGER;
    IDatasetRegistry private immutable REGISTRY;
    IDatasetShares private immutable SHARES;
    ISettlement private immutable SETTLEMENT;
    bytes32 private immutable TREASURY_ACCOUNT;

    /// @dev 0: the floor of the terms.
    mapping(uint256 dataset => uint256) private _price;
    mapping(uint256 dataset => mapping(address licensee => License)) private _licenses;

    constructor(Protocol memory protocol, uint256 feeBps_) {
        if (feeBps_ > MAX_FEE_BPS) revert FeeTooHigh(feeBps_, MAX_FEE_BPS);
        feeBps = feeBps_;
        TOKEN = IERC20(protocol.token);
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        SHARES = IDatasetShares(protocol.datasetShares);
        SETTLEMENT = ISettlement(protocol.settlement);
        TREASURY_ACCOUNT = bytes32(uint256(uint160(protocol.treasury)));
        TOKEN.forceApprove(protocol.ledger, type(uint256).max);
    }

    // Sales

    /// @inheritdoc IDatasetMarket
    function setPrice(uint256 dataset, uint256 price) external {
        address requester = REGISTRY.requesterOf(dataset);
        if (msg.sender != requester) revert NotRequester(msg.sender, requester);
        uint256 floor = REGISTRY.termsOf(dataset).licenseFloor;
        if (price < floor) revert PriceBelowFloor(price, floor);
        _price[dataset] = price;
        emit PriceSet(dataset, price);
    }

    /// @inheritdoc IDatasetMarket
    function buy(uint256 dataset, address licensee, uint256 maxPrice) public {
        if (licensee == address(0)) revert ZeroLicensee();
        IDatasetRegistry.Terms memory terms = REGISTRY.termsOf(dataset);
        uint256 price = _price[dataset] == 0 ? terms.licenseFloor : _price[dataset];
        if (price > maxPrice) revert PriceAboveMax(price, maxPrice);
        uint256 fee = price * feeBps / BPS;

        License storage license = _licenses[dataset][licensee];
        uint256 from = license.expiry > block.timestamp ? license.expiry : block.timestamp;
        license.expiry = uint64(from + terms.licenseTerm);
        license.lastRound = uint64(SETTLEMENT.lastFinalRound(dataset));
        emit LicenseSold(dataset, licensee, msg.sender, price, fee, license.expiry, license.lastRound);

        TOKEN.safeTransferFrom(msg.sender, address(this), price);
        LEDGER.deposit(LEDGER.subAccountOf(address(this), SALES), price);
        if (fee != 0) LEDGER.move(SALES, TREASURY_ACCOUNT, fee);
        LEDGER.move(SALES, SHARES.accountOf(dataset), price - fee);
        SHARES.addRevenue(dataset, price - fee);
    }

    /// @inheritdoc IDatasetMarket
    function buyWithPermit(
        uint256 dataset,
        address licensee,
        uint256 maxPrice,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // A permit that someone else relayed first has given its approval already; the transfer decides.
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), maxPrice, deadline, v, r, s) {} catch {}
        buy(dataset, licensee, maxPrice);
    }

    // Views

    /// @inheritdoc IDatasetMarket
    function priceOf(uint256 dataset) external view returns (uint256) {
        uint256 price = _price[dataset];
        return price == 0 ? REGISTRY.termsOf(dataset).licenseFloor : price;
    }

    /// @inheritdoc IDatasetMarket
    function licenseOf(uint256 dataset, address licensee) external view returns (License memory) {
        return _licenses[dataset][licensee];
    }

    /// @inheritdoc IDatasetMarket
    function isLicensed(uint256 dataset, address licensee) external view returns (bool) {
        return block.timestamp <= _licenses[dataset][licensee].expiry;
    }
}
