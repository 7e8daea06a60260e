// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ILedger
/// @notice Holds all tokens of the protocol as double entry. Accounts are bytes32: a user's is their address, left-padded; a
/// contract's sub-accounts are keccak256(abi.encode(contract, key)). Amounts are LBL base units.
/// @dev Invariant 1: the sum of all accounts equals the LBL that the Ledger holds by deposits. Invariant 2: a sub-account is
/// debited only by its contract; a user's account only by the user, or by a spender inside an allowance that the user gave.
interface ILedger {
    struct Credit {
        bytes32 account;
        uint256 amount;
    }

    /// @dev EIP-712: Allowance(address owner,address spender,uint256 amount,uint256 nonce,uint256 deadline)
    struct SignedAllowance {
        address owner;
        address spender;
        uint256 amount;
        uint256 nonce;
        uint256 deadline;
        bytes signature;
    }

    /// @dev EIP-712: Withdrawal(address owner,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline)
    /// @param amount leaves to `to`; @param fee goes to the Ledger account of whoever relays, both LBL base units
    /// @param nonce the owner's next of `withdrawalNonces`: a sequence of its own, so that a withdrawal does not undo an allowance
    /// that is still on its way
    struct SignedWithdrawal {
        address owner;
        address to;
        uint256 amount;
        uint256 fee;
        uint256 nonce;
        uint256 deadline;
        bytes signature;
    }

    /// @notice Thrown when an account holds less than a debit asks for.
    error InsufficientBalance(bytes32 account, uint256 balance, uint256 needed);
    /// @notice Thrown when a spender asks for more than the owner allowed.
    error InsufficientAllowance(address owner, address spender, uint256 allowed, uint256 needed);
    /// @notice Thrown when a deposit brought a different amount than stated (a token that takes a fee).
    error DepositMismatch(uint256 expected, uint256 received);
    /// @notice Thrown when tokens would be sent to, or credited on, the zero address.
    error ZeroAccount();
    /// @notice Thrown when a withdrawal would send tokens to the Ledger itself, where no account would hold them.
    error WithdrawalToLedger();
    /// @notice Thrown when a signed withdrawal came after its deadline.
    error WithdrawalExpired(address owner, uint256 deadline);
    /// @notice Thrown when a signed withdrawal was used before, or comes before an earlier one.
    error WrongWithdrawalNonce(address owner, uint256 expected, uint256 given);
    /// @notice Thrown when a withdrawal is not signed by its owner.
    error InvalidWithdrawalSignature(address owner);

    /// @notice Thrown when a batch of signatures holds more items than a call may take.
    error BatchTooLarge(uint256 length, uint256 most);

    /// @notice Tokens came in from the wallet `from`.
    event Deposited(bytes32 indexed account, address indexed from, uint256 amount);
    /// @notice Tokens went out to the wallet `to`.
    event Withdrawn(bytes32 indexed account, address indexed to, uint256 amount);
    /// @notice An amount went from account to account.
    event Moved(bytes32 indexed from, bytes32 indexed to, uint256 amount);
    /// @notice One account paid many.
    event MovedBatch(bytes32 indexed from, Credit[] credits);
    /// @notice `spender` may move up to `amount` from the account of `owner`.
    event Allowed(address indexed owner, address indexed spender, uint256 amount);
    /// @notice A signed allowance was taken (its `Allowed` comes with it): the owner's next nonce is `nonce` + 1.
    event AllowanceSigned(address indexed owner, address indexed spender, uint256 nonce);
    /// @notice A signed allowance of a batch was passed over: expired, used, or not signed by its owner.
    event AllowanceSkipped(address indexed owner, address indexed spender, uint256 nonce);
    /// @notice A signed withdrawal was taken (its `Withdrawn`, and `Moved` for a fee, come with it).
    event WithdrawalSigned(address indexed owner, address indexed relayer, uint256 nonce, uint256 fee);

    /// @notice Signed allowances that a call takes.
    function MAX_BATCH() external view returns (uint256);
    /// @notice Credits that a call takes.
    function MAX_CREDITS() external view returns (uint256);
    function token() external view returns (address);
    function balanceOf(bytes32 account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    /// @notice What `spender` can move from `owner` now: the smaller of allowance and balance.
    function spendable(address owner, address spender) external view returns (uint256);
    function nonces(address owner) external view returns (uint256);
    /// @notice The owner's next nonce of a signed withdrawal.
    function withdrawalNonces(address owner) external view returns (uint256);
    function accountOf(address user) external pure returns (bytes32);
    function subAccountOf(address owner, bytes32 key) external pure returns (bytes32);

    /// @notice Pulls `amount` from the caller's wallet (needs an ERC-20 approval) and credits any account.
    function deposit(bytes32 account, uint256 amount) external;
    /// @notice Pulls the sum of the credits from the caller's wallet in one transfer; one Deposited event a credit.
    function depositBatch(Credit[] calldata credits) external;
    /// @notice `deposit` with an EIP-2612 permit in the same call; a permit that was already used (front-run) is no error
    /// while the approval it gave suffices.
    function depositWithPermit(bytes32 account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    /// @notice Sends `amount` from the caller's account to a wallet. Never pausable.
    function withdraw(address to, uint256 amount) external;
    /// @notice Withdraws by the owner's signature, for a fee in LBL, whoever relays it: leaving needs no gas and no operator.
    /// Never pausable. Reverts with TooLittleGas when an owner with code has to be asked and too little gas was sent.
    function withdrawBySig(SignedWithdrawal calldata item) external;
    /// @notice Moves from the caller's own account.
    function transfer(bytes32 to, uint256 amount) external;
    function allow(address spender, uint256 amount) external;
    /// @notice Sets allowances by signature, relayed by anyone. A bad item is skipped with an event. Reverts with TooLittleGas when an
    /// owner with code has to be asked and too little gas was sent, so that a good item is never skipped for it.
    function allowBySig(SignedAllowance[] calldata items) external;
    /// @notice Moves from `owner`'s account within the allowance given to the caller; type(uint256).max is not used up.
    function spend(address owner, bytes32 to, uint256 amount) external;
    /// @notice Like `spend`, but false, and nothing done, when the allowance or the balance is too small.
    function trySpend(address owner, bytes32 to, uint256 amount) external returns (bool);
    /// @notice Moves from the caller's sub-account `key`.
    function move(bytes32 key, bytes32 to, uint256 amount) external;
    /// @notice Moves from the caller's sub-account `key` to many accounts: one debit, one event. Zero amounts are allowed.
    function moveBatch(bytes32 key, Credit[] calldata credits) external;
}
