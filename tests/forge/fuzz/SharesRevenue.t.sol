// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Base, Fixture} from "../Base.sol";
import {DatasetShares} from "../../../contracts/DatasetShares.sol";
import {LabelToken} from "../../../contracts/LabelToken.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {IDatasetShares} from "../../../contracts/interfaces/IDatasetShares.sol";

/// @notice Sells, finalizes, distributes late, transfers and claims in any order, and keeps what each holder is owed as a fraction
/// of 2^128. `owed` rounds each sale down; it is below the exact fraction by less than one such fraction a sale and share held.
contract SharesActor is Base {
    uint256 public constant DATASET = 7;
    uint256 public constant HOLDERS = 4;
    uint256 public constant Q = 1 << 128;

    struct Waiting {
        uint256 round;
        address holder;
        uint64 shares;
    }

    DatasetShares public immutable SHARES;
    uint256 public revenue;
    uint256 public rounds;
    uint256 public supply;
    mapping(address holder => uint256) public balance;
    mapping(address holder => uint256) public owed;
    mapping(address holder => uint256) public slack;
    /// @dev Touches and mints of a holder: each may round down by less than one unit.
    mapping(address holder => uint256) public roundings;
    Waiting[] public waiting;

    constructor(LabelToken token_, Ledger ledger_, DatasetShares shares) {
        (token, ledger, SHARES) = (token_, ledger_, shares);
        token.approve(address(ledger), type(uint256).max);
    }

    function sell(uint256 amount) external {
        if (supply == 0) return;
        amount = between(amount, 0, 1_000_000 * LBL);
        // A few units of shares that sold for more than all LBL there is: from there on a sale reverts, and claims go on.
        if (SHARES.accOf(DATASET) + (amount << 64) / supply >= 1 << 144) return;
        ledger.deposit(SHARES.accountOf(DATASET), amount);
        vm.prank(MARKET);
        SHARES.addRevenue(DATASET, amount);
        revenue += amount;
        uint256 perShare = amount * Q / supply;
        for (uint256 i; i < HOLDERS; ++i) {
            owed[holderOf(i)] += perShare * sharesOf(holderOf(i));
            slack[holderOf(i)] += sharesOf(holderOf(i));
        }
    }

    function finalizeRound(uint256 first, uint256 second, uint64 shares, uint64 more) external {
        if (waiting.length > 12) return;
        shares = uint64(between(shares, 0, 1 << 40));
        more = uint64(between(more, 1, 1 << 16));
        vm.prank(SETTLEMENT);
        SHARES.finalizeRound(DATASET, ++rounds, uint256(shares) + more);
        waiting.push(Waiting(rounds, holderOf(first), shares));
        waiting.push(Waiting(rounds, holderOf(second), more));
        supply += uint256(shares) + more;
    }

    function distribute(uint256 index) external {
        if (waiting.length == 0) return;
        index = index % waiting.length;
        Waiting memory w = waiting[index];
        waiting[index] = waiting[waiting.length - 1];
        waiting.pop();
        IDatasetShares.Mint[] memory mints = new IDatasetShares.Mint[](1);
        mints[0] = IDatasetShares.Mint(w.holder, w.shares);
        vm.prank(SETTLEMENT);
        SHARES.mint(DATASET, w.round, mints);
        balance[w.holder] += w.shares;
        // The balance's stretch and the new shares' stretch are rounded apart.
        roundings[w.holder] += 2;
    }

    function transfer(uint256 from, uint256 to, uint256 amount, bool batch) external {
        (address sender, address receiver) = (holderOf(from), holderOf(to));
        amount = between(amount, 0, balance[sender]);
        vm.prank(sender);
        if (batch) {
            (uint256[] memory ids, uint256[] memory values) = (new uint256[](1), new uint256[](1));
            (ids[0], values[0]) = (DATASET, amount);
            SHARES.safeBatchTransferFrom(sender, receiver, ids, values, "");
        } else {
            SHARES.safeTransferFrom(sender, receiver, DATASET, amount, "");
        }
        // What was earned before stays with the sender, so the model moves shares only.
        balance[sender] -= amount;
        balance[receiver] += amount;
        ++roundings[sender];
        ++roundings[receiver];
    }

    function claim(uint256 of_) public {
        address holder = holderOf(of_);
        uint256 before = paidTo(holder);
        uint256 expected = SHARES.claimableOf(DATASET, holder);
        uint256 paid = SHARES.claim(DATASET, holder);
        equal("claimed as shown", paid, expected);
        equal("claimed and received", paidTo(holder) - before, paid);
        ++roundings[holder];
    }

    /// @notice Everyone gets their shares and claims.
    function everyoneLeaves() external {
        while (waiting.length != 0) this.distribute(0);
        for (uint256 i; i < HOLDERS; ++i) {
            claim(i);
        }
    }

    // The cast

    function holderOf(uint256 index) public pure returns (address) {
        return address(uint160(0x401DE500 + index % HOLDERS));
    }

    function paidTo(address holder) public view returns (uint256) {
        return ledger.balanceOf(accountOf(holder));
    }

    /// @notice Shares of a holder, distributed or not: revenue follows both.
    function sharesOf(address holder) public view returns (uint256 shares) {
        shares = balance[holder];
        for (uint256 i; i < waiting.length; ++i) {
            if (waiting[i].holder == holder) shares += waiting[i].shares;
        }
    }
}

/// @notice Invariant 6: never overpaid; short by less than one unit a touch or mint, whatever the order.
contract SharesRevenueTest is Fixture {
    SharesActor internal actor;
    DatasetShares internal shares;

    function setUp() public override {
        super.setUp();
        shares = new DatasetShares(protocolOfPlainAccounts());
        actor = new SharesActor(token, ledger, shares);
        token.transfer(address(actor), token.balanceOf(address(this)));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    function invariant_nobody_is_overpaid_and_the_dataset_can_pay_what_it_shows() public view {
        (uint256 paid, uint256 claimable, uint256 held) = (0, 0, 0);
        uint256 dataset = actor.DATASET();
        for (uint256 i; i < actor.HOLDERS(); ++i) {
            address holder = actor.holderOf(i);
            uint256 due = shares.claimableOf(dataset, holder);
            equal("shares", shares.balanceOf(holder, dataset), actor.balance(holder));
            atMost("paid and claimable", (actor.paidTo(holder) + due) * actor.Q(), actor.owed(holder) + actor.slack(holder));
            paid += actor.paidTo(holder);
            claimable += due;
            held += actor.sharesOf(holder);
        }
        equal("supply", shares.supplyOf(dataset), actor.supply());
        equal("shares held or waiting", held, actor.supply());
        equal("revenue less payments", ledger.balanceOf(shares.accountOf(dataset)), actor.revenue() - paid);
        atMost("claimable", claimable, actor.revenue() - paid);
    }

    function afterInvariant() external {
        actor.everyoneLeaves();
        invariant_nobody_is_overpaid_and_the_dataset_can_pay_what_it_shows();
        for (uint256 i; i < actor.HOLDERS(); ++i) {
            address holder = actor.holderOf(i);
            equal("nothing left to claim", shares.claimableOf(actor.DATASET(), holder), 0);
            atMost("owed", actor.owed(holder), (actor.paidTo(holder) + actor.roundings(holder)) * actor.Q());
        }
    }
}
