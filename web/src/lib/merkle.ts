/** Trees, salts and commitments (specification T1, T2, T4, T9), byte for byte as labelshare/rules computes them. */
import { concat, encodeAbiParameters, encodePacked, keccak256, type Address, type Hex } from "viem";

export type Label = { task: number; answer: number; salt: Hex };

const LABEL = [{ type: "uint256" }, { type: "uint256" }, { type: "bytes32" }] as const;

export const labelLeaf = (label: Label): Hex =>
  keccak256(keccak256(encodeAbiParameters(LABEL, [BigInt(label.task), BigInt(label.answer), label.salt])));

const pair = (a: Hex, b: Hex): Hex => keccak256(a < b ? concat([a, b]) : concat([b, a]));

/** The nodes of an OpenZeppelin StandardMerkleTree, root first. Throws when there is no leaf. */
export function treeOf(leaves: Hex[]): Hex[] {
  if (!leaves.length) throw new Error("A tree needs at least one leaf.");
  const sorted = [...leaves].sort();
  const nodes: Hex[] = [...Array<Hex>(leaves.length - 1).fill("0x"), ...sorted.reverse()];
  for (let i = leaves.length - 2; i >= 0; i--) nodes[i] = pair(nodes[2 * i + 1]!, nodes[2 * i + 2]!);
  return nodes;
}

export const labelsRoot = (labels: Label[]): Hex => treeOf(labels.map(labelLeaf))[0]!;

/** Sibling hashes of a leaf, from the leaf up. Throws when the leaf is not in the tree. */
export function proofOf(leaves: Hex[], leaf: Hex): Hex[] {
  const nodes = treeOf(leaves);
  const proof: Hex[] = [];
  let at = nodes.lastIndexOf(leaf);
  if (at < leaves.length - 1) throw new Error("The leaf is not in the tree.");
  for (; at > 0; at = (at - 1) >> 1) proof.push(nodes[at % 2 ? at + 1 : at - 1]!);
  return proof;
}

export const saltText = (chainId: number, registry: Address) => `Labelshare salts\nchain ${chainId}\ncontract ${registry.toLowerCase()}`;
export const saltSecret = (signature: Hex): Hex => keccak256(signature);

export const labelSalt = (secret: Hex, round: number, sequence: number, task: number): Hex =>
  keccak256(encodePacked(["bytes32", "uint256", "uint32", "uint32"], [secret, BigInt(round), sequence, task]));

/** What a validator commits to before anyone reveals. `answers`: one byte a sampled task. */
export const commitment = (round: number, attempt: number, validator: Address, answers: Hex, salt: Hex): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: "uint256" }, { type: "uint8" }, { type: "address" }, { type: "bytes" }, { type: "bytes32" }],
      [BigInt(round), attempt, validator, answers, salt],
    ),
  );

/** What a juror commits to before anyone reveals (J2). */
export const verdictCommitment = (round: number, attempt: number, juror: Address, root: Hex, salt: Hex): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: "uint256" }, { type: "uint8" }, { type: "address" }, { type: "bytes32" }, { type: "bytes32" }],
      [BigInt(round), attempt, juror, root, salt],
    ),
  );
