/**
 * A juror's own computation of a challenged settlement, in the browser: the dataset's history from the chain through the wallet's node, the
 * labels from the operator, each checked against the root that its contributor signed, and the rule itself (src/rule). The same as
 * labelshare/client/recompute.py.
 */
import type { Config as WagmiConfig } from "@wagmi/core";
import { encodeAbiParameters, hexToBytes, keccak256, stringToHex, type Address, type Hex } from "viem";
import { ApiError } from "../../lib/api";
import { read } from "../../lib/chain";
import type { Config } from "../../lib/config";
import { eventsOf } from "../../lib/events";
import { settlementRoot } from "../../rule/settle";
import { RULE, type Entry, type Round, type Terms } from "../../rule/types";
import { checkedEvidence, Mismatch, OPEN_PATH } from "./evidence";

const CLOSED = 2, SETTLED = 4, AUDITED = 4; // phases of LabelRegistry and AuditBoard

/** What the page found. `published`: the entries of the proposal, in order; `root` and `entries`: by the rule. */
export type Judgement = {
  root: Hex;
  entries: Entry[];
  proposed: Hex;
  published: Entry[];
  rounds: number;
  submissions: number;
  labels: number;
  ballots: number;
  sampled: number;
  evidence: { round: number; hash: Hex }[];
};

/** The evidence cannot be had, or is not what the chain has: then the verdict is that it was withheld (J4). */
export class Withheld extends Error {}

/** T6. `size` distinct task indices in ascending order. */
export function sampleOf(seed: Hex, tasks: number, size: number): number[] {
  const order = Array.from({ length: tasks }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const drawn = BigInt(keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "string" }, { type: "uint256" }], [seed, "sample", BigInt(i)])));
    const j = i + Number(drawn % BigInt(tasks - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.slice(0, size).sort((a, b) => a - b);
}

type OnChainTerms = {
  requester: string; classes: number; auditRate: number; maxLabels: number; reward: bigint; auditFee: bigint; bond: bigint; openBond: bigint; exitRate: number;
  ruleId: Hex; contributorsBps: number; validatorsBps: number; requesterBps: number;
};

async function termsOf(wagmi: WagmiConfig, config: Config, dataset: bigint): Promise<Terms> {
  const terms = await read<OnChainTerms>(wagmi, config, "DatasetRegistry", "termsOf", [dataset]);
  if (terms.ruleId !== keccak256(stringToHex(RULE))) throw new Error(`This dataset is settled by another rule than ${RULE}: this page cannot judge it.`);
  return { ...terms, exitRateBps: terms.exitRate, requester: terms.requester.toLowerCase() };
}

type Opened = { round: bigint; taskCount: number; sampleSize: number; last: boolean };
type Told = (text: string) => void;

async function historyOf(wagmi: WagmiConfig, config: Config, dataset: bigint, upto: number, tell: Told) {
  const opened = await eventsOf<Opened>(wagmi, config, "LabelRegistry", "RoundOpened", { dataset });
  const rounds: Round[] = [];
  const evidence: Judgement["evidence"] = [];
  for (const { args } of opened) {
    const round = Number(args.round);
    const { phase } = await read<{ phase: number }>(wagmi, config, "LabelRegistry", "roundOf", [args.round]);
    if (round > upto || (phase !== CLOSED && phase !== SETTLED)) continue;
    tell(`Round ${round}: reading the audit from the chain, the labels from the operator, and comparing them …`);
    rounds.push(await roundOf(wagmi, config, args, evidence));
  }
  return { rounds, evidence };
}

async function roundOf(wagmi: WagmiConfig, config: Config, opened: Opened, evidence: Judgement["evidence"]): Promise<Round> {
  const { round } = opened;
  type Revealed = { validator: string; attempt: number; weight: number; answers: Hex };
  const [drawing, revealed, exits] = await Promise.all([
    read<{ phase: number; attempt: number; seed: Hex }>(wagmi, config, "AuditBoard", "auditOf", [round]),
    eventsOf<Revealed>(wagmi, config, "AuditBoard", "BallotRevealed", { round }),
    eventsOf(wagmi, config, "Settlement", "ExitStarted", { round }),
  ]);
  const audited = drawing.phase === AUDITED;
  const shown = opened.taskCount ? await labelsOf(wagmi, config, Number(round), evidence) : [];
  return {
    round: Number(round), seed: drawing.seed, last: opened.last, tasks: opened.taskCount, exited: exits.length > 0,
    sample: audited ? sampleOf(drawing.seed, opened.taskCount, opened.sampleSize) : [],
    ballots: (audited ? revealed : [])
      .filter(({ args }) => args.attempt === drawing.attempt)
      .map(({ args }) => ({ validator: args.validator.toLowerCase(), weight: args.weight, answers: [...hexToBytes(args.answers)] })),
    submissions: shown.map((one) => ({
      contributor: one.contributor, sequence: one.sequence, openPath: one.admission === OPEN_PATH, count: one.count, labels: one.labels.map(([task, answer]) => [task, answer]),
    })),
  };
}

async function labelsOf(wagmi: WagmiConfig, config: Config, round: number, evidence: Judgement["evidence"]) {
  try {
    const found = await checkedEvidence(wagmi, config, round);
    evidence.push({ round, hash: found.hash });
    return found.submissions;
  } catch (error) {
    if (error instanceof Mismatch || error instanceof SyntaxError) throw new Withheld(`The evidence of round ${round} that the operator gives is not what the chain accepted: ${error.message}`);
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) throw new Withheld(`The operator gives no evidence of round ${round}: ${error.message}`);
    throw error;
  }
}

