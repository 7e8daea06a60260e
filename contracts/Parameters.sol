// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IParameters} from "./interfaces/IParameters.sol";

/// @title Parameters
/// @notice The few numbers that governance may move, and the pause of what flows in.
contract Parameters is IParameters, AccessManaged {
    /// @inheritdoc IParameters
    uint256 public constant MAX_FEE_BPS = 500;
    /// @inheritdoc IParameters
    uint32 public constant MAX_MIN_WINDOW = 7 days;
    /// @inheritdoc IParameters
    uint96 public constant MAX_MIN_SEAT_FEE = 10e18;

    /// @inheritdoc IParameters
    uint32 public immutable LEAST_WINDOW;

    /// @inheritdoc IParameters
    uint16 public feeBps;
    /// @inheritdoc IParameters
    uint32 public minWindow;
    /// @inheritdoc IParameters
    uint96 public minSeatFee;
    /// @inheritdoc IParameters
    mapping(Inflow inflow => bool) public isPaused;

    /// @param leastWindow seconds, and the first `minWindow`
    constructor(address control, uint16 feeBps_, uint32 leastWindow, uint96 minSeatFee_) AccessManaged(control) {
        LEAST_WINDOW = leastWindow;
        _setFee(feeBps_);
        _setMinWindow(leastWindow);
        _setMinSeatFee(minSeatFee_);
    }

    /// @inheritdoc IParameters
    function setFee(uint16 feeBps_) external restricted {
        _setFee(feeBps_);
    }

    /// @inheritdoc IParameters
    function setMinWindow(uint32 minWindow_) external restricted {
        _setMinWindow(minWindow_);
    }

    /// @inheritdoc IParameters
    function setMinSeatFee(uint96 minSeatFee_) external restricted {
        _setMinSeatFee(minSeatFee_);
    }

    /// @inheritdoc IParameters
    function pause(Inflow inflow) external restricted {
        isPaused[inflow] = true;
        emit Paused(inflow, msg.sender);
    }

    /// @inheritdoc IParameters
    function resume(Inflow inflow) external restricted {
        isPaused[inflow] = false;
        emit Resumed(inflow, msg.sender);
    }

    /// @inheritdoc IParameters
    function requireFlowing(Inflow inflow) external view {
        if (isPaused[inflow]) revert InflowPaused(inflow);
    }

    // Internals

    function _setFee(uint16 feeBps_) internal {
        if (feeBps_ > MAX_FEE_BPS) revert OutOfBounds("feeBps", feeBps_, 0, MAX_FEE_BPS);
        feeBps = feeBps_;
        emit FeeSet(feeBps_);
    }

    function _setMinWindow(uint32 minWindow_) internal {
        if (minWindow_ < LEAST_WINDOW || minWindow_ > MAX_MIN_WINDOW) {
            revert OutOfBounds("minWindow", minWindow_, LEAST_WINDOW, MAX_MIN_WINDOW);
        }
        minWindow = minWindow_;
        emit MinWindowSet(minWindow_);
    }

    function _setMinSeatFee(uint96 minSeatFee_) internal {
        if (minSeatFee_ > MAX_MIN_SEAT_FEE) revert OutOfBounds("minSeatFee", minSeatFee_, 0, MAX_MIN_SEAT_FEE);
        minSeatFee = minSeatFee_;
        emit MinSeatFeeSet(minSeatFee_);
    }
}
