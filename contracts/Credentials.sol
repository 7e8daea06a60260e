// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ICredentials} from "./interfaces/ICredentials.sol";

/// @title Credentials
/// @notice Who is attested for a domain, by whom.
contract Credentials is ICredentials {
    /// @inheritdoc ICredentials
    mapping(bytes32 credential => mapping(address account => uint64)) public expiryOf;

    /// @inheritdoc ICredentials
    function attest(string calldata domain, address account, uint64 expiry) external {
        if (expiry < block.timestamp) revert AlreadyExpired(expiry);
        bytes32 credential = credentialOf(msg.sender, domain);
        expiryOf[credential][account] = expiry;
        emit Attested(credential, account, msg.sender, domain, expiry);
    }

    /// @inheritdoc ICredentials
    function revoke(string calldata domain, address account) external {
        bytes32 credential = credentialOf(msg.sender, domain);
        if (expiryOf[credential][account] == 0) revert NotAttested(credential, account);
        delete expiryOf[credential][account];
        emit Revoked(credential, account);
    }

    /// @inheritdoc ICredentials
    function isHeld(bytes32 credential, address account) external view returns (bool) {
        return block.timestamp <= expiryOf[credential][account];
    }

    /// @inheritdoc ICredentials
    function credentialOf(address issuer, string calldata domain) public pure returns (bytes32) {
        return keccak256(abi.encode(issuer, domain));
    }
}
