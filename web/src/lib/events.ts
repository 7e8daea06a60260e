/** Events of the protocol's contracts, read through the connected wallet's node. */
import { getConnectorClient, type Config as WagmiConfig } from "@wagmi/core";
import { getContractEvents } from "viem/actions";
import { abiOf } from "./chain";
import { addressOf, type Config } from "./config";

export type Seen<T> = { args: T; block: bigint; index: number };

/** All events of a kind with these indexed arguments, in the order of the chain. */
export async function eventsOf<T>(wagmi: WagmiConfig, config: Config, contract: string, eventName: string, args: Record<string, unknown>, since = 0n): Promise<Seen<T>[]> {
  const client = await getConnectorClient(wagmi);
  const logs = await getContractEvents(client, { address: addressOf(config, contract), abi: await abiOf(contract), eventName, args, fromBlock: since, strict: true });
  return logs.map((log) => ({ args: (log as unknown as { args: T }).args, block: log.blockNumber, index: log.logIndex }));
}
