/** EIP-2612: an approval by signature, inside the transaction that needs it. */
import type { Address, Hex } from "viem";
import { read } from "./chain";
import { addressOf, type Config } from "./config";
import { now } from "./session";
import type { Wallet } from "./wallet";

const SECONDS = 1200;
const PERMIT = [
  { name: "owner", type: "address" },
  { name: "spender", type: "address" },
  { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];

export async function permit(config: Config, wallet: Wallet, spender: Address, value: bigint): Promise<{ deadline: bigint; signature: Hex }> {
  const token = addressOf(config, "LabelToken");
  type Eip5267 = [Hex, string, string, bigint, Address, Hex, bigint[]];
  const [, name, version] = await read<Eip5267>(wallet.wagmi, config, "LabelToken", "eip712Domain");
  const nonce = await read<bigint>(wallet.wagmi, config, "LabelToken", "nonces", [wallet.address]);
  const deadline = BigInt(now() + SECONDS);
  const signature = await wallet.sign({
    domain: { name, version, chainId: config.chain_id, verifyingContract: token },
    types: { Permit: PERMIT },
    primaryType: "Permit",
    message: { owner: wallet.address, spender, value, nonce, deadline },
  } as never);
  return { deadline, signature };
}
