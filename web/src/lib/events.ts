/** Events of the protocol's contracts, read through the connected wallet's node. */
import { getConnectorClient, type Config as WagmiConfig } from "@wagmi/core";
import { getBlockNumber, getContractEvents } from "viem/actions";
import { abiOf } from "./chain";
import { addressOf, type Config } from "./config";

export type Seen<T> = { args: T; block: bigint; index: number };

const SMALLEST = 1_000n; // blocks: who refuses so few does not refuse for their number

/** What `ask` gives of a range of blocks; in halves, and halves of these, where a node refuses so many at once. */
export async function inParts<T>(from: bigint, to: bigint, ask: (from: bigint, to: bigint) => Promise<T[]>): Promise<T[]> {
  try {
    return await ask(from, to);
  } catch (error) {
    if (to - from < SMALLEST) throw error;
    const middle = (from + to) / 2n;
    return [...(await inParts(from, middle, ask)), ...(await inParts(middle + 1n, to, ask))];
  }
}

/** All events of a kind with these indexed arguments, in the order of the chain. */
export async function eventsOf<T>(wagmi: WagmiConfig, config: Config, contract: string, eventName: string, args: Record<string, unknown>, since = 0n): Promise<Seen<T>[]> {
  const client = await getConnectorClient(wagmi);
  const [abi, head] = await Promise.all([abiOf(contract), getBlockNumber(client, { cacheTime: 0 })]);
  const logs = await inParts(since, head, (fromBlock, toBlock) =>
    getContractEvents(client, { address: addressOf(config, contract), abi, eventName, args, fromBlock, toBlock, strict: true }),
  );
  return logs.map((log) => ({ args: (log as unknown as { args: T }).args, block: log.blockNumber, index: log.logIndex }));
}
