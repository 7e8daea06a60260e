/** The rule in the browser settles as labelshare/rules does: tests/vectors/settlements.json, and the tables that both compute. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Hex } from "viem";
import { expect, test } from "vitest";
import { verdictCommitment } from "../src/lib/merkle";
import { exp2Table, log2Table, ratio } from "../src/rule/fixed";
import { settle, settlementRoot } from "../src/rule/settle";
import type { Entry, Round, Terms } from "../src/rule/types";

const load = (name: string) => JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), "utf8").replace(/([:[,]\s*)(\d{16,})(?=\s*[,\]}])/g, '$1"$2"'));
const TABLES = "fd84af9a48cea662cd2158b6d19ab2df2a3f19828ebc5c8ed4a5193176f8d5ef"; // labelshare/rules/fixed.py

type Vector = { terms: [...number[], string]; rounds: Record<string, unknown>[]; entries: [number, string, string, string, string, number][]; root: Hex };
type Shown = [string, number, boolean, number, boolean, number[]];

function termsOf(row: Vector["terms"]): Terms {
  const [classes, auditRate, exitRateBps, maxLabels, contributorsBps, validatorsBps, requesterBps] = row as unknown as number[];
  const [reward, auditFee, bond, openBond] = row.slice(7, 11).map((text) => BigInt(text)) as [bigint, bigint, bigint, bigint];
  return { classes: classes!, auditRate: auditRate!, exitRateBps: exitRateBps!, maxLabels: maxLabels!, contributorsBps: contributorsBps!, validatorsBps: validatorsBps!, requesterBps: requesterBps!, reward, auditFee, bond, openBond, requester: String(row[11]) };
}

const roundOf = (row: Record<string, unknown>): Round => ({
  ...(row as unknown as Round),
  submissions: (row.submissions as Shown[]).map(([contributor, sequence, openPath, count, isVoid, flat]) => ({
    contributor, sequence, openPath, count, void: isVoid, labels: flat.flatMap((task, i) => (i % 2 ? [] : [[task, flat[i + 1]!] as [number, number]])),
  })),
  ballots: (row.ballots as [string, number, number[]][]).map(([validator, weight, answers]) => ({ validator, weight, answers })),
});

const entryOf = ([role, account, reward, slash, shares, waiting]: Vector["entries"][number]): Entry =>
  ({ role, account, reward: BigInt(reward), slash: BigInt(slash), shares: BigInt(shares), waiting });

test("the tables are the pinned ones", () => {
  const bytes = (table: number[]) => Buffer.from(BigInt64Array.from(table.map(BigInt)).buffer);
  expect(createHash("sha256").update(bytes(log2Table())).update(bytes(exp2Table())).digest("hex")).toBe(TABLES);
});

test("a ratio is exact where its product is too large for a double", () => {
  const [a, b, c] = [2 ** 50 + 12_345, 65_536, 2 ** 47 + 77];
  expect(ratio(a, b, c)).toBe(Number((BigInt(a) * BigInt(b)) / BigInt(c)));
  expect(ratio(-a, b, c)).toBe(-Number((BigInt(a) * BigInt(b)) / BigInt(c)) - 1);
  expect(ratio(-7, 1, 2)).toBe(-4);
});

test("histories get the entries that Python gives", () => {
  load("settlements").forEach((vector: Vector, number: number) => {
    const rounds = vector.rounds.map(roundOf);
    const entries = settle(termsOf(vector.terms), rounds);
    expect(entries, `history ${number}`).toEqual(vector.entries.map(entryOf));
    expect(settlementRoot(rounds.at(-1)!.round, entries)).toBe(vector.root);
  });
});

test("roots and commitments of verdicts are those that the Jury opens", () => {
  for (const v of load("verdicts")) {
    expect(settlementRoot(v.round, v.entries.map((row: Vector["entries"][number]) => entryOf(row)))).toBe(v.root);
    expect(verdictCommitment(v.round, v.attempt, v.juror, v.root, v.salt)).toBe(v.commitment);
  }
});
