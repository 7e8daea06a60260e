/** The copies test of `kappa-3` (K13), as labelshare/rules/reference_copies.py has it: finds groups who agree too often. */
import { byClass, exp2, log2, normalised, ONE, sum, zeros, type Row } from "./fixed";
import type { Label, Model } from "./model";

const MOST_PAIRS = 2 ** 19; // of labels that are compared

/** Evidence, and hint, that one of two people copied the other's label of a task. */
type Pair = { task: number; one: number; two: number; strength: [number, number] };
/** Evidence between two people, the lower one first: by one · people + two. */
type Bits = Map<number, number>;

const add = (to: Bits, at: number, bits: number) => to.set(at, (to.get(at) ?? 0) + bits);

/** Members of the groups whose copying is plainest. Those in `known` are left out: they were found before. People are numbered in order of address. */
export function copies(model: Model, known: Set<number>): Set<number> {
  const size = model.people;
  const labeled = zeros(size);
  for (const { person } of model.labels) labeled[person]!++;
  const people = [...labeled.keys()].filter((person) => labeled[person]! > 0);
  const every = stride(model);
  const looked = people.filter((_, i) => i % every === model.labels.length % every);
  const among = new Set(looked.filter((person) => labeled[person]! >= 6 && !known.has(person)));
  const pairs = pairsOf(model, among);
  const plainness = new Map<string, { members: Set<number>; each: number }>();
  for (const which of [0, 1] as const) {
    // by evidence, by hints
    const between: Bits = new Map();
    for (const { one, two, strength } of pairs) add(between, one * size + two, strength[which]);
    const group = joined(between, size);
    const groups = new Map<number, number[]>();
    for (const person of [...among].sort((a, b) => a - b)) groups.set(group[person]!, [...(groups.get(group[person]!) ?? []), person]);
    for (const members of groups.values())
      if (members.length > 1 && !plainness.has(members.join())) plainness.set(members.join(), { members: new Set(members), each: plain(model, new Set(members), pairs, labeled, among) });
  }
  const highest = Math.max(0, ...[...plainness.values()].map(({ each }) => each));
  return new Set([...plainness.values()].filter(({ each }) => each > 0 && 4 * each >= 3 * highest).flatMap(({ members }) => [...members]));
}

/** Every how manieth contributor is looked at. */
export function stride(model: Model): number {
  const pairs = sum(model.of.map((given) => (given.length * (given.length - 1)) / 2));
  return 1 + Math.floor(Math.sqrt(Math.floor(pairs / MOST_PAIRS)));
}

/** The evidence a label of a group that copies, in bits; 0 of another. */
function plain(model: Model, members: Set<number>, found: Pair[], labeled: Row, among: Set<number>): number {
  const count = (of: Set<number>) => sum([...of].map((person) => labeled[person]!));
  const labels = count(members);
  const pairs = 16 * labels >= count(among) ? pairsOf(model.without(members), members) : found;
  const inside = new Map<number, Row>();
  for (const { task, one, two, strength } of pairs) if (members.has(one) && members.has(two)) inside.set(task, [...(inside.get(task) ?? []), strength[0]]);
  let total = 0;
  for (const bits of inside.values()) {
    let h = 2;
    while ((h * (h - 1)) / 2 < bits.length) h++;
    total += sum(bits.map((one) => Math.floor((2 * one) / h)));
  }
  const chance = 8 * ONE + Math.floor((members.size * log2(among.size)) / 4) + Math.floor((labels * ONE) / 24);
  return total > chance ? Math.floor(total / labels) : 0;
}

/** Every two labels of a task by people of a set, with the evidence and the hint of each pair. */
function pairsOf(model: Model, among: Set<number>): Pair[] {
  return model.of.flatMap((given, task) => {
    const sorted = given.filter(({ person }) => among.has(person)).sort((a, b) => a.person - b.person);
    return sorted.flatMap((one, i) => sorted.slice(i + 1).map((two) => ({ task, one: one.person, two: two.person, strength: evidence(model, one, two, given) })));
  });
}

