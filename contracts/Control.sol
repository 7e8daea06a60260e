// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {IParameters} from "./interfaces/IParameters.sol";

/// @title Control
/// @notice Who may move a parameter, and after what delay. It has power over Parameters alone: no other contract asks it.
/// @dev The governor holds ADMIN_ROLE with `delay` on everything they do, so every change is announced by OperationScheduled. Handing over
/// takes two steps: the governor grants ADMIN_ROLE to the successor (after the delay), who revokes the old one, and so shows that they can act.
/// The guardian acts at once and can only pause and resume.
contract Control is AccessManager {
    /// @notice The guardian's role.
    uint64 public constant GUARDIAN_ROLE = 1;
    /// @notice Seconds between announcing and doing anything as governor, at least, for every governor there will be.
    uint32 public immutable DELAY;

    /// @notice Thrown when a governor would get a shorter delay than DELAY, or a deployment names none.
    error DelayTooShort(uint32 delay, uint32 least);

    constructor(address governor, address guardian, uint32 delay, address parameters) AccessManager(governor) {
        if (delay == 0) revert DelayTooShort(0, 1);
        DELAY = delay;
        _grantRole(ADMIN_ROLE, governor, 0, delay);
        _grantRole(GUARDIAN_ROLE, guardian, 0, 0);
        _setTargetFunctionRole(parameters, IParameters.pause.selector, GUARDIAN_ROLE);
        _setTargetFunctionRole(parameters, IParameters.resume.selector, GUARDIAN_ROLE);
    }

    /// @dev While the base contract is constructed DELAY still reads 0.
    function _grantRole(uint64 roleId, address account, uint32 grantDelay, uint32 executionDelay) internal override returns (bool) {
        if (roleId == ADMIN_ROLE && executionDelay < DELAY) revert DelayTooShort(executionDelay, DELAY);
        return super._grantRole(roleId, account, grantDelay, executionDelay);
    }
}
