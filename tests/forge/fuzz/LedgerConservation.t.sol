// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Base, Fixture} from "../Base.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {LabelToken} from "../../../contracts/LabelToken.sol";
import {ILedger} from "../../../contracts/interfaces/ILedger.sol";
import {Accounts} from "../../../contracts/libraries/Accounts.sol";
import {Typed} from "../../../contracts/libraries/Typed.sol";

/// @notice Calls the Ledger as four people with keys, and keeps beside it a book of its own: the model.
contract LedgerActor is Base {
    uint256 public constant PEOPLE = 4;
    bytes32 public constant KEY = keccak256("sub-account");

    mapping(bytes32 account => uint256) public book;
    mapping(address owner => mapping(address spender => uint256)) public allowed;
    uint256 public deposited;
    address[PEOPLE] private _people;

    constructor(LabelToken token_, Ledger ledger_) {
        (token, ledger) = (token_, ledger_);
        token.approve(address(ledger), type(uint256).max);
        for (uint256 i; i < PEOPLE; ++i) {
            _people[i] = vm.addr(keyOf(i));
        }
    }

    // What anyone may do

    function deposit(uint256 to, uint256 amount) external {
        bytes32 account = anAccount(to);
        amount = between(amount, 0, 1_000 * LBL);
        ledger.deposit(account, amount);
        book[account] += amount;
        deposited += amount;
    }

    function depositBatch(uint256 to, uint256 other, uint256 amount, uint256 second) external {
        ILedger.Credit[] memory credits = twoCredits(to, other, between(amount, 0, 1_000 * LBL), between(second, 0, 1_000 * LBL));
        ledger.depositBatch(credits);
        enter(credits);
        deposited += credits[0].amount + credits[1].amount;
    }

    function withdraw(uint256 from, uint256 amount) external {
        address owner = person(from);
        amount = between(amount, 0, book[accountOf(owner)]);
        vm.prank(owner);
        ledger.withdraw(address(this), amount);
        book[accountOf(owner)] -= amount;
        deposited -= amount;
    }

    function withdrawBySig(uint256 from, uint256 relayer, uint256 amount, uint256 fee) external {
        address owner = person(from);
        fee = between(fee, 0, book[accountOf(owner)]);
        amount = between(amount, 0, book[accountOf(owner)] - fee);
        ILedger.SignedWithdrawal memory item = ILedger.SignedWithdrawal({
            owner: owner,
            to: address(this),
            amount: amount,
            fee: fee,
            nonce: ledger.withdrawalNonces(owner),
            deadline: block.timestamp,
            signature: ""
        });
        item.signature = signed(from, this.withdrawalHash(item));
        vm.prank(person(relayer));
        ledger.withdrawBySig(item);
        book[accountOf(owner)] -= amount + fee;
        book[accountOf(person(relayer))] += fee;
        deposited -= amount;
    }

    function transfer(uint256 from, uint256 to, uint256 amount) external {
        address owner = person(from);
        amount = between(amount, 0, book[accountOf(owner)]);
        vm.prank(owner);
        ledger.transfer(anAccount(to), amount);
        book[accountOf(owner)] -= amount;
        book[anAccount(to)] += amount;
    }

    function allow(uint256 from, uint256 spender, uint256 amount, bool forEver) external {
        amount = forEver ? type(uint256).max : between(amount, 0, 1_000 * LBL);
        vm.prank(person(from));
        ledger.allow(person(spender), amount);
        allowed[person(from)][person(spender)] = amount;
    }

    function allowBySig(uint256 from, uint256 spender, uint256 amount, bool tooLate) external {
        address owner = person(from);
        ILedger.SignedAllowance[] memory items = new ILedger.SignedAllowance[](1);
        items[0] = ILedger.SignedAllowance({
            owner: owner,
            spender: person(spender),
            amount: between(amount, 0, 1_000 * LBL),
            nonce: ledger.nonces(owner),
            deadline: tooLate ? block.timestamp - 1 : block.timestamp,
            signature: ""
        });
        items[0].signature = signed(from, this.allowanceHash(items[0]));
        ledger.allowBySig(items);
        if (!tooLate) allowed[owner][person(spender)] = items[0].amount;
    }

    function spend(uint256 from, uint256 spender, uint256 to, uint256 amount) external {
        (address owner, address by) = (person(from), person(spender));
        amount = between(amount, 0, ledger.spendable(owner, by));
        vm.prank(by);
        ledger.spend(owner, anAccount(to), amount);
        if (allowed[owner][by] != type(uint256).max) allowed[owner][by] -= amount;
        book[accountOf(owner)] -= amount;
        book[anAccount(to)] += amount;
    }

    /// @dev Also for more than there is: then nothing moves.
    function trySpend(uint256 from, uint256 spender, uint256 to, uint256 amount) external {
        (address owner, address by) = (person(from), person(spender));
        uint256 spendable = ledger.spendable(owner, by);
        amount = between(amount, 0, 2 * spendable + 1);
        bytes32 account = anAccount(to);
        vm.prank(by);
        bool moved = ledger.trySpend(owner, account, amount);
        assert(moved == (amount <= spendable));
        if (!moved) return;
        if (allowed[owner][by] != type(uint256).max) allowed[owner][by] -= amount;
        book[accountOf(owner)] -= amount;
        book[anAccount(to)] += amount;
    }

    function move(uint256 from, uint256 to, uint256 amount) external {
        bytes32 account = Accounts.sub(person(from), KEY);
        amount = between(amount, 0, book[account]);
        vm.prank(person(from));
        ledger.move(KEY, anAccount(to), amount);
        book[account] -= amount;
        book[anAccount(to)] += amount;
    }

    function moveBatch(uint256 from, uint256 to, uint256 other, uint256 amount, uint256 second) external {
        bytes32 account = Accounts.sub(person(from), KEY);
        amount = between(amount, 0, book[account]);
        ILedger.Credit[] memory credits = twoCredits(to, other, amount, between(second, 0, book[account] - amount));
        vm.prank(person(from));
        ledger.moveBatch(KEY, credits);
        book[account] -= credits[0].amount + credits[1].amount;
        enter(credits);
    }

    // The cast

    function person(uint256 index) public view returns (address) {
        return _people[index % PEOPLE];
    }

    /// @notice The eight accounts of the four people: their own and a sub-account each.
    function anAccount(uint256 index) public view returns (bytes32) {
        return index % 8 < PEOPLE ? accountOf(person(index)) : Accounts.sub(person(index), KEY);
    }

    function keyOf(uint256 index) internal pure returns (uint256) {
        return index % PEOPLE + 1;
    }

    function twoCredits(uint256 to, uint256 other, uint256 amount, uint256 second)
        internal
        view
        returns (ILedger.Credit[] memory credits)
    {
        credits = new ILedger.Credit[](2);
        credits[0] = ILedger.Credit(anAccount(to), amount);
        credits[1] = ILedger.Credit(anAccount(other), second);
    }

    function enter(ILedger.Credit[] memory credits) internal {
        for (uint256 i; i < credits.length; ++i) {
            book[credits[i].account] += credits[i].amount;
        }
    }

    function signed(uint256 index, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(index), digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }

    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        (, string memory name, string memory version, uint256 chainId, address verifier,,) = ledger.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function withdrawalHash(ILedger.SignedWithdrawal calldata item) external pure returns (bytes32) {
        return Typed.withdrawal(item);
    }

    function allowanceHash(ILedger.SignedAllowance calldata item) external pure returns (bytes32) {
        return Typed.allowance(item);
    }
}

/// @notice Invariants 1 and 2, whatever the order of calls.
contract LedgerConservationTest is Fixture {
    LedgerActor internal actor;

    function setUp() public override {
        super.setUp();
        actor = new LedgerActor(token, ledger);
        token.transfer(address(actor), token.balanceOf(address(this)));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    function invariant_every_account_is_as_in_the_book_and_the_sum_is_held() external view {
        uint256 sum;
        for (uint256 i; i < 8; ++i) {
            bytes32 account = actor.anAccount(i);
            equal("account", ledger.balanceOf(account), actor.book(account));
            sum += ledger.balanceOf(account);
        }
        equal("sum of accounts", sum, token.balanceOf(address(ledger)));
        equal("deposits less withdrawals", sum, actor.deposited());
        for (uint256 i; i < 16; ++i) {
            (address owner, address spender) = (actor.person(i / 4), actor.person(i % 4));
            equal("allowance", ledger.allowance(owner, spender), actor.allowed(owner, spender));
        }
    }
}
