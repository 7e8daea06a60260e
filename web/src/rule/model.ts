/** The consensus of `kappa-3` (K1, K4, K7), line by line as labelshare/rules/reference_model.py has it, where its notation is explained. */
import { byClass, exp2, log2, most, normalised, ONE, ratio, sum, zeros, type Row } from "./fixed";
import type { Terms } from "./types";

/** Someone's class for a task; both are numbers in lists. */
export type Label = { task: number; person: number; answer: number };
/** Weight, answer, and how much each class was right. */
export type Said = [number, number, Row];

const range = (size: number) => Array.from({ length: size }, (_, i) => i);

export class Model {
  private muted: Set<number>;
  readonly known = new Map<number, Row>();
  readonly of: Label[][]; // labels by task
  readonly classes: number[];
  skillOfClass: Row[][] = [];
  odds: Row[] = [];
  belief: Row[];
  share: Row;
  spread: number;
  private readonly weight: number;
  private skill: Row[][] = [];

  constructor(
    readonly terms: Terms, readonly tasks: number, readonly people: number, readonly labels: Label[], readonly verdicts: Map<number, number>,
    readonly low: Set<number>, readonly flagged: Set<number>,
  ) {
    const K = (this.classes = range(terms.classes));
    this.muted = new Set([...low, ...flagged]);
    this.weight = Math.min(2, Math.floor((512 + terms.auditRate) / (2 * terms.auditRate)));
    for (const [task, verdict] of verdicts) this.known.set(task, K.map((k) => (k === verdict ? ONE : 0)));
    this.of = range(tasks).map(() => []);
    for (const label of labels) this.of[label.task]!.push(label);
    const shares = this.of.map((given) => {
      const row = zeros(K.length);
      for (const { person, answer } of given) if (!this.muted.has(person)) row[answer]!++;
      const all = sum(row);
      return all ? row.map((n) => Math.floor((n * ONE) / all)) : row.map(() => Math.floor(ONE / K.length));
    });
    let P = shares.map((row, task) => this.known.get(task) ?? row);
    if (verdicts.size) {
      const n = this.counts(P.map((_, task) => this.known.get(task) ?? null));
      const prior = this.crowd(n);
      this.sumUp(
        n.map((of) => K.map((k) => this.confusion(of[k]!, prior[k]!)[1])),
        K.map((k) => sum([...this.known.values()].map((row) => row[k]!))),
      );
      P = shares.map((row, task) => {
        const told = normalised(this.odds[task]!);
        return this.known.get(task) ?? row.map((p, k) => Math.floor((p + told[k]!) / 2));
      });
    }
    let S = P.map((row, task) => {
      const easy = most(shares[task]!);
      return [easy, ONE - easy].flatMap((part) => row.map((p) => Math.floor((p * part) / ONE)));
    });
    for (let turn = 0; turn < 8; turn++) {
      this.learn(S);
      S = this.believed();
    }
    this.belief = S.map((row, task) => this.known.get(task) ?? byClass(row));
    const total = K.map((k) => this.belief.reduce((all, row) => all + row[k]!, 0));
    const all = Math.max(sum(total), 1);
    this.share = total.map((n) => ratio(n, ONE, all));
    this.spread = ONE - Math.floor(sum(this.share.map((part) => part * part)) / ONE);
  }

  /** K13. What is believed two steps on, with these muted too. */
  without(people: Set<number>): Model {
    const others = Object.assign(Object.create(Model.prototype) as Model, this);
    others.muted = new Set([...this.muted, ...people]);
    const states = this.odds.map((row) => normalised(row));
    others.sumUp(this.skill, zeros(2 * this.classes.length).map((_, s) => states.reduce((all, row) => all + row[s]!, 0)));
    others.learn(others.believed());
    return others;
  }

  /** S from LO: an audited task has a state of its verdict's class. */
  private believed(): Row[] {
    return this.odds.map((row, task) => {
      const known = this.known.get(task);
      return normalised(row, known && [...known, ...known]);
    });
  }

  /** n: how often each person gave each answer, by class or state. */
  private counts(S: (Row | null)[]): Row[][] {
    const states = S.find((row) => row !== null)?.length ?? 0;
    const n = range(this.people).map(() => range(states).map(() => zeros(this.classes.length)));
    for (const { task, person, answer } of this.labels) {
      const [row, times] = [S[task], this.known.has(task) ? this.weight : 1];
      if (row) for (let s = 0; s < states; s++) n[person]![s]![answer]! += row[s]! * times;
    }
    return n;
  }

  /** The pseudo-labels of each class: four right ones, one of the crowd's, a sixty-fourth of each answer. */
  private crowd(n: Row[][]): Row[] {
    return this.classes.map((k) => {
      const row = zeros(this.classes.length);
      n.forEach((of, person) => {
        if (!this.muted.has(person)) for (const x of this.classes) row[x]! += of[k]![x]!;
      });
      const all = Math.max(sum(row), 1);
      return row.map((said, x) => (k === x ? 4 * ONE : 0) + ratio(said, ONE, all) + ONE / 64);
    });
  }

