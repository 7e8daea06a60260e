// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ICredentials
/// @notice Who is attested for a domain, by whom. A credential is named by its issuer and domain together, so a dataset that requires one
/// chooses its issuer, and nobody else can attest for it.
/// @dev Warning: a dataset trusts the issuers it names. An issuer can keep people out, and end what it attested; it moves no funds, and what was
/// accepted or staked before stays owed.
interface ICredentials {
    /// @notice Thrown when an attestation would already be over.
    error AlreadyExpired(uint64 expiry);
    /// @notice Thrown when there is nothing to revoke.
    error NotAttested(bytes32 credential, address account);

    /// @notice An issuer attests an account for one of its domains until `expiry`, unix seconds.
    event Attested(bytes32 indexed credential, address indexed account, address indexed issuer, string domain, uint64 expiry);
    /// @notice An issuer ended an attestation.
    event Revoked(bytes32 indexed credential, address indexed account);

    /// @notice The credential of an issuer's domain: keccak256(abi.encode(address issuer, string domain)).
    function credentialOf(address issuer, string calldata domain) external pure returns (bytes32);
    /// @notice Unix seconds up to which the account holds the credential, 0 when never or revoked.
    function expiryOf(bytes32 credential, address account) external view returns (uint64);
    function isHeld(bytes32 credential, address account) external view returns (bool);

    /// @notice The caller attests an account for a domain of theirs, until `expiry`; a later attestation replaces an earlier one.
    function attest(string calldata domain, address account, uint64 expiry) external;
    /// @notice The caller ends an attestation of theirs.
    function revoke(string calldata domain, address account) external;
}
