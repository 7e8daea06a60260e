/** Checking the evidence of a round against the chain before signing it: the same checks as labelshare/client/audit.py. */
import { getConnectorClient, type Config as WagmiConfig } from "@wagmi/core";
import { getContractEvents } from "viem/actions";
import { keccak256, toHex, type Hex } from "viem";
import { ApiError } from "../../lib/api";
import { abiOf } from "../../lib/chain";
import { addressOf, type Config } from "../../lib/config";
import { labelsRoot } from "../../lib/merkle";

type Shown = { contributor: string; sequence: number; admission: number; count: number; labels_root: Hex; labels: [number, number, Hex][] };
type OnChain = { contributor: string; sequence: number; count: number; labelsRoot: Hex; admission: number };

/** The hash of the evidence. Throws unless it holds exactly the submissions that the chain accepted. */
export async function checkedEvidence(wagmi: WagmiConfig, config: Config, round: number): Promise<{ hash: Hex; submissions: number; labels: number }> {
  const response = await fetch(`/v1/rounds/${round}/evidence`);
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new ApiError(response.status, problem.code ?? "unknown", problem.detail ?? "The evidence was refused.");
  }
  const body = new Uint8Array(await response.arrayBuffer());
  const file = JSON.parse(new TextDecoder().decode(body)) as { round: number; submissions: Shown[] };
  const client = await getConnectorClient(wagmi);
  const logs = await getContractEvents(client, {
    address: addressOf(config, "LabelRegistry"), abi: await abiOf("LabelRegistry"), eventName: "SubmissionAccepted", args: { round: BigInt(round) }, fromBlock: 0n,
  });
  const chain = new Map(logs.map((log) => {
    const seen = (log as unknown as { args: OnChain }).args;
    return [`${seen.contributor.toLowerCase()} ${seen.sequence}`, seen];
  }));
  if (file.round !== round || chain.size !== file.submissions.length) throw new Error("The evidence does not hold exactly the submissions that the chain accepted. Do not sign it.");
  let labels = 0;
  for (const one of file.submissions) {
    const accepted = chain.get(`${one.contributor} ${one.sequence}`);
    const root = labelsRoot(one.labels.map(([task, answer, salt]) => ({ task, answer, salt })));
    if (!accepted || accepted.labelsRoot !== root || accepted.count !== one.labels.length || accepted.admission !== one.admission)
      throw new Error(`Submission ${one.sequence} of ${one.contributor} is not what was signed. Do not sign this evidence.`);
    labels += one.labels.length;
  }
  return { hash: keccak256(toHex(body)), submissions: file.submissions.length, labels };
}
