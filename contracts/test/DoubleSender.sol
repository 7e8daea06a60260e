// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";

import {IDatasetShares} from "../interfaces/IDatasetShares.sol";

/// @notice A receiver of shares that its victim or accomplice approved: called back, it sends the same shares once more, elsewhere,
/// and claims for everyone concerned.
contract DoubleSender is IERC1155Receiver {
    address public immutable accomplice;
    uint256 public sentTwice;
    bool private _inside;

    constructor(address accomplice_) {
        accomplice = accomplice_;
    }

    function onERC1155Received(address, address from, uint256 id, uint256 value, bytes calldata) external returns (bytes4) {
        if (!_inside) {
            _inside = true;
            try IDatasetShares(msg.sender).safeTransferFrom(from, accomplice, id, value, "") {
                ++sentTwice;
            } catch {}
            IDatasetShares(msg.sender).claim(id, from);
            IDatasetShares(msg.sender).claim(id, accomplice);
            IDatasetShares(msg.sender).claim(id, address(this));
        }
        return IERC1155Receiver.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC1155Receiver).interfaceId || id == type(IERC165).interfaceId;
    }
}
