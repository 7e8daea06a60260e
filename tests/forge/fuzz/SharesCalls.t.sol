// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Fixture} from "../Base.sol";
import {DatasetShares} from "../../../contracts/DatasetShares.sol";
import {IDatasetShares} from "../../../contracts/interfaces/IDatasetShares.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";
import {OnlyProtocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice What the shares refuse, say and show.
contract SharesCallsTest is Fixture {
    uint256 internal constant DATASET = 7;
    address internal constant ANNA = address(0xA44A);
    address internal constant BORIS = address(0xB0415);

    DatasetShares internal shares;

    function setUp() public override {
        super.setUp();
        shares = new DatasetShares(protocolOfPlainAccounts());
        vm.prank(SETTLEMENT);
        shares.finalizeRound(DATASET, 1, 100);
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](1);
        mints[0] = IDatasetShares.Mint(ANNA, 60);
        vm.expectEmit();
        emit IERC1155.TransferSingle(SETTLEMENT, address(0), ANNA, DATASET, 60);
        vm.prank(SETTLEMENT);
        shares.mint(DATASET, 1, mints);
    }

    function test_only_the_protocol_finalizes_mints_and_adds_revenue(address caller) external {
        vm.assume(caller != SETTLEMENT && caller != MARKET);
        vm.expectRevert(abi.encodeWithSelector(OnlyProtocol.selector, caller, SETTLEMENT));
        vm.prank(caller);
        shares.finalizeRound(DATASET, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(OnlyProtocol.selector, caller, SETTLEMENT));
        vm.prank(caller);
        shares.mint(DATASET, 1, new IDatasetShares.Mint[](0));
        vm.expectRevert(abi.encodeWithSelector(OnlyProtocol.selector, caller, MARKET));
        vm.prank(caller);
        shares.addRevenue(DATASET, 1);
    }

    function test_revenue_needs_shares_and_is_told() external {
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.NoShares.selector, DATASET + 1));
        vm.prank(MARKET);
        shares.addRevenue(DATASET + 1, 1);
        ledger.deposit(shares.accountOf(DATASET), 50);
        uint256 acc = uint256(50 << 64) / 100;
        vm.expectEmit();
        emit IDatasetShares.RevenueAdded(DATASET, 50, acc);
        vm.prank(MARKET);
        shares.addRevenue(DATASET, 50);
        equal("acc", shares.accOf(DATASET), acc);
        equal("claimable", shares.claimableOf(DATASET, ANNA), 30);
        vm.expectEmit();
        emit IDatasetShares.SharesFinalized(DATASET, 2, 11, 111, acc);
        vm.prank(SETTLEMENT);
        shares.finalizeRound(DATASET, 2, 11);
        vm.expectEmit();
        emit IDatasetShares.RevenuePaid(DATASET, ANNA, 30);
        shares.claim(DATASET, ANNA);
    }

    function test_shares_move_by_their_holder_or_whom_they_approved() external {
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.NotApproved.selector, BORIS, ANNA));
        vm.prank(BORIS);
        shares.safeTransferFrom(ANNA, BORIS, DATASET, 1, "");
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.NotApproved.selector, BORIS, ANNA));
        vm.prank(BORIS);
        shares.safeBatchTransferFrom(ANNA, BORIS, two(DATASET, DATASET), two(1, 2), "");
        vm.expectEmit();
        emit IERC1155.ApprovalForAll(ANNA, BORIS, true);
        vm.prank(ANNA);
        shares.setApprovalForAll(BORIS, true);
        assert(shares.isApprovedForAll(ANNA, BORIS) && !shares.isApprovedForAll(BORIS, ANNA));
        vm.expectEmit();
        emit IERC1155.TransferSingle(BORIS, ANNA, BORIS, DATASET, 10);
        vm.prank(BORIS);
        shares.safeTransferFrom(ANNA, BORIS, DATASET, 10, "");
        vm.expectEmit();
        emit IERC1155.TransferBatch(BORIS, ANNA, BORIS, two(DATASET, DATASET), two(1, 2));
        vm.prank(BORIS);
        shares.safeBatchTransferFrom(ANNA, BORIS, two(DATASET, DATASET), two(1, 2), "");
        equal("Anna", shares.balanceOf(ANNA, DATASET), 47);
        equal("Boris", shares.balanceOf(BORIS, DATASET), 13);
    }

    function test_a_transfer_needs_a_receiver_shares_and_lists_of_one_length() external {
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.InvalidReceiver.selector, address(0)));
        vm.prank(ANNA);
        shares.safeTransferFrom(ANNA, address(0), DATASET, 1, "");
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.InsufficientShares.selector, DATASET, ANNA, 60, 61));
        vm.prank(ANNA);
        shares.safeTransferFrom(ANNA, BORIS, DATASET, 61, "");
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.LengthMismatch.selector, 2, 1));
        vm.prank(ANNA);
        shares.safeBatchTransferFrom(ANNA, BORIS, two(DATASET, DATASET), new uint256[](1), "");
        vm.expectRevert(abi.encodeWithSelector(IDatasetShares.LengthMismatch.selector, 2, 1));
        shares.balanceOfBatch(new address[](1), two(DATASET, DATASET));
        // A contract that does not say it takes shares.
        vm.expectRevert();
        vm.prank(ANNA);
        shares.safeTransferFrom(ANNA, address(ledger), DATASET, 1, "");
        vm.expectRevert();
        vm.prank(ANNA);
        shares.safeBatchTransferFrom(ANNA, address(ledger), two(DATASET, DATASET), two(1, 2), "");
    }

    function test_views() external view {
        address[] memory holders = new address[](2);
        (holders[0], holders[1]) = (BORIS, ANNA);
        uint256[] memory balances = shares.balanceOfBatch(holders, two(DATASET, DATASET));
        equal("Boris", balances[0], 0);
        equal("Anna", balances[1], 60);
        equal("account", uint256(shares.accountOf(DATASET)), uint256(Accounts.sub(address(shares), DATASET)));
        assert(shares.supportsInterface(type(IERC1155).interfaceId) && shares.supportsInterface(type(IERC1155MetadataURI).interfaceId));
        assert(shares.supportsInterface(type(IERC165).interfaceId) && !shares.supportsInterface(0xffffffff));
    }

    function two(uint256 first, uint256 second) internal pure returns (uint256[] memory values) {
        values = new uint256[](2);
        (values[0], values[1]) = (first, second);
    }
}
