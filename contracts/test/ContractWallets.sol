// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A contract wallet with one key, and with the moods that a hostile one may have.
contract MoodyWallet is IERC1271 {
    enum Mood {
        Honest,
        WrongMagic,
        Reverts,
        BurnsAllGas,
        RevertsWithABomb,
        ReturnsTooLittle,
        ReturnsABomb,
        SaysYesToEverything
    }

    address public immutable key;
    Mood public mood;

    constructor(address key_) {
        key = key_;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @notice Lets the wallet act: a call as itself.
    function act(address target, bytes calldata data) external {
        (bool done,) = target.call(data);
        require(done, "act");
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.WrongMagic) return 0xffffffff;
        if (mood == Mood.BurnsAllGas) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.RevertsWithABomb) {
            assembly {
                revert(0, 60000)
            }
        }
        if (mood == Mood.ReturnsABomb) {
            // As much as its gas affords; the caller would pay to copy it.
            assembly {
                mstore(0, shl(224, 0xffffffff))
                return(0, 200000)
            }
        }
        if (mood == Mood.SaysYesToEverything) return IERC1271.isValidSignature.selector;
        if (mood == Mood.ReturnsTooLittle) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == key ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
