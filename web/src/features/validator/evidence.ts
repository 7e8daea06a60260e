/** Checking the evidence of a round against the chain before it is signed or judged by: the same checks as labelshare/client/audit.py. */
import type { Config as WagmiConfig } from "@wagmi/core";
import { keccak256, toHex, type Hex } from "viem";
import { ApiError } from "../../lib/api";
import type { Config } from "../../lib/config";
import { eventsOf } from "../../lib/events";
import { labelsRoot } from "../../lib/merkle";

export const OPEN_PATH = 2;

export type Shown = { contributor: string; sequence: number; admission: number; count: number; labels_root: Hex; labels: [number, number, Hex][] };
export type Accepted = { contributor: string; sequence: number; count: number; labelsRoot: Hex; admission: number };
export type Evidence = { hash: Hex; submissions: Shown[]; labels: number };

/** The evidence is not what the chain says was submitted. */
export class Mismatch extends Error {}

/** All submissions that the chain accepted in a round, in their order. */
export async function acceptedIn(wagmi: WagmiConfig, config: Config, round: number): Promise<Accepted[]> {
  const seen = await eventsOf<Accepted>(wagmi, config, "LabelRegistry", "SubmissionAccepted", { round: BigInt(round) });
  return seen.map(({ args }) => ({ ...args, contributor: args.contributor.toLowerCase() }));
}

/** Those of them that count: without the open ones that no majority of the panel attested. */
async function countedIn(wagmi: WagmiConfig, config: Config, round: number): Promise<Accepted[]> {
  const [accepted, resolved] = await Promise.all([
    acceptedIn(wagmi, config, round),
    eventsOf<{ contributor: string; counted: boolean }>(wagmi, config, "LabelRegistry", "OpenResolved", { round: BigInt(round) }),
  ]);
  const counted = new Set(resolved.filter(({ args }) => args.counted).map(({ args }) => args.contributor.toLowerCase()));
  return accepted.filter((one) => one.admission !== OPEN_PATH || counted.has(one.contributor));
}

/** The evidence as the operator gives it. Throws Mismatch unless it holds exactly the submissions that count on chain, each as signed. */
export async function checkedEvidence(wagmi: WagmiConfig, config: Config, round: number): Promise<Evidence> {
  const response = await fetch(`/v1/rounds/${round}/evidence`);
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new ApiError(response.status, problem.code ?? "unknown", problem.detail ?? "The evidence was refused.");
  }
  const body = new Uint8Array(await response.arrayBuffer());
  const file = JSON.parse(new TextDecoder().decode(body)) as { round: number; submissions: Shown[] };
  const chain = new Map((await countedIn(wagmi, config, round)).map((one) => [`${one.contributor} ${one.sequence}`, one]));
  const shown = new Set(file.submissions.map((one) => `${one.contributor} ${one.sequence}`));
  if (file.round !== round || shown.size !== file.submissions.length || chain.size !== shown.size)
    throw new Mismatch("The evidence does not hold exactly the submissions that the chain accepted. Do not sign it.");
  let labels = 0;
  for (const one of file.submissions) {
    const accepted = chain.get(`${one.contributor} ${one.sequence}`);
    const root = one.labels.length ? labelsRoot(one.labels.map(([task, answer, salt]) => ({ task, answer, salt }))) : null;
    const same = accepted && accepted.labelsRoot === root && accepted.count === one.count && accepted.admission === one.admission;
    if (!same) throw new Mismatch(`Submission ${one.sequence} of ${one.contributor} is not what was signed. Do not sign this evidence.`);
    labels += one.labels.length;
  }
  return { hash: keccak256(toHex(body)), submissions: file.submissions, labels };
}