type Published = { role: number; account: string; reward: bigint; slash: bigint; shares: bigint; waiting: number };

/** The entries of the proposal that stands, as its transactions published them. */
async function publishedFor(wagmi: WagmiConfig, config: Config, round: bigint): Promise<Entry[]> {
  const proposals = await eventsOf<object>(wagmi, config, "Settlement", "SettlementProposed", { round });
  const last = proposals.at(-1)!;
  const chunks = await eventsOf<{ chunk: number; entries: Published[] }>(wagmi, config, "Settlement", "ChunkPublished", { round }, last.block);
  return chunks
    .filter(({ block, index }) => block > last.block || index > last.index)
    .sort((a, b) => a.args.chunk - b.args.chunk)
    .flatMap(({ args }) => args.entries.map((entry) => ({ ...entry, account: entry.account.toLowerCase() })));
}

const compute = (terms: Terms, rounds: Round[]): Promise<Entry[]> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("../../rule/worker.ts", import.meta.url), { type: "module" });
    const end = (then: () => void) => {
      worker.terminate();
      then();
    };
    worker.onmessage = ({ data }: MessageEvent<Entry[]>) => end(() => resolve(data));
    worker.onerror = (event) => end(() => reject(new Error(`The rule could not be computed here: ${event.message || "the worker did not start"}.`)));
    worker.postMessage({ terms, rounds });
  });

/** Computes the settlement of a challenged round anew. `tell` hears what is being done. Throws Withheld. */
export async function judge(wagmi: WagmiConfig, config: Config, round: number, tell: Told): Promise<Judgement> {
  tell("Reading the proposal from the chain …");
  const { dataset } = await read<{ dataset: bigint }>(wagmi, config, "LabelRegistry", "roundOf", [BigInt(round)]);
  const [{ proposed }, published, terms] = await Promise.all([
    read<{ proposed: Hex }>(wagmi, config, "Jury", "disputeOf", [BigInt(round)]),
    publishedFor(wagmi, config, BigInt(round)),
    termsOf(wagmi, config, dataset),
  ]);
  if (settlementRoot(round, published) !== proposed) throw new Error("The entries that your wallet's node shows are not those of the challenged root. Use another node.");
  const { rounds, evidence } = await historyOf(wagmi, config, dataset, round, tell);
  tell("Computing the rule …");
  const entries = await compute(terms, rounds);
  const submissions = rounds.flatMap((one) => one.submissions);
  return {
    root: settlementRoot(round, entries), entries, proposed, published, evidence, rounds: rounds.length, submissions: submissions.length,
    labels: submissions.reduce((all, one) => all + one.labels.length, 0), ballots: rounds.reduce((all, one) => all + one.ballots.length, 0),
    sampled: rounds.reduce((all, one) => all + one.sample.length, 0),
  };
}

export type Difference = { account: string; role: number; due: Entry | null; published: Entry | null };

/** Where a proposal differs from what is due, by account and role. */
export function differences(due: Entry[], published: Entry[]): Difference[] {
  const key = (entry: Entry) => `${entry.role} ${entry.account}`;
  const [own, theirs] = [due, published].map((entries) => new Map(entries.map((entry) => [key(entry), entry]))) as [Map<string, Entry>, Map<string, Entry>];
  const same = (a: Entry, b: Entry) => a.reward === b.reward && a.slash === b.slash && a.shares === b.shares && a.waiting === b.waiting;
  return [...new Set([...own.keys(), ...theirs.keys()])].sort().flatMap((name) => {
    const [mine, other] = [own.get(name) ?? null, theirs.get(name) ?? null];
    if (mine && other && same(mine, other)) return [];
    const { role, account } = (mine ?? other)!;
    return [{ role, account, due: mine, published: other }];
  });
}

/** The jury as the chain has it now. */
export async function juryOf(wagmi: WagmiConfig, config: Config, round: number, juror: Address) {
  type Member = { validator: string; revealed: boolean; commitment: Hex };
  const [drawing, members] = await Promise.all([
    read<{ phase: number; attempt: number }>(wagmi, config, "Jury", "drawingOf", [BigInt(round)]),
    read<readonly Member[]>(wagmi, config, "Jury", "jurorsOf", [BigInt(round)]),
  ]);
  const own = members.find((one) => one.validator.toLowerCase() === juror);
  if (!own) throw new Error("The chain does not have you on this jury.");
  return { attempt: drawing.attempt, commitment: own.commitment, revealed: own.revealed };
}
