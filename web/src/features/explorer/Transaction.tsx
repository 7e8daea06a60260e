/** A transaction, as the chain itself tells it: asked of the node, not of this operator. */
import { useQuery } from "@tanstack/react-query";
import { getPublicClient } from "@wagmi/core";
import { useConfig } from "wagmi";
import type { Hex } from "viem";
import { useDeployment } from "../../lib/config";
import { Facts, Found, Note, Title } from "../../ui";

export default function Transaction({ id }: { id: string }) {
  const wagmi = useConfig();
  const { contracts, chain_id } = useDeployment();
  const receipt = useQuery({ queryKey: ["tx", id], queryFn: () => getPublicClient(wagmi, { chainId: chain_id })!.getTransactionReceipt({ hash: id as Hex }), retry: false });
  const nameOf = (address: string) => Object.entries(contracts).find(([, at]) => at === address.toLowerCase())?.[0] ?? address;
  return (
    <>
      <Title>Transaction</Title>
      <h1>Transaction</h1>
      <p className="mono">{id}</p>
      <Found query={receipt}>
        {(found) => (
          <div className="card stack">
            <Facts items={[["Status", found.status === "success" ? "succeeded" : "reverted"], ["Block", found.blockNumber.toLocaleString("en")], ["Gas", found.gasUsed.toLocaleString("en")], ["Contract", found.to ? nameOf(found.to) : "–"], ["Logs", found.logs.length]]} />
            <p className="small" style={{ margin: 0 }}>Sent by <code>{found.from}</code></p>
          </div>
        )}
      </Found>
      <Note>This page asks your chain's node. On a public chain, look the hash up in any block explorer.</Note>
    </>
  );
}
