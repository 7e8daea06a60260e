// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LabelToken} from "../../contracts/LabelToken.sol";
import {Ledger} from "../../contracts/Ledger.sol";
import {Protocol} from "../../contracts/libraries/Protocol.sol";

/// @notice The few of forge's cheat codes that these tests use.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function expectRevert() external;
    function expectRevert(bytes calldata error) external;
    function expectRevert(bytes4 selector) external;
    function expectEmit() external;
    function expectPartialRevert(bytes4 selector) external;
    /// @dev Where time moves twice: with viaIR the compiler takes block.timestamp for a constant of the call.
    function getBlockTimestamp() external view returns (uint256);
    function getNonce(address account) external view returns (uint64);
    function mockCall(address callee, bytes calldata data, bytes calldata answer) external;
    function prank(address caller) external;
    function roll(uint256 blockNumber) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function warp(uint256 timestamp) external;
}

/// @notice What tests and the actors that they drive have in common.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant LBL = 1e18;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant SETTLEMENT = address(0x5E77);
    address internal constant AUDIT_BOARD = address(0xA0D17);
    address internal constant JURY = address(0x1047);
    address internal constant MARKET = address(0xA4CE7);

    LabelToken internal token;
    Ledger internal ledger;

    error Unequal(string what, uint256 found, uint256 expected);
    error TooLarge(string what, uint256 found, uint256 most);

    /// @notice The addresses of a deployment in which plain accounts play the contracts that a test is not about.
    function protocolOfPlainAccounts() internal view returns (Protocol memory protocol) {
        protocol.token = address(token);
        protocol.ledger = address(ledger);
        protocol.auditBoard = AUDIT_BOARD;
        protocol.jury = JURY;
        protocol.settlement = SETTLEMENT;
        protocol.datasetMarket = MARKET;
        protocol.treasury = TREASURY;
    }

    function accountOf(address user) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(user)));
    }

    /// @notice `value` folded into [least, most].
    function between(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }

    function equal(string memory what, uint256 found, uint256 expected) internal pure {
        if (found != expected) revert Unequal(what, found, expected);
    }

    function atMost(string memory what, uint256 found, uint256 most) internal pure {
        if (found > most) revert TooLarge(what, found, most);
    }
}

/// @notice What every test here starts from: all LBL in the hands of the test contract, and a Ledger that may pull it.
abstract contract Fixture is Base {
    function setUp() public virtual {
        token = new LabelToken(address(this));
        Protocol memory protocol;
        protocol.token = address(token);
        ledger = new Ledger(protocol);
        token.approve(address(ledger), type(uint256).max);
    }
}
