// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Ledger} from "../../../contracts/Ledger.sol";
import {IAuditBoard} from "../../../contracts/interfaces/IAuditBoard.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {ISortition} from "../../../contracts/interfaces/ISortition.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";

/// @notice Plays the contracts that Settlement and Limits ask: both registries, the audit board, Staking and the Jury, at one address. What
/// they say is set at will; what they are told is kept.
contract Neighbours {
    Ledger public immutable LEDGER;
    address public settlement;
    uint256 private _bond;

    IDatasetRegistry.PayTerms private _terms;
    ILabelRegistry.Round private _round;
    ISortition.Phase public phase;
    uint64 public concludedAt;
    uint256 private _revealed;
    uint256 public weightThatSigns;

    mapping(address account => uint32) public labels;
    mapping(address account => uint32) public open;
    mapping(address account => uint256) public bonds;
    mapping(address account => uint256) public waited;
    mapping(uint256 dataset => mapping(address validator => uint64)) public pendingVotesOf;
    mapping(uint256 dataset => uint256) public pendingContributors;
    mapping(uint256 dataset => uint256) public pendingValidators;

    uint256 public paid;
    uint256 public released;
    uint256 public settles;
    uint256 public settledRounds;
    mapping(bytes32 pool => mapping(address validator => uint256)) public slashOf;

    constructor(Ledger ledger) {
        LEDGER = ledger;
    }

    // What they say

    function setSettlement(address settlement_) external {
        settlement = settlement_;
    }

    function setTerms(IDatasetRegistry.PayTerms calldata terms) external {
        _terms = terms;
    }

    function setRound(ILabelRegistry.Round calldata round) external {
        _round = round;
    }

    function setAudit(ISortition.Phase phase_, uint64 concludedAt_, uint256 revealed) external {
        (phase, concludedAt, _revealed) = (phase_, concludedAt_, revealed);
    }

    function setWeightThatSigns(uint256 weight) external {
        weightThatSigns = weight;
    }

    function setBond(uint256 bond) external {
        _bond = bond;
    }

    function bondOf(uint256) external view returns (uint256) {
        return _bond;
    }

    function addContributor(address account, uint32 labels_, uint32 open_, uint256 bond) external {
        ++pendingContributors[_round.dataset];
        (labels[account], open[account], bonds[account]) = (labels_, open_, bond);
    }

    function addValidator(address account, uint64 votes) external {
        ++pendingValidators[_round.dataset];
        pendingVotesOf[_round.dataset][account] = votes;
    }

    function payTermsOf(uint256) external view returns (IDatasetRegistry.PayTerms memory) {
        return _terms;
    }

    function poolOf(uint256) external pure returns (bytes32) {
        return "pool";
    }

    function datasetOf(uint256) external view returns (uint256) {
        return _round.dataset;
    }

    function roundOf(uint256) external view returns (ILabelRegistry.Round memory) {
        return _round;
    }

    function pendingOf(uint256, address account) external view returns (uint256, uint256) {
        return (labels[account], open[account]);
    }

    function auditOf(uint256) external view returns (ISortition.Drawing memory d) {
        (d.phase, d.concludedAt) = (phase, concludedAt);
    }

    function totalRevealedWeight(uint256) external view returns (uint256) {
        return _revealed;
    }

    function signedWeight(uint256, bytes32, IAuditBoard.EvidenceSignature[] calldata) external view returns (uint256) {
        return weightThatSigns;
    }

    // What they are told

    function settle(uint256 dataset, uint256 paid_, uint256 released_) external {
        (paid, released) = (paid_, released_);
        ++settles;
        if (paid != 0) LEDGER.transfer(Accounts.sub(settlement, dataset), paid);
    }

    function settleContributors(uint256 dataset, address[] calldata accounts, uint256 kept)
        external
        returns (uint256[] memory bonds_)
    {
        bonds_ = new uint256[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            labels[accounts[i]] = 0;
            if (kept >> i & 1 == 0) (bonds_[i], bonds[accounts[i]]) = (bonds[accounts[i]], 0);
        }
        pendingContributors[dataset] -= accounts.length;
    }

    function keepWaiting(uint256, address[] calldata accounts) external {
        for (uint256 i; i < accounts.length; ++i) {
            ++waited[accounts[i]];
        }
    }

    function exitContributors(uint256 dataset, address[] calldata accounts)
        external
        returns (uint32[] memory labels_, uint256[] memory bonds_)
    {
        (labels_, bonds_) = (new uint32[](accounts.length), new uint256[](accounts.length));
        for (uint256 i; i < accounts.length; ++i) {
            if (labels[accounts[i]] == 0) continue;
            (labels_[i], bonds_[i]) = (labels[accounts[i]], bonds[accounts[i]]);
            (labels[accounts[i]], bonds[accounts[i]]) = (0, 0);
            --pendingContributors[dataset];
        }
    }

    function releaseBonds(uint256, address[] calldata accounts) external returns (uint256[] memory bonds_) {
        bonds_ = new uint256[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            if (labels[accounts[i]] == 0) (bonds_[i], bonds[accounts[i]]) = (bonds[accounts[i]], 0);
        }
    }

    function settleValidators(uint256 dataset, address[] calldata accounts) external returns (uint64[] memory votes) {
        votes = new uint64[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            votes[i] = pendingVotesOf[dataset][accounts[i]];
            pendingVotesOf[dataset][accounts[i]] = 0;
        }
        pendingValidators[dataset] -= accounts.length;
    }

    function markSettled(uint256) external {
        ++settledRounds;
    }

    function slash(bytes32 pool, address validator, uint256 amount) external returns (uint256) {
        slashOf[pool][validator] += amount;
        return amount;
    }
}
