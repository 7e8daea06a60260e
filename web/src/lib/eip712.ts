/** EIP-712 messages of the protocol (specification S1, S2), written as the contracts and labelshare/rules/eip712.py have them. */
import { hashTypedData, type Address, type Hex, type TypedDataDomain } from "viem";

const member = (text: string) => {
  const [type, name] = text.split(" ") as [string, string];
  return { name, type };
};
const struct = (text: string) => text.split(",").map(member);

export const TYPES = {
  Allowance: struct("address owner,address spender,uint256 amount,uint256 nonce,uint256 deadline"),
  Withdrawal: struct("address owner,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline"),
  Session: struct("address contributor,address key,uint256 dataset,uint64 expiry,uint256 maxBond"),
  Submission: struct("uint256 round,address contributor,uint32 sequence,uint32 count,bytes32 labelsRoot,uint8 admission,uint64 deadline"),
  Assignment: struct("uint256 round,address contributor,uint32 sequence,uint32 count,uint64 deadline"),
  Commit: struct("uint256 round,uint8 attempt,address validator,bytes32 commitment"),
  Attestation: struct("uint256 round,uint8 attempt,address validator,uint256 shown"),
  Verdict: struct("uint256 round,uint8 attempt,address juror,bytes32 commitment"),
  Evidence: struct("uint256 round,bytes32 evidenceHash,address proposer"),
  Receipt: struct("uint256 round,address contributor,uint32 sequence,bytes32 submissionDigest,uint64 receivedAt"),
  Access: struct("address account,string purpose,uint256 subject,uint64 deadline"),
} as const;

export type MessageName = keyof typeof TYPES;

export function domain(chainId: number, verifyingContract: Address): TypedDataDomain {
  return { name: "Labelshare", version: "1", chainId, verifyingContract };
}

/** What viem's and wagmi's signTypedData take. */
export function typedData(name: MessageName, of: TypedDataDomain, message: Record<string, unknown>) {
  return { domain: of, types: { [name]: TYPES[name] }, primaryType: name, message };
}

export function digest(name: MessageName, of: TypedDataDomain, message: Record<string, unknown>): Hex {
  return hashTypedData(typedData(name, of, message));
}
