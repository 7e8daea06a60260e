/** The copies test of `kappa-2` (K13), as labelshare/rules/reference_copies.py has it: finds groups who agree too often. */
import { byClass, exp2, log2, normalised, ONE, sum, zeros, type Row } from "./fixed";
import type { Label, Model } from "./model";

type Pair = { task: number; one: number; two: number; bits: number };
/** Evidence between two people, the lower one first: by one · people + two. */
type Bits = Map<number, number>;

const add = (to: Bits, at: number, bits: number) => to.set(at, (to.get(at) ?? 0) + bits);

/** Members of groups that copy. Those in `known` are left out: they were found before. People are numbered in order of address. */
export function copies(model: Model, known: Set<number>): Set<number> {
  const size = model.people;
  const labeled = zeros(size);
  for (const { person } of model.labels) labeled[person]!++;
  const people = [...labeled.keys()].filter((person) => labeled[person]! > 0);
  const among = new Set(people.filter((person) => labeled[person]! >= 6 && !known.has(person)));
  const step = 1 + Math.floor(sum(model.of.map((given) => (given.length * (given.length - 1)) / 2)) / 2 ** 19);
  const looked = model.of.filter((_, task) => task % step === 0);
  const pairs: Pair[] = [];
  model.of.forEach((given, task) => {
    if (task % step) return;
    const sorted = given.filter(({ person }) => among.has(person)).sort((a, b) => a.person - b.person);
    sorted.forEach((one, i) => {
      for (const two of sorted.slice(i + 1)) pairs.push({ task, one: one.person, two: two.person, bits: evidence(model, one, two, given) });
    });
  });
  const between: Bits = new Map();
  for (const { one, two, bits } of pairs) add(between, one * size + two, bits);
  const group = joined(between, size);
  const inside = new Map<string, { group: number; bits: Row }>();
  for (const { task, one, two, bits } of pairs) {
    if (group[one] !== group[two]) continue;
    const name = `${task} ${group[one]}`;
    const of = inside.get(name) ?? { group: group[one]!, bits: [] };
    of.bits.push(bits);
    inside.set(name, of);
  }
  const total: Bits = new Map();
  for (const { group: name, bits } of inside.values()) {
    let members = 2;
    while ((members * (members - 1)) / 2 < bits.length) members++;
    add(total, name, sum(bits.map((one) => Math.floor((2 * one) / members))));
  }
  const found = new Set<number>();
  for (const person of among) {
    const mine = new Set(people.filter((other) => group[other] === group[person]));
    const seen = sum(looked.map((given) => given.filter((label) => mine.has(label.person)).length));
    const chance = 8 * ONE + Math.floor((mine.size * log2(among.size)) / 4) + Math.floor((seen * ONE) / 32);
    if (mine.size > 1 && (total.get(group[person]!) ?? 0) > chance) found.add(person);
  }
  return found;
}

/** Of two labels of a task, in bits: how likely one is as a copy of the other, against how likely between honest people. */
function evidence(model: Model, one: Label, two: Label, given: Label[]): number {
  const [a, b] = [model.own(one), model.own(two)];
  const belief = model.known.get(one.task) ?? byClass(normalised(model.odds[one.task]!.map((all, s) => all - a[s]! - b[s]!)));
  const chances = (label: Label) => model.skillOfClass[label.person]!.map((row) => exp2(-row[label.answer]!));
  const [first, second] = [chances(one), chances(two)];
  const both = sum(belief.map((p, k) => Math.floor((p * first[k]! * second[k]!) / (ONE * ONE))));
  const same = one.answer === two.answer;
  let expected = 0;
  for (const [told, other] of [[first, two], [second, one]] as const) {
    const bySkill = Math.floor((both * ONE) / (Math.floor(sum(belief.map((p, k) => p * told[k]!)) / ONE) + 1));
    const alike = given.filter((label) => label.answer === other.answer).length - 1 - Number(same);
    expected += log2(Math.max(bySkill, Math.floor((alike * ONE + 4 * bySkill) / (given.length - 2 + 4))));
  }
  const slip = Math.floor(ONE / (16 * model.classes.length));
  return log2(same ? ONE - ONE / 16 + slip : slip) - Math.floor(expected / 2);
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
