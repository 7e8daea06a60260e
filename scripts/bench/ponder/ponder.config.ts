// The bench's peer: the contracts and addresses of one deployment, and the same node fifty times, which lifts Ponder's rate limit.
import { readFileSync } from "node:fs";
import { createConfig } from "ponder";

const { url, block, contracts } = JSON.parse(readFileSync("deployment.json", "utf8"));
const of = (name: string) => ({
  abi: JSON.parse(readFileSync(`abi/${name}.json`, "utf8")),
  address: contracts[name],
  chain: "local" as const,
  startBlock: block,
});

export default createConfig({
  ordering: "multichain",
  chains: { local: { id: 31337, rpc: Array(50).fill(url) } },
  contracts: {
    Ledger: of("Ledger"),
    LabelRegistry: of("LabelRegistry"),
    DatasetShares: of("DatasetShares"),
    DatasetMarket: of("DatasetMarket"),
    LabelToken: of("LabelToken"),
  },
});
