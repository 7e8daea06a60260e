/** wagmi over the wallets that announce themselves (EIP-6963); no vendor's network in between. */
import { createConfig, createStorage, getConnectorClient, http, type Config as WagmiConfig } from "@wagmi/core";
import { getCapabilities, readContract, sendCalls, waitForCallsStatus, waitForTransactionReceipt, writeContract } from "viem/actions";
import { custom, defineChain, encodeFunctionData, type Abi, type Address, type Hex, BaseError, UserRejectedRequestError } from "viem";
import { api, must } from "./api";
import { addressOf, type Config } from "./config";

export function wagmiFor(config: Config): WagmiConfig {
  const chain = defineChain({
    id: config.chain_id,
    name: config.faucet ? "Labelshare development chain" : `Chain ${config.chain_id}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [config.rpc_url ?? location.origin] } },
  });
  const silent = custom({ request: () => Promise.reject(new Error("Connect a wallet to read the chain.")) });
  return createConfig({
    chains: [chain],
    transports: { [chain.id]: config.rpc_url ? http(config.rpc_url) : silent },
    multiInjectedProviderDiscovery: true,
    storage: createStorage({ key: "labelshare:wagmi", storage: localStorage }),
  });
}

const abis = new Map<string, Promise<Abi>>();

export function abiOf(name: string): Promise<Abi> {
  let found = abis.get(name);
  if (!found) {
    found = must(api.GET("/v1/contracts")).then((all) => {
      const one = all.find((contract) => contract.name === name);
      if (!one) throw new Error(`This deployment has no ${name}.`);
      return one.abi as unknown as Abi;
    });
    found.catch(() => abis.delete(name));
    abis.set(name, found);
  }
  return found;
}

/** Reads a contract through the connected wallet's node. */
export async function read<T>(wagmi: WagmiConfig, config: Config, contract: string, functionName: string, args: unknown[] = []): Promise<T> {
  const client = await getConnectorClient(wagmi);
  return (await readContract(client, { abi: await abiOf(contract), address: addressOf(config, contract), functionName, args })) as T;
}

/** Sends a transaction of the connected wallet, and waits until it is in a block and did not revert. */
export async function send(wagmi: WagmiConfig, config: Config, contract: string, functionName: string, args: unknown[]): Promise<Hex> {
  const client = await getConnectorClient(wagmi, { chainId: config.chain_id });
  const address: Address = addressOf(config, contract);
  const hash = await writeContract(client, { abi: await abiOf(contract), address, functionName, args, chain: client.chain, account: client.account });
  const receipt = await waitForTransactionReceipt(client, { hash, pollingInterval: 400, timeout: 120_000 });
  if (receipt.status !== "success") throw new Error("The transaction was mined but did nothing: the contract refused it.");
  return hash;
}

/** A call of a contract of the deployment. */
export type Call = [contract: string, functionName: string, args: unknown[]];

/**
 * The hash of the last of these calls' transactions, once all are in blocks: sent with one prompt, by a wallet that takes several calls at once (EIP-5792).
 * Null from another wallet, which was not asked for anything.
 */
export async function sendTogether(wagmi: WagmiConfig, config: Config, calls: Call[]): Promise<Hex | null> {
  const client = await getConnectorClient(wagmi, { chainId: config.chain_id });
  const can = await getCapabilities(client, { account: client.account, chainId: config.chain_id }).catch(() => null);
  if (!can?.atomic) return null;
  const encoded = calls.map(async ([contract, functionName, args]) => ({ to: addressOf(config, contract), data: encodeFunctionData({ abi: await abiOf(contract), functionName, args }) }));
  const { id } = await sendCalls(client, { account: client.account, chain: client.chain, calls: await Promise.all(encoded) });
  const { status, receipts } = await waitForCallsStatus(client, { id, pollingInterval: 400, timeout: 120_000 });
  const last = receipts?.at(-1);
  if (status !== "success" || last?.status !== "success") throw new Error("Not everything was done: a contract refused, or the wallet stopped. What was done stays; look before you try again.");
  return last.transactionHash;
}

/** The code of an error of the wallet, however deep it lies. */
function codeOf(error: unknown): number | undefined {
  const inner = error instanceof BaseError ? error.walk((e) => typeof (e as { code?: unknown }).code === "number") : error;
  return (inner as { code?: number } | null)?.code;
}

/** What went wrong, in words for a person. */
export function explain(error: unknown): string {
  const refused = error instanceof BaseError ? error.walk((e) => e instanceof UserRejectedRequestError) : null;
  if (refused || (error as { code?: number } | null)?.code === 4001) return "You declined in your wallet. Nothing was sent; you can try again.";
  if (codeOf(error) === -32002) return "Your wallet has a request of this page open already. Open the wallet, unlock it, and answer there.";
  if (error instanceof BaseError) return error.shortMessage;
  return error instanceof Error ? error.message : String(error);
}
