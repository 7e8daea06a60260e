/** What the rule takes and gives: labelshare/rules/history.py and entries.py. Amounts in base units. */
import type { Hex } from "viem";

export const RULE = "kappa-3"; // the only rule that src/rule computes

export type Terms = {
  classes: number;
  reward: bigint;
  auditFee: bigint;
  bond: bigint;
  openBond: bigint;
  auditRate: number;
  exitRateBps: number;
  maxLabels: number;
  contributorsBps: number;
  validatorsBps: number;
  requesterBps: number;
  requester: string;
};

/** A submission that counts, or that the panel voided; `labels` are (task, answer). */
export type Submission = { contributor: string; sequence: number; openPath: boolean; count: number; labels: [number, number][]; void?: boolean };
export type Ballot = { validator: string; weight: number; answers: number[] };

export type Round = {
  round: number;
  seed: Hex;
  last: boolean;
  tasks: number;
  sample: number[];
  submissions: Submission[];
  ballots: Ballot[];
  exited: boolean;
};

export const CONTRIBUTOR = 0, VALIDATOR = 1, REQUESTER = 2;
export type Entry = { role: number; account: string; reward: bigint; slash: bigint; shares: bigint; waiting: number };
