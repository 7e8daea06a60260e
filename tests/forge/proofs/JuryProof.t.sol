// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Base} from "../Base.sol";
import {Jury} from "../../../contracts/Jury.sol";
import {IDatasetRegistry} from "../../../contracts/interfaces/IDatasetRegistry.sol";
import {ILabelRegistry} from "../../../contracts/interfaces/ILabelRegistry.sol";
import {Protocol} from "../../../contracts/libraries/Protocol.sol";

/// @notice Plays what a bond is computed from.
contract RoundStub {
    uint256 public held;
    uint32 private _sampleSize;
    uint96 private _fee;
    uint8 private _panelSize;

    function set(uint256 held_, uint32 sampleSize, uint96 fee, uint8 panelSize) external {
        (held, _sampleSize, _fee, _panelSize) = (held_, sampleSize, fee, panelSize);
    }

    function roundOf(uint256) external view returns (ILabelRegistry.Round memory r) {
        r.sampleSize = _sampleSize;
    }

    function payTermsOf(uint256) external view returns (IDatasetRegistry.PayTerms memory t) {
        (t.auditFee, t.panelSize) = (_fee, _panelSize);
    }

    function expiredOf(uint256) external pure returns (uint256) {
        return 0;
    }

    function heldOf(uint256) external view returns (uint256) {
        return held;
    }
}

/// @notice The bond of a challenge: it covers the jury's fees and half as much again.
contract JuryProof is Base {
    RoundStub internal round;
    Jury internal jury;

    function setUp() public {
        round = new RoundStub();
        Protocol memory protocol;
        (protocol.labelRegistry, protocol.datasetRegistry, protocol.settlement) = (address(round), address(round), address(round));
        jury = new Jury(protocol);
    }

    function check_a_bond_covers_the_fees_and_half_as_much_again(uint96 fee) external {
        round.set(0, 12, fee, 3);
        assert(jury.bondOf(1) * 2 >= 3 * 7 * 12 * uint256(fee));
    }

    function check_a_small_sample_is_paid_as_ten_tasks(uint96 fee, uint32 sampleSize) external {
        vm.assume(sampleSize <= 10);
        round.set(0, sampleSize, fee, 3);
        assert(jury.bondOf(1) == 7 * 10 * uint256(fee) * 3 / 2);
    }
}
