// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Fixture} from "../Base.sol";
import {DatasetShares} from "../../../contracts/DatasetShares.sol";
import {IDatasetShares} from "../../../contracts/interfaces/IDatasetShares.sol";

/// @notice Revenue per share. Amounts are narrow where two unknowns are multiplied or divided: beyond, the fuzz test takes over.
contract SharesProof is Fixture {
    uint256 internal constant DATASET = 7;
    address internal constant ANNA = address(0xA44A);
    address internal constant BORIS = address(0xB0415);

    DatasetShares internal shares;

    function setUp() public override {
        super.setUp();
        shares = new DatasetShares(protocolOfPlainAccounts());
    }

    function check_a_sale_never_pays_more_than_it_brought(uint8 anna, uint8 boris, uint8 amount) external {
        vm.assume(anna < 8 && boris < 8 && amount < 16);
        _finalize(1, uint256(anna) + boris);
        _mint(1, ANNA, anna);
        _mint(1, BORIS, boris);
        _sell(amount);
        uint256 paid = shares.claim(DATASET, ANNA);
        // In proportion, rounded down, and short of it by one at most.
        uint256 supply = uint256(anna) + boris;
        assert(paid * supply <= uint256(amount) * anna);
        assert((paid + 1) * supply >= uint256(amount) * anna);
        assert(paid + shares.claim(DATASET, BORIS) <= amount);
    }

    function check_who_is_minted_late_gets_what_they_would_have_got_early(uint8 anna, uint8 boris, uint8 amount) external {
        vm.assume(anna != 0 && anna < 8 && boris < 8 && amount < 16);
        _finalize(1, uint256(anna) + boris);
        _mint(1, BORIS, boris);
        _sell(amount);
        _mint(1, ANNA, anna);
        uint256 paid = ledger.balanceOf(accountOf(ANNA));
        uint256 supply = uint256(anna) + boris;
        assert(paid * supply <= uint256(amount) * anna);
        assert((paid + 1) * supply >= uint256(amount) * anna);
        assert(shares.claimableOf(DATASET, ANNA) == 0);
    }

    function check_shares_of_a_later_round_earn_nothing_of_an_earlier_sale(uint48 first, uint48 second, uint64 amount) external {
        vm.assume(first != 0 && second != 0);
        _finalize(1, first);
        _mint(1, ANNA, first);
        _sell(amount);
        _finalize(2, second);
        _mint(2, BORIS, second);
        assert(ledger.balanceOf(accountOf(BORIS)) == 0 && shares.claim(DATASET, BORIS) == 0);
    }

    function check_a_transfer_conserves_shares_and_takes_no_revenue_along(uint48 held, uint48 other, uint256 amount) external {
        _finalize(1, uint256(held) + other);
        _mint(1, ANNA, held);
        _mint(1, BORIS, other);
        vm.prank(ANNA);
        shares.safeTransferFrom(ANNA, BORIS, DATASET, amount, "");
        assert(amount <= held);
        assert(shares.balanceOf(ANNA, DATASET) == held - amount);
        assert(shares.balanceOf(BORIS, DATASET) == other + amount);
        assert(shares.supplyOf(DATASET) == uint256(held) + other);
    }

    function check_a_second_claim_pays_nothing(uint8 anna, uint8 boris, uint8 amount) external {
        _finalize(1, uint256(anna) + boris);
        _mint(1, ANNA, anna);
        _sell(amount);
        shares.claim(DATASET, ANNA);
        assert(shares.claim(DATASET, ANNA) == 0);
    }

    function _finalize(uint256 round, uint256 amount) internal {
        vm.prank(SETTLEMENT);
        shares.finalizeRound(DATASET, round, amount);
    }

    function _mint(uint256 round, address holder, uint64 amount) internal {
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](1);
        mints[0] = IDatasetShares.Mint(holder, amount);
        vm.prank(SETTLEMENT);
        shares.mint(DATASET, round, mints);
    }

    function _sell(uint256 amount) internal {
        ledger.deposit(shares.accountOf(DATASET), amount);
        vm.prank(MARKET);
        shares.addRevenue(DATASET, amount);
    }
}