  private confusion(counts: Row, prior: Row): [Row, Row] {
    const A = counts.map((count, x) => count + prior[x]!);
    const all = log2(sum(A));
    return [A, A.map((count) => log2(count) - all)];
  }

  private learn(S: Row[]) {
    const n = this.counts(S);
    const K = this.classes;
    const ofClass = n.map((of) => K.map((k) => byClass([...of[k]!, ...of[k + K.length]!])));
    const prior = this.crowd(ofClass);
    this.skillOfClass = [];
    const skill = n.map((of, person) => {
      const known = K.map((k) => this.confusion(ofClass[person]![k]!, prior[k]!));
      this.skillOfClass.push(known.map(([, lambda]) => lambda));
      return of.map((row, state) => this.ofKind(row, ...known[state % K.length]!, state));
    });
    const states = S[0]?.length ?? 2 * K.length;
    this.sumUp(skill, range(states).map((s) => S.reduce((all, row) => all + row[s]!, 0)));
  }

  /** λ of a state from its counts and the A and λ of its class: on hard tasks nobody is right more often. */
  private ofKind(counts: Row, A: Row, skill: Row, state: number): Row {
    const right = state % this.classes.length;
    const [all, said] = [sum(A), log2(sum(counts) + 8 * ONE)];
    return this.classes.map((x) => {
      const part = ratio(A[x]!, ONE, all) + 1;
      let told = log2(counts[x]! + 8 * part) - said - log2(part) + log2(ONE);
      if (state >= this.classes.length) told = x === right ? Math.min(told, 0) : Math.max(told, 0);
      return Math.min(skill[x]! + told, 0);
    });
  }

  /** LO of all tasks, of classes or states as common as these. */
  private sumUp(skill: Row[][], common: Row) {
    this.skill = skill;
    const all = log2(sum(common) + common.length * ONE);
    const prior = common.map((count) => log2(count + ONE) - all);
    this.odds = this.of.map((given) => {
      const row = [...prior];
      for (const label of given) this.own(label).forEach((own, s) => (row[s]! += own));
      return row;
    });
  }

  /** What a label adds to its task's log-odds. */
  own({ person, answer }: Label): Row {
    const mute = this.muted.has(person);
    return this.skill[person]!.map((row) => (mute ? 0 : row[answer]!));
  }

  /** The belief in a label's task without that label (K6, K7). */
  othersSay(label: Label): Row {
    const own = this.own(label);
    return byClass(normalised(this.odds[label.task]!.map((odds, s) => odds - own[s]!)));
  }

  /** K7. κ of whoever said these: over chance in all tasks, and over chance in their own others; the lower of the two. */
  kappa(said: Said[]): number {
    const { share, classes } = this;
    const total = Math.max(sum(said.map(([weight]) => weight)), 1);
    const own = sum(said.map(([weight, x, right]) => weight * right[x]!));
    const half = Math.floor(most(share) / 2);
    const base = share.map((part) => Math.max(part, half));
    const inAllSpread = Math.floor(sum(share.map((part, k) => part * (ONE - base[k]!))) / ONE);
    const inAll = ratio(own - sum(said.map(([weight, x]) => weight * base[x]!)), ONE, total * Math.max(inAllSpread, 1));
    const known = classes.map((k) => sum(said.map(([weight, , right]) => weight * right[k]!)) + share[k]!);
    const squares = sum(known.map((n) => Math.floor(n / (total + 1)) ** 2));
    const spread = Math.max(ONE - Math.floor(squares / ONE), Math.floor(this.spread / 2), 1);
    const expected = sum(said.map(([weight, x]) => weight * Math.floor(known[x]! / total)));
    const inOwn = ratio(own + Math.floor(own / total) - expected, ONE, total * spread);
    return Math.max(-ONE, Math.min(ONE, inAll, inOwn));
  }
}

/** K6. Those whose labels are better explained by copying suspects than by their own skill. */
export function echoes(model: Model, suspects: Set<number>): Set<number> {
  const bits = new Map<number, number>();
  const labels = zeros(model.people);
  for (const label of model.labels) {
    labels[label.person]!++;
    const others = model.of[label.task]!.filter((one) => one.person !== label.person && suspects.has(one.person));
    if (!others.length) continue;
    const same = others.filter((one) => one.answer === label.answer).length;
    const copied = Math.floor((15 * ONE * same) / (16 * others.length)) + Math.floor(ONE / (16 * model.classes.length));
    const skill = model.skillOfClass[label.person]!;
    const own = sum(model.othersSay(label).map((p, k) => p * exp2(-skill[k]![label.answer]!)));
    bits.set(label.person, (bits.get(label.person) ?? 0) + log2(copied) - log2(Math.floor(own / ONE)));
  }
  return new Set([...bits].filter(([person, found]) => found > Math.max(12 * ONE, labels[person]! * (ONE / 8))).map(([person]) => person));
}
