/** A transaction, as the chain itself tells it: asked of the node, not of this operator. */
import { useQuery } from "@tanstack/react-query";
import { getPublicClient } from "@wagmi/core";
import { useConfig, type Config as WagmiConfig } from "wagmi";
import { decodeEventLog, type Hex } from "viem";
import { abiOf } from "../../lib/chain";
import { useDeployment, type Config } from "../../lib/config";
import { lbl } from "../../lib/format";
import { Facts, Found, Note, Title } from "../../ui";

const AMOUNT = 10n ** 14n; // from here on a whole number is also shown as LBL
const USER = "0x000000000000000000000000"; // before an address: its account in the Ledger

type Told = { contract: string; name: string; values: [string, string[]][] };

/** A value as lines: lists have one a member. */
function write(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(write);
  if (typeof value === "bigint") return [value >= AMOUNT && value < 10n ** 30n ? `${value} (${lbl(value)} LBL)` : String(value)];
  if (typeof value === "object" && value !== null) return [Object.entries(value).map(([name, inner]) => `${name} ${write(inner).join(", ")}`).join(", ")];
  const text = String(value);
  return [text.length === 66 && text.startsWith(USER) ? `0x${text.slice(26)}` : /^0x[0-9a-fA-F]{40}$/.test(text) ? text.toLowerCase() : text];
}

const nameOf = (config: Config, address: string) => Object.entries(config.contracts).find(([, at]) => at === address.toLowerCase())?.[0];

async function receiptOf(wagmi: WagmiConfig, config: Config, hash: Hex) {
  const receipt = await getPublicClient(wagmi, { chainId: config.chain_id })!.getTransactionReceipt({ hash });
  const events: Told[] = [];
  for (const log of receipt.logs) {
    const contract = nameOf(config, log.address);
    if (!contract) continue;
    const { eventName, args } = decodeEventLog({ abi: await abiOf(contract), data: log.data, topics: log.topics });
    events.push({ contract, name: eventName!, values: Object.entries((args ?? {}) as object).map(([name, value]) => [name, write(value)]) });
  }
  return { receipt, events };
}

export default function Transaction({ id }: { id: string }) {
  const wagmi = useConfig();
  const config = useDeployment();
  const found = useQuery({ queryKey: ["tx", id], queryFn: () => receiptOf(wagmi, config, id as Hex), retry: false });
  return (
    <>
      <Title>Transaction</Title>
      <h1>Transaction</h1>
      <p className="mono">{id}</p>
      <Found query={found}>
        {({ receipt, events }) => (
          <>
            <section className="card stack">
              <Facts items={[["Status", receipt.status === "success" ? "succeeded" : "reverted"], ["Block", receipt.blockNumber.toLocaleString("en")], ["Gas", receipt.gasUsed.toLocaleString("en")], ["Contract", receipt.to ? (nameOf(config, receipt.to) ?? receipt.to) : "–"], ["Logs", receipt.logs.length]]} />
              <p className="small" style={{ margin: 0 }}>Sent by <code>{receipt.from}</code></p>
            </section>
            <section className="card">
              <h2>What it did</h2>
              {events.length ? (
                <ul className="told" aria-label="Events of the transaction">
                  {events.map((event, i) => (
                    <li key={i}>
                      <strong>{event.name}</strong> <span className="muted small">{event.contract}</span>
                      {event.values.map(([name, value]) => <div key={name} className="small"><span className="muted">{name}</span> {value.map((line, at) => <span key={at}>{at > 0 && <br />}<code>{line}</code></span>)}</div>)}
                    </li>
                  ))}
                </ul>
              ) : <p className="muted">No event of the protocol.</p>}
            </section>
          </>
        )}
      </Found>
      <section><Note>This page asks your chain's node. On a public chain, look the hash up in any block explorer.</Note></section>
    </>
  );
}
