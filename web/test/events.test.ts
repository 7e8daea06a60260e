/** Events are asked of a node in one piece, and in smaller ones where it refuses. */
import { expect, test } from "vitest";
import { inParts } from "../src/lib/events";

const blocks = (from: bigint, to: bigint) => Array.from({ length: Number(to - from) + 1 }, (_, i) => from + BigInt(i));

test("a node that refuses more than 2,000 blocks is asked for all of them in their order", async () => {
  const asked: bigint[] = [];
  const found = await inParts(7n, 9_999n, async (from, to) => {
    asked.push(to - from + 1n);
    if (to - from >= 2_000n) throw new Error("query exceeds max block range");
    return blocks(from, to);
  });
  expect(found).toEqual(blocks(7n, 9_999n));
  expect(asked[0]).toBe(9_993n);
});

test("a node that answers nothing at all is not asked for every block", async () => {
  let asked = 0;
  const dead = inParts(0n, 20_000_000n, async () => {
    asked++;
    throw new Error("no answer");
  });
  await expect(dead).rejects.toThrow("no answer");
  expect(asked).toBeLessThan(20);
});
