// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures
/// @notice Strict recovery (specification S1): 65 bytes r‖s‖v, low s, v 27 or 28.
library Signatures {
    /// @notice The signer of `digest`, or the zero address for anything malformed.
    function recover(bytes32 digest, bytes memory signature) internal pure returns (address signer) {
        if (signature.length != 65) return address(0);
        (signer,,) = ECDSA.tryRecover(digest, signature);
    }

    /// @notice Whether `signer`, who is not the zero address, signed `digest`.
    function isBy(address signer, bytes32 digest, bytes memory signature) internal pure returns (bool) {
        return signer != address(0) && recover(digest, signature) == signer;
    }
}
