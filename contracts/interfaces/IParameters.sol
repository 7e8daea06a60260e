// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title IParameters
/// @notice The few numbers that governance may move, each within hard bounds, and the pause of what flows in.
/// @dev Warning: governance is trusted with nothing else. Fee and window reach new datasets only, which carry them in their terms, the
/// seat's fee new rounds only; a pause stops new datasets, rounds, submissions and purchases, and nothing that pays, returns or ends (Invariant 11).
interface IParameters {
    /// @notice What a guardian may pause.
    enum Inflow {
        Datasets,
        Rounds,
        Submissions,
        Purchases
    }

    /// @notice Thrown when an inflow is paused: try again when it is resumed. Nothing that is owed is affected.
    error InflowPaused(Inflow inflow);
    /// @notice Thrown when a parameter would leave its hard bounds; `parameter` is its name.
    error OutOfBounds(string parameter, uint256 value, uint256 least, uint256 most);

    /// @notice The protocol fee of datasets created from now on, basis points.
    event FeeSet(uint256 feeBps);
    /// @notice The shortest window of datasets created from now on, seconds.
    event MinWindowSet(uint32 minWindow);
    /// @notice What a seat of a new round's panel must be worth at least, LBL base units.
    event MinSeatFeeSet(uint96 minSeatFee);
    /// @notice An inflow is paused.
    event Paused(Inflow indexed inflow, address indexed by);
    /// @notice An inflow flows again.
    event Resumed(Inflow indexed inflow, address indexed by);

    /// @notice The highest protocol fee, basis points.
    function MAX_FEE_BPS() external view returns (uint256);
    /// @notice The longest `minWindow`, seconds.
    function MAX_MIN_WINDOW() external view returns (uint32);
    /// @notice The shortest `minWindow` of this deployment, seconds.
    function LEAST_WINDOW() external view returns (uint32);
    /// @notice The highest `minSeatFee`, LBL base units.
    function MAX_MIN_SEAT_FEE() external view returns (uint96);
    /// @notice Protocol fee of new datasets' sales, basis points of the price.
    function feeBps() external view returns (uint16);
    /// @notice The shortest window that a new dataset may set, seconds.
    function minWindow() external view returns (uint32);
    /// @notice What a panel's seat must be worth in a new round, auditFee × sampleSize, LBL base units: validators are drafted for it.
    function minSeatFee() external view returns (uint96);
    function isPaused(Inflow inflow) external view returns (bool);
    /// @notice Reverts with InflowPaused while the inflow is paused.
    function requireFlowing(Inflow inflow) external view;

    /// @notice Governor only, after the delay.
    function setFee(uint16 feeBps) external;
    /// @notice Governor only, after the delay.
    function setMinWindow(uint32 minWindow) external;
    /// @notice Governor only, after the delay.
    function setMinSeatFee(uint96 minSeatFee) external;
    /// @notice Guardian only, at once.
    function pause(Inflow inflow) external;
    /// @notice Guardian only, at once.
    function resume(Inflow inflow) external;
}
