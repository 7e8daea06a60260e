// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {IDatasetShares} from "./interfaces/IDatasetShares.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";

/// @title DatasetShares
/// @notice Shares of datasets and the revenue they earn.
/// @dev Why it never overpays: acc is Σ floor((v·P + rem) / S), so S·acc ≤ P·Σv; a holder's credits are floors of
/// balance·Δacc/P over disjoint stretches of acc, and Σ balances ≤ S. Undistributed shares of a final round already count in S and
/// are credited from accAtFinal on when they are minted.
contract DatasetShares is IDatasetShares, IERC1155MetadataURI {
    /// @inheritdoc IDatasetShares
    uint256 public constant MAX_BATCH = 64;
    uint256 private constant P = 1 << 64;

    ILedger private immutable LEDGER;
    IDatasetRegistry private immutable REGISTRY;
    address private immutable SETTLEMENT;
    address private immutable MARKET;

    struct Holder {
        uint96 balance;
        uint160 paid;
    }

    /// @dev One slot. supply < 2^50: a dataset accepts fewer than 2^32 labels, a label mints at most 2^16 units to its contributor, and
    /// at least half of all shares are contributors'. acc < 2^144: even a dataset
    /// of 2^10 units, a 64th of a good label, may sell for more than all LBL there is; beyond that a sale reverts, claims go on.
    struct Revenue {
        uint144 acc;
        uint56 supply;
        uint56 rem;
    }

    mapping(uint256 dataset => Revenue) private _revenue;
    mapping(uint256 dataset => mapping(address holder => Holder)) private _holders;
    mapping(uint256 round => uint256) private _accAtFinal;
    /// @inheritdoc IERC1155
    mapping(address holder => mapping(address operator => bool)) public isApprovedForAll;

    constructor(Protocol memory protocol) {
        LEDGER = ILedger(protocol.ledger);
        REGISTRY = IDatasetRegistry(protocol.datasetRegistry);
        SETTLEMENT = protocol.settlement;
        MARKET = protocol.datasetMarket;
    }

    // Revenue

    /// @inheritdoc IDatasetShares
    function claim(uint256 dataset, address holder) external returns (uint256) {
        return _touch(dataset, holder);
    }

    /// @inheritdoc IDatasetShares
    function addRevenue(uint256 dataset, uint256 amount) external {
        if (msg.sender != MARKET) revert OnlyProtocol(msg.sender, MARKET);
        Revenue memory revenue = _revenue[dataset];
        uint256 supply = revenue.supply;
        if (supply == 0) revert NoShares(dataset);
        uint256 x = amount * P + revenue.rem;
        uint144 acc = SafeCast.toUint144(revenue.acc + x / supply);
        _revenue[dataset] = Revenue({acc: acc, supply: revenue.supply, rem: SafeCast.toUint56(x % supply)});
        emit RevenueAdded(dataset, amount, acc);
    }

    // Shares of a settlement

    /// @inheritdoc IDatasetShares
    function finalizeRound(uint256 dataset, uint256 round, uint256 shares) external {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        Revenue storage revenue = _revenue[dataset];
        uint256 supply = revenue.supply + shares;
        revenue.supply = SafeCast.toUint56(supply);
        _accAtFinal[round] = revenue.acc;
        emit SharesFinalized(dataset, round, shares, supply, revenue.acc);
    }

    /// @inheritdoc IDatasetShares
    function mint(uint256 dataset, uint256 round, Mint[] calldata mints) external {
        if (msg.sender != SETTLEMENT) revert OnlyProtocol(msg.sender, SETTLEMENT);
        uint160 acc = _revenue[dataset].acc;
        uint256 since = acc - _accAtFinal[round];
        for (uint256 i; i < mints.length; ++i) {
            (address account, uint256 shares) = (mints[i].account, mints[i].shares);
            Holder memory holder = _holders[dataset][account];
            uint256 due = uint256(holder.balance) * (acc - holder.paid) / P + shares * since / P;
            _holders[dataset][account] = Holder({balance: holder.balance + uint96(shares), paid: acc});
            _pay(dataset, account, due);
            emit TransferSingle(msg.sender, address(0), account, dataset, shares);
        }
    }

    // ERC-1155

    /// @inheritdoc IERC1155
    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    /// @inheritdoc IERC1155
    function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes calldata data) external {
        _authorize(from, to);
        _transfer(from, to, id, value);
        emit TransferSingle(msg.sender, from, to, id, value);
        ERC1155Utils.checkOnERC1155Received(msg.sender, from, to, id, value, data);
    }

    /// @inheritdoc IERC1155
    function safeBatchTransferFrom(
        address from,
        address to,
        uint256[] calldata ids,
        uint256[] calldata values,
        bytes calldata data
    ) external {
        _authorize(from, to);
        if (ids.length != values.length) revert LengthMismatch(ids.length, values.length);
        if (ids.length > MAX_BATCH) revert BatchTooLarge(ids.length, MAX_BATCH);
        for (uint256 i; i < ids.length; ++i) {
            _transfer(from, to, ids[i], values[i]);
        }
        emit TransferBatch(msg.sender, from, to, ids, values);
        ERC1155Utils.checkOnERC1155BatchReceived(msg.sender, from, to, ids, values, data);
    }

    // Views

    /// @inheritdoc IERC1155
    function balanceOf(address account, uint256 id) public view returns (uint256) {
        return _holders[id][account].balance;
    }

    /// @inheritdoc IERC1155
    function balanceOfBatch(address[] calldata accounts, uint256[] calldata ids) external view returns (uint256[] memory balances) {
        if (accounts.length != ids.length) revert LengthMismatch(ids.length, accounts.length);
        balances = new uint256[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            balances[i] = balanceOf(accounts[i], ids[i]);
        }
    }

    /// @inheritdoc IDatasetShares
    function supplyOf(uint256 dataset) external view returns (uint256) {
        return _revenue[dataset].supply;
    }

    /// @inheritdoc IDatasetShares
    function accOf(uint256 dataset) external view returns (uint256) {
        return _revenue[dataset].acc;
    }

    /// @inheritdoc IDatasetShares
    function claimableOf(uint256 dataset, address account) external view returns (uint256) {
        Holder memory holder = _holders[dataset][account];
        return uint256(holder.balance) * (_revenue[dataset].acc - holder.paid) / P;
    }

    /// @inheritdoc IDatasetShares
    function accountOf(uint256 dataset) external view returns (bytes32) {
        return Accounts.sub(address(this), dataset);
    }

    /// @notice The dataset's metadata document (instructions and label schema).
    function uri(uint256 dataset) external view returns (string memory) {
        return REGISTRY.termsOf(dataset).metadataUri;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC1155).interfaceId || id == type(IERC1155MetadataURI).interfaceId || id == type(IERC165).interfaceId;
    }

    // Internals

    function _authorize(address from, address to) internal view {
        if (to == address(0)) revert InvalidReceiver(to);
        if (from != msg.sender && !isApprovedForAll[from][msg.sender]) revert NotApproved(msg.sender, from);
    }

    function _transfer(address from, address to, uint256 dataset, uint256 shares) internal {
        _touch(dataset, from);
        _touch(dataset, to);
        Holder storage sender = _holders[dataset][from];
        uint256 balance = sender.balance;
        if (balance < shares) revert InsufficientShares(dataset, from, balance, shares);
        sender.balance = uint96(balance - shares);
        _holders[dataset][to].balance += uint96(shares);
    }

    function _touch(uint256 dataset, address account) internal returns (uint256 due) {
        Holder storage holder = _holders[dataset][account];
        uint160 acc = _revenue[dataset].acc;
        due = uint256(holder.balance) * (acc - holder.paid) / P;
        holder.paid = acc;
        _pay(dataset, account, due);
    }

    function _pay(uint256 dataset, address account, uint256 due) internal {
        if (due == 0) return;
        emit RevenuePaid(dataset, account, due);
        LEDGER.move(bytes32(dataset), Accounts.user(account), due);
    }
}
