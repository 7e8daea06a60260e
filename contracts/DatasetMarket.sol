// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDatasetMarket} from "./interfaces/IDatasetMarket.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IDatasetShares} from "./interfaces/IDatasetShares.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IParameters} from "./interfaces/IParameters.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";

/// @title DatasetMarket
/// @notice Licenses: price, protocol fee, revenue to the shares.
contract DatasetMarket is IDatasetMarket {
    using SafeERC20 for IERC20;

    uint256 private constant BPS = 10_000;

    IERC20 private immutable TOKEN;
    ILedger private immutable LEDGER;
    IDatasetRegistry private immutable REGISTRY;
    IParameters private immutable PARAMETERS;
    IDatasetShares private immutable SHARES;
    ISettlement private immutable SETTLEMENT;
    bytes32 private immutable TREASURY_ACCOUNT;

    mapping(uint256 dataset => Offer) private _offers;
    mapping(uint256 dataset => mapping(address licensee => License)) private _licenses;

    constructor(Protocol memory protocol) {
        TOKEN = IERC20(protocol.token);
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        PARAMETERS = IParameters(protocol.parameters);
        SHARES = IDatasetShares(protocol.datasetShares);
        SETTLEMENT = ISettlement(protocol.settlement);
        TREASURY_ACCOUNT = Accounts.user(protocol.treasury);
        TOKEN.forceApprove(protocol.ledger, type(uint256).max);
    }

    // Sales

    /// @inheritdoc IDatasetMarket
    function list(uint256 dataset, uint96 floor, uint32 term, uint16 feeBps) external {
        if (msg.sender != address(REGISTRY)) revert OnlyProtocol(msg.sender, address(REGISTRY));
        _offers[dataset] = Offer({floor: floor, price: floor, term: term, feeBps: feeBps});
    }

    /// @inheritdoc IDatasetMarket
    function setPrice(uint256 dataset, uint256 price) external {
        address requester = REGISTRY.requesterOf(dataset);
        if (msg.sender != requester) revert NotRequester(msg.sender, requester);
        uint256 floor = _offers[dataset].floor;
        if (price < floor) revert PriceBelowFloor(price, floor);
        _offers[dataset].price = SafeCast.toUint96(price);
        emit PriceSet(dataset, price);
    }

    /// @inheritdoc IDatasetMarket
    function buy(uint256 dataset, address licensee, uint256 maxPrice) public {
        PARAMETERS.requireFlowing(IParameters.Inflow.Purchases);
        if (licensee == address(0)) revert ZeroLicensee();
        Offer memory offer = offerOf(dataset);
        (uint256 price, uint256 term, uint256 feeBps) = (offer.price, offer.term, offer.feeBps);
        if (price > maxPrice) revert PriceAboveMax(price, maxPrice);
        uint256 fee = price * feeBps / BPS;

        uint256 expiry = _licenses[dataset][licensee].expiry;
        License memory license = License({
            expiry: uint64((expiry > block.timestamp ? expiry : block.timestamp) + term),
            lastRound: uint64(SETTLEMENT.lastFinalRound(dataset))
        });
        _licenses[dataset][licensee] = license;
        emit LicenseSold(dataset, licensee, msg.sender, price, fee, license.expiry, license.lastRound);

        TOKEN.safeTransferFrom(msg.sender, address(this), price);
        ILedger.Credit[] memory credits = new ILedger.Credit[](2);
        credits[0] = ILedger.Credit({account: TREASURY_ACCOUNT, amount: fee});
        credits[1] = ILedger.Credit({account: Accounts.sub(address(SHARES), dataset), amount: price - fee});
        LEDGER.depositBatch(credits);
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
        return offerOf(dataset).price;
    }

    /// @inheritdoc IDatasetMarket
    function offerOf(uint256 dataset) public view returns (Offer memory offer) {
        offer = _offers[dataset];
        // Of a dataset that exists, the term is not 0.
        if (offer.term == 0) revert IDatasetRegistry.UnknownDataset(dataset);
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
