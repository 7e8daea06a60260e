// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IDatasetMarket} from "./interfaces/IDatasetMarket.sol";
import {IDatasetRegistry} from "./interfaces/IDatasetRegistry.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IParameters} from "./interfaces/IParameters.sol";
import {Accounts} from "./libraries/Accounts.sol";
import {OnlyProtocol, Protocol} from "./libraries/Protocol.sol";

/// @title DatasetRegistry
/// @notice Datasets, their immutable terms, and the escrow of each.
contract DatasetRegistry is IDatasetRegistry {
    uint256 private constant BPS = 10_000;

    /// @inheritdoc IDatasetRegistry
    uint32 public constant MAX_WINDOW = 30 days;

    ILedger private immutable LEDGER;
    IParameters private immutable PARAMETERS;
    address private immutable LABEL_REGISTRY;
    address private immutable SETTLEMENT;
    IDatasetMarket private immutable MARKET;

    /// @inheritdoc IDatasetRegistry
    uint256 public datasetCount;
    /// @inheritdoc IDatasetRegistry
    mapping(uint256 dataset => uint256) public reservedOf;
    mapping(uint256 dataset => Terms) private _terms;

    constructor(Protocol memory protocol) {
        LEDGER = ILedger(protocol.ledger);
        PARAMETERS = IParameters(protocol.parameters);
        LABEL_REGISTRY = protocol.labelRegistry;
        SETTLEMENT = protocol.settlement;
        MARKET = IDatasetMarket(protocol.datasetMarket);
    }

    // The requester's side

    /// @inheritdoc IDatasetRegistry
    function create(Terms calldata terms) external returns (uint256 dataset) {
        PARAMETERS.requireFlowing(IParameters.Inflow.Datasets);
        if (terms.requester != msg.sender) revert NotRequester(msg.sender, terms.requester);
        _check(terms);
        dataset = ++datasetCount;
        _terms[dataset] = terms;
        emit DatasetCreated(dataset, terms.requester, terms.operator, terms);
        MARKET.list(dataset, terms.licenseFloor, terms.licenseTerm, terms.protocolFeeBps);
    }

    /// @inheritdoc IDatasetRegistry
    function withdrawFree(uint256 dataset, bytes32 to, uint256 amount) external {
        address requester = requesterOf(dataset);
        if (msg.sender != requester) revert NotRequester(msg.sender, requester);
        uint256 free = freeOf(dataset);
        if (free < amount) revert InsufficientEscrow(dataset, free, amount);
        emit FreeWithdrawn(dataset, to, amount);
        LEDGER.move(bytes32(dataset), to, amount);
    }

    // The protocol's side

    /// @inheritdoc IDatasetRegistry
    function reserve(uint256 dataset, uint256 amount) external {
        if (msg.sender != LABEL_REGISTRY) revert OnlyProtocol(msg.sender, LABEL_REGISTRY);
        uint256 free = freeOf(dataset);
        if (free < amount) revert InsufficientEscrow(dataset, free, amount);
        uint256 reserved = reservedOf[dataset] += amount;
        emit EscrowReserved(dataset, amount, reserved);
    }

    /// @inheritdoc IDatasetRegistry
    function settle(uint256 dataset, uint256 paid, uint256 released) external {
        if (msg.sender != SETTLEMENT && msg.sender != LABEL_REGISTRY) revert OnlyProtocol(msg.sender, SETTLEMENT);
        uint256 reserved = reservedOf[dataset];
        if (reserved < paid + released) revert ReserveExceeded(dataset, reserved, paid + released);
        reserved -= paid + released;
        reservedOf[dataset] = reserved;
        emit EscrowSettled(dataset, paid, released, reserved);
        if (paid != 0) LEDGER.move(bytes32(dataset), Accounts.sub(SETTLEMENT, dataset), paid);
    }

    // Views

    /// @inheritdoc IDatasetRegistry
    function termsOf(uint256 dataset) external view returns (Terms memory) {
        requesterOf(dataset);
        return _terms[dataset];
    }

    /// @inheritdoc IDatasetRegistry
    function requesterOf(uint256 dataset) public view returns (address requester) {
        requester = _terms[dataset].requester;
        if (requester == address(0)) revert UnknownDataset(dataset);
    }

    /// @inheritdoc IDatasetRegistry
    function payTermsOf(uint256 dataset) external view returns (PayTerms memory) {
        Terms storage t = _terms[dataset];
        return PayTerms({
            requester: requesterOf(dataset),
            panelSize: t.panelSize,
            reward: t.reward,
            auditFee: t.auditFee,
            bond: t.bond,
            openBond: t.openBond,
            challengeWindow: t.challengeWindow,
            exitDelay: t.exitDelay,
            exitRate: t.exitRate,
            contributorsBps: t.contributorsBps,
            validatorsBps: t.validatorsBps,
            requesterBps: t.requesterBps
        });
    }

    /// @inheritdoc IDatasetRegistry
    function poolOf(uint256 dataset) external view returns (bytes32) {
        return _terms[dataset].validatorCredential;
    }

    /// @inheritdoc IDatasetRegistry
    function escrowAccountOf(uint256 dataset) public view returns (bytes32) {
        return Accounts.sub(address(this), dataset);
    }

    /// @inheritdoc IDatasetRegistry
    function freeOf(uint256 dataset) public view returns (uint256) {
        return LEDGER.balanceOf(escrowAccountOf(dataset)) - reservedOf[dataset];
    }

    // Internals

    function _check(Terms calldata t) internal view {
        _require(t.operator != address(0), "operator");
        _require(t.classes >= 2 && t.classes <= 64, "classes");
        _require(t.panelSize >= 3 && t.panelSize <= 9 && t.panelSize % 2 == 1, "panelSize");
        _require(t.auditRate >= 1 && t.auditRate <= 128, "auditRate");
        _require(t.minLabels >= 1 && t.minLabels <= t.maxLabels, "minLabels");
        _require(t.maxLabels <= 64, "maxLabels");
        _require(t.reward != 0, "reward");
        _require(t.openBond >= t.reward, "openBond");
        uint32 minWindow = PARAMETERS.minWindow();
        _require(_isWindow(t.commitWindow, minWindow), "commitWindow");
        _require(_isWindow(t.revealWindow, minWindow), "revealWindow");
        _require(_isWindow(t.challengeWindow, minWindow), "challengeWindow");
        _require(_isWindow(t.exitDelay, minWindow), "exitDelay");
        _require(t.exitRate >= 4_000 && t.exitRate <= 6_000, "exitRate");
        _require(t.labelCap != 0, "labelCap");
        // Which rules there are is versioned off chain: contributors see the rule in the terms, an operator refuses one they do not know.
        _require(t.ruleId != bytes32(0), "ruleId");
        _require(t.licenseTerm != 0, "licenseTerm");
        _require(t.contributorsBps >= BPS / 2, "contributorsBps");
        _require(uint256(t.contributorsBps) + t.validatorsBps + t.requesterBps == BPS, "validatorsBps + requesterBps");
        _require(t.protocolFeeBps == PARAMETERS.feeBps(), "protocolFeeBps");
        _require(bytes(t.metadataUri).length <= 512, "metadataUri");
    }

    function _isWindow(uint32 window, uint32 minWindow) internal pure returns (bool) {
        return window >= minWindow && window <= MAX_WINDOW;
    }

    function _require(bool holds, string memory term) internal pure {
        if (!holds) revert InvalidTerm(term);
    }
}
