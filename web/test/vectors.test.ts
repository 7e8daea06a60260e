/** The same digests, roots and commitments as Python and Solidity have them: tests/vectors. */
import { readFileSync } from "node:fs";
import { recoverAddress, type Hex } from "viem";
import { describe, expect, test } from "vitest";
import { TYPES, digest, domain, type MessageName } from "../src/lib/eip712";
import { commitment, labelLeaf, labelsRoot, proofOf } from "../src/lib/merkle";

// Integers above 2^53 would lose digits in JSON.parse: they become strings, which viem reads as integers.
const load = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), "utf8").replace(/([:[,]\s*)(\d{16,})(?=\s*[,\]}])/g, '$1"$2"'));

describe("signatures", () => {
  const vectors = load("signatures");
  const of = domain(vectors.domain.chain_id, vectors.domain.contract);
  test.each(Object.keys(vectors.messages))("%s has the digest that Python and Solidity compute", async (name) => {
    const vector = vectors.messages[name];
    const members = TYPES[name as MessageName];
    expect(`${name}(${members.map((m) => `${m.type} ${m.name}`).join(",")})`).toBe(vector.type);
    const message = Object.fromEntries(
      members.map((m, i) => [m.name, m.type.startsWith("uint") ? BigInt(vector.values[i]) : vector.values[i]]),
    );
    expect(digest(name as MessageName, of, message)).toBe(vector.digest);
    const signer = await recoverAddress({ hash: vector.digest, signature: vector.signature });
    expect(signer.toLowerCase()).toBe(vectors.signer);
  });
});

test("trees have the roots and proofs that Python and Solidity compute", () => {
  for (const vector of load("trees")) {
    const labels = vector.leaves.map((l: { row: [number, number, Hex] }) => ({ task: l.row[0], answer: l.row[1], salt: l.row[2] }));
    const leaves = labels.map(labelLeaf);
    expect(labelsRoot(labels)).toBe(vector.root);
    vector.leaves.forEach((l: { leaf: Hex; proof: Hex[] }, i: number) => {
      expect(leaves[i]).toBe(l.leaf);
      expect(proofOf(leaves, l.leaf)).toEqual(l.proof);
    });
  }
});

test("a ballot's commitment is the one that the AuditBoard opens", () => {
  for (const b of load("ballots")) expect(commitment(b.round, b.attempt, b.validator, b.answers, b.salt)).toBe(b.commitment);
});