/**
 * Of two labels of a task, in bits: how likely one is as a copy of the other, against how likely between honest people, at the higher and at
 * the lower of two expectations.
 */
function evidence(model: Model, one: Label, two: Label, given: Label[]): [number, number] {
  const [a, b] = [model.own(one), model.own(two)];
  const belief = model.known.get(one.task) ?? byClass(normalised(model.odds[one.task]!.map((all, s) => all - a[s]! - b[s]!)));
  const chances = (label: Label) => model.skillOfClass[label.person]!.map((row) => exp2(-row[label.answer]!));
  const [first, second] = [chances(one), chances(two)];
  const both = sum(belief.map((p, k) => Math.floor((p * first[k]! * second[k]!) / (ONE * ONE))));
  const same = one.answer === two.answer;
  let [highest, lowest] = [0, 0];
  for (const [told, other] of [[first, two], [second, one]] as const) {
    const bySkill = Math.floor((both * ONE) / (Math.floor(sum(belief.map((p, k) => p * told[k]!)) / ONE) + 1));
    const alike = given.filter((label) => label.answer === other.answer).length - 1 - Number(same);
    const byTask = Math.floor((alike * ONE + 4 * bySkill) / (given.length - 2 + 4));
    highest += log2(Math.max(bySkill, byTask));
    lowest += log2(Math.min(bySkill, byTask));
  }
  const slip = Math.floor(ONE / (64 * model.classes.length));
  const copied = log2(same ? ONE - ONE / 64 + slip : slip);
  return [copied - Math.floor(highest / 2), copied - Math.floor(lowest / 2)];
}

/** Each one's evidence with each other one, from that between pairs. */
function partners(bits: Bits, size: number): Map<number, number>[] {
  const of = Array.from({ length: size }, () => new Map<number, number>());
  for (const [pair, found] of bits) {
    const [a, b] = [Math.floor(pair / size), pair % size];
    of[a]!.set(b, found);
    of[b]!.set(a, found);
  }
  return of;
}

/**
 * A group for each number: those who are each other's best partner join, as long as evidence adds up; then everyone goes where most evidence
 * is, or alone where none speaks for copying.
 */
function joined(between: Bits, size: number): Row {
  let group = [...Array(size).keys()];
  let left = between;
  for (let turn = 0; turn < 64; turn++) {
    const best = partners(left, size).map(bestOf);
    const into = best.map((other, i) => (other >= 0 && other < i && best[other] === i ? other : i));
    if (into.every((to, i) => to === i)) break;
    group = group.map((of) => into[of]!);
    const more: Bits = new Map();
    for (const [pair, bits] of left) {
      const [a, b] = [into[Math.floor(pair / size)]!, into[pair % size]!];
      if (a !== b) add(more, Math.min(a, b) * size + Math.max(a, b), bits);
    }
    left = more;
  }
  const all = partners(between, size);
  for (let turn = 0; turn < 8; turn++) {
    const moved = group.map((mine, i) => {
      const bits: Bits = new Map();
      for (const [other, found] of all[i]!) add(bits, group[other]!, found);
      const own = bits.get(mine) ?? 0;
      const better = new Map([...bits].filter(([, found]) => found > Math.max(own, 0)));
      return better.size ? bestOf(better) : own < 0 ? size + i : mine;
    });
    if (moved.every((to, i) => to === group[i])) break;
    group = moved;
  }
  return group;
}

/** Whoever has most evidence, if it speaks for copying; the lowest of equals, -1 for nobody. */
function bestOf(bits: Map<number, number>): number {
  let [best, highest] = [-1, 0];
  for (const [one, found] of bits) if (found > highest || (found === highest && found > 0 && one < best)) [best, highest] = [one, found];
  return best;
}
