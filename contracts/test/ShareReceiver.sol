// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";

import {IDatasetShares} from "../interfaces/IDatasetShares.sol";

/// @notice A contract that holds shares: it accepts them, refuses them, or tries to profit from being called back.
contract ShareReceiver is IERC1155Receiver {
    enum Mode {
        Accept,
        Refuse,
        Reenter
    }

    Mode public mode;
    uint256 public calls;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function onERC1155Received(address, address from, uint256 id, uint256 value, bytes calldata) external returns (bytes4) {
        ++calls;
        if (mode == Mode.Refuse) return 0xffffffff;
        if (mode == Mode.Reenter) {
            IDatasetShares(msg.sender).claim(id, address(this));
            IDatasetShares(msg.sender).claim(id, from);
            IDatasetShares(msg.sender).safeTransferFrom(address(this), from, id, value, "");
        }
        return IERC1155Receiver.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        returns (bytes4)
    {
        ++calls;
        return mode == Mode.Refuse ? bytes4(0xffffffff) : IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC1155Receiver).interfaceId || id == type(IERC165).interfaceId;
    }
}
