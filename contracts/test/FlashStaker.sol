// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ILabelRegistry} from "../interfaces/ILabelRegistry.sol";
import {ILedger} from "../interfaces/ILedger.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @notice A validator that is a contract, so that it can do in one transaction what others do in several.
contract FlashStaker {
    bytes32 private constant POOL = bytes32(0);

    ILedger private immutable LEDGER;
    IStaking private immutable STAKING;
    bool public gotStakeBack;

    constructor(ILedger ledger, IStaking staking) {
        (LEDGER, STAKING) = (ledger, staking);
        ledger.allow(address(staking), type(uint256).max);
    }

    function join(uint256 count) public {
        STAKING.join(POOL, count);
    }

    function leave(uint256[] memory seats) public {
        STAKING.leave(POOL, seats);
    }

    /// @notice Stakes and closes a round in one block.
    function joinAndClose(ILabelRegistry registry, uint256 round, uint256 count) external {
        join(count);
        registry.closeRound(round);
    }

    /// @notice Stakes what was borrowed, closes the round under it, and takes the stake out again.
    function joinCloseLeave(ILabelRegistry registry, uint256 round, uint256 count) external {
        uint256 first = STAKING.slotCount(POOL);
        join(count);
        registry.closeRound(round);
        uint256[] memory seats = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            seats[i] = first + i;
        }
        leave(seats);
        try STAKING.collect(POOL, seats) {
            gotStakeBack = true;
        } catch {}
    }
}
