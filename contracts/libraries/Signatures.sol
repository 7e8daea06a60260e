// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures
/// @notice Strict recovery (specification S1): 65 bytes r‖s‖v, low s, v 27 or 28; else, of an account with code, ERC-1271 (S5).
/// @dev Recovery comes first: an account that delegates its code by EIP-7702 signs with its key, whatever that code says.
library Signatures {
    /// @notice Gas that a contract wallet may use to check a signature.
    uint256 internal constant WALLET_GAS = 200_000;

    /// @notice Thrown when too little gas is left to hand a wallet its full share: else whoever relays could make a good
    /// signature fail by sending too little.
    error TooLittleGas(uint256 left);

    /// @notice The signer of `digest`, or the zero address for anything malformed.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        if (signature.length != 65) return address(0);
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    /// @notice Whether `signer`, who is not the zero address, signed `digest`.
    function isBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer == address(0)) return false;
        return recover(digest, signature) == signer || isByWallet(signer, digest, signature);
    }

    /// @notice Whether the contract at `wallet` says by ERC-1271 that the signature is its own. It can neither make the caller fail
    /// nor use more than WALLET_GAS, and of what it returns only one word is read.
    function isByWallet(address wallet, bytes32 digest, bytes calldata signature) internal view returns (bool valid) {
        if (wallet.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        // A call gets at most 63/64 of what is left (EIP-150).
        if (gasleft() * 63 / 64 < WALLET_GAS + 5_000) revert TooLittleGas(gasleft());
        bytes32 magic = IERC1271.isValidSignature.selector;
        uint256 gasCap = WALLET_GAS;
        assembly ("memory-safe") {
            mstore(0, 0)
            let answered := staticcall(gasCap, wallet, add(question, 32), mload(question), 0, 32)
            valid := and(and(answered, gt(returndatasize(), 31)), eq(mload(0), magic))
        }
    }
}
