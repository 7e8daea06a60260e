/** A settlement under `kappa-3` (K2–K11), as labelshare/rules/reference.py computes it. Money is whole base units, floored everywhere. */
import { concat, encodePacked, keccak256, type Hex } from "viem";
import { copies, stride } from "./copies";
import { byClass, most, normalised, ONE, sum, zeros, type Row } from "./fixed";
import { echoes, Model, type Label, type Said } from "./model";
import { CONTRIBUTOR, REQUESTER, VALIDATOR, type Entry, type Round, type Submission, type Terms } from "./types";

type Votes = Map<number, Map<string, [number, number]>>; // by task and validator: answer, seats
const unit = BigInt(ONE);
const lower = (a: bigint, b: bigint) => (a < b ? a : b);
const atLeast0 = (a: bigint) => (a > 0n ? a : 0n);
const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** K2. The labels of a round that count: (task, contributor, answer). */
function counted(terms: Terms, round: Round): [number, string, number][] {
  const lot = ({ openPath, contributor }: Submission) => (openPath ? keccak256(concat([round.seed, contributor as Hex])) : "");
  const ordered = round.submissions
    .map((one) => ({ one, lot: lot(one) }))
    .sort((a, b) => Number(a.one.openPath) - Number(b.one.openPath) || byName(a.lot, b.lot) || byName(a.one.contributor, b.one.contributor) || a.one.sequence - b.one.sequence);
  const labels = new Map<string, [number, string, number]>();
  const onTask = zeros(round.tasks);
  for (const { one } of ordered) {
    const distinct = new Set(one.labels.map(([task]) => task)).size;
    if (one.void || distinct !== one.labels.length || one.labels.length !== one.count) continue;
    for (const [task, answer] of one.labels) {
      const known = task >= 0 && task < round.tasks && answer >= 0 && answer < terms.classes;
      const place = `${task} ${one.contributor}`;
      if (!known || (one.openPath && onTask[task]! >= terms.maxLabels) || labels.has(place)) continue;
      labels.set(place, [task, one.contributor, answer]);
      onTask[task]!++;
    }
  }
  return [...labels.values()];
}

/** K5. Those whose audited labels are too little better than chance to be heard. */
function findLow(labels: Label[], verdicts: Map<number, number>, people: string[]): Set<number> {
  const known = [...verdicts.values()];
  const heard = new Set(labels.map(({ person }) => person)).size;
  const gains = new Map<number, Row>();
  for (const { task, person, answer } of labels) {
    if (!verdicts.has(task)) continue;
    const chance = Math.floor((known.filter((verdict) => verdict === answer).length * ONE) / known.length);
    gains.set(person, [...(gains.get(person) ?? []), (answer === verdicts.get(task) ? ONE : 0) - chance]);
  }
  const everyone = [...gains.values()].flat();
  const mean = Math.floor(sum(everyone) / Math.max(everyone.length, 1));
  const worst = [...gains]
    .filter(([, of]) => of.length >= 3)
    .map(([person, of]) => ({ person, gain: Math.floor((sum(of) + 2 * mean) / (of.length + 2)) }))
    .filter(({ gain }) => gain < Math.floor(Math.max(mean, 0) / 3))
    .sort((a, b) => a.gain - b.gain || byName(people[a.person]!, people[b.person]!));
  return new Set(worst.slice(0, Math.max(0, Math.min(heard - 3, Math.floor(heard / 2)))).map(({ person }) => person));
}

const tally = (votes: Iterable<[number, number]>, classes: number): Row => {
  const row = zeros(classes);
  for (const [answer, seats] of votes) row[answer]! += seats;
  return row;
};

/** What was decided of an account's work so far, and what is pending. */
class Account {
  paid = 0n;
  slashed = 0n;
  shares = 0n;
  pending = 0;
  atStake = 0n;

  add(work: number, stake: bigint) {
    this.pending += work;
    this.atStake += BigInt(work) * stake;
  }

  decide(reward: bigint, slash: bigint, shares: bigint) {
    [this.paid, this.slashed, this.shares] = [this.paid + reward, this.slashed + slash, this.shares + shares];
    [this.pending, this.atStake] = [0, 0n];
    return { reward, slash, shares, waiting: 0 };
  }

  /** K8. What is due over the whole history and was not decided before, within what is pending; or all of it waits. */
  settle(waits: boolean, [pay, slash, shares]: [bigint, bigint, bigint], most: bigint, share: bigint) {
    if (waits) return { reward: 0n, slash: 0n, shares: 0n, waiting: this.pending };
    const pending = BigInt(this.pending);
    return this.decide(
      lower(atLeast0(pay - this.paid), most * pending), lower(atLeast0(slash - this.slashed), this.atStake), lower(atLeast0(shares - this.shares), share * pending),
    );
  }

  /** R11. A round that exited: its pending work at the exit rate. */
  exit(pay: bigint, shares: bigint) {
    this.decide(BigInt(this.pending) * pay, 0n, BigInt(this.pending) * shares);
  }
}

type Accounts = Map<string, Account>;
const accountOf = (accounts: Accounts, name: string) => accounts.get(name) ?? accounts.set(name, new Account()).get(name)!;

/** The entries of the settlement of the last of the rounds, which has not exited. Throws when there is none. */
export function settle(terms: Terms, rounds: Round[]): Entry[] {
  const ordered = [...rounds].sort((a, b) => a.round - b.round);
  if (!ordered.length || ordered.at(-1)!.exited) throw new Error("There is no round to settle.");
  const [people, panel]: [Accounts, Accounts] = [new Map(), new Map()];
  let entries: Entry[] = [];
  ordered.forEach((round, i) => {
    for (const one of round.submissions) if (!one.void) accountOf(people, one.contributor).add(one.count, one.openPath ? terms.openBond : terms.bond);
    for (const ballot of round.ballots) accountOf(panel, ballot.validator).add(ballot.weight * round.sample.length, 5n * terms.auditFee);
    if (!round.exited) entries = settleNext(terms, ordered.slice(0, i + 1), people, panel);
    else {
      const rate = BigInt(terms.exitRateBps);
      for (const account of people.values()) account.exit((terms.reward * rate) / 10_000n, (unit * rate) / 10_000n);
      for (const account of panel.values()) account.exit((terms.auditFee * rate) / 10_000n, 0n);
    }
  });
  return entries;
}

function settleNext(terms: Terms, history: Round[], people: Accounts, panel: Accounts): Entry[] {
  const names = [...people.keys()].sort(byName);
  const number = new Map(names.map((name, i) => [name, i]));
  const labels: Label[] = [];
  const votes: Votes = new Map();
  let tasks = 0;
  for (const round of history) {
    for (const [task, name, answer] of counted(terms, round)) labels.push({ task: tasks + task, person: number.get(name)!, answer });
    for (const ballot of round.ballots)
      ballot.answers.forEach((answer, i) => {
        if (answer >= terms.classes) return;
        const task = tasks + round.sample[i]!;
        votes.set(task, (votes.get(task) ?? new Map<string, [number, number]>()).set(ballot.validator, [answer, ballot.weight]));
      });
    tasks += round.tasks;
  }
  const verdicts = new Map<number, number>(); // K3
  for (const [task, of] of votes) {
    const seats = tally(of.values(), terms.classes);
    const highest = most(seats);
    if (seats.filter((n) => n === highest).length === 1) verdicts.set(task, seats.indexOf(highest));
  }
  const modelOf = (low: Set<number>, flagged: Set<number>) => new Model(terms, tasks, names.length, labels, verdicts, low, flagged);
  let model = modelOf(findLow(labels, verdicts, names), new Set());
  for (let turn = 0; turn < 8; turn++) {
    // K6, K13
    const copied = copies(model, model.flagged);
    const first = echoes(model, new Set([...model.flagged, ...copied, ...(stride(model) > 1 ? model.low : [])]));
    const again = echoes(model, first);
    const found = [...first].filter((person) => again.has(person)).concat([...copied]).filter((person) => !model.flagged.has(person));
    if (!found.length) break;
    model = modelOf(model.low, new Set([...model.flagged, ...found]));
  }
  const last = history.at(-1)!.last;
  const entries = contributors(model, names, people, last);
  const points = entries.reduce((all, entry) => all + entry.shares, 0n);
  entries.push(...validators(model, votes, panel, last, points));
  const requester = (points * BigInt(terms.requesterBps)) / BigInt(terms.contributorsBps);
  if (requester > 0n) entries.push({ role: REQUESTER, account: terms.requester, reward: 0n, slash: 0n, shares: requester, waiting: 0 });
  return entries;
}

/** K7–K10. */
function contributors(model: Model, names: string[], people: Accounts, last: boolean): Entry[] {
  const { terms } = model;
  const said: Said[][] = names.map(() => []);
  for (const label of model.labels) {
    const known = model.known.get(label.task);
    said[label.person]!.push(known ? [2, label.answer, known] : [1, label.answer, model.othersSay(label)]);
  }
  return names.flatMap((name, person) => {
    const [labeled, account, flagged] = [said[person]!, people.get(name)!, model.flagged.has(person)];
    const audited = labeled.filter(([weight]) => weight === 2);
    const hits = audited.filter(([, x, right]) => right[x] === ONE).length;
    let merit = Math.min(model.kappa(labeled), flagged ? 0 : ONE) - Math.floor(ONE / 20);
    if (model.spread < ONE / 32) merit = audited.length && hits * 10 >= audited.length * 9 && !flagged ? Math.floor((ONE * terms.exitRateBps) / 10_000) : 0; // K10
    const known = Math.min(audited.length, 6);
    const weight = (points: number) => BigInt(labeled.length) * BigInt(Math.max(0, points)) * BigInt(known);
    const due: [bigint, bigint, bigint] = [(terms.reward * weight(merit)) / (6n * unit), (terms.reward * weight(-merit)) / (6n * unit), weight(merit) / 6n]; // K8, K9
    return account.pending ? [{ role: CONTRIBUTOR, account: name, ...account.settle(audited.length < 6 && !last, due, terms.reward, unit) }] : [];
  });
}

/** K11. The reference is what the rest of the panel votes, and half a vote of the contributors; `points` are their shares. */
function validators(model: Model, votes: Votes, panel: Accounts, last: boolean, points: bigint): Entry[] {
  const { terms } = model;
  const names = [...panel.keys()].sort(byName);
  const said = new Map<string, Said[]>(names.map((name) => [name, []]));
  const seats = new Map<string, number>();
  for (const [task, of] of votes) {
    const crowd = model.of[task]!.length ? byClass(normalised(model.odds[task]!)) : model.classes.map(() => Math.floor(ONE / terms.classes));
    for (const [name, [answer, weight]] of of) {
      const rest = tally([...of].filter(([other]) => other !== name).map(([, vote]) => vote), terms.classes);
      const all = 2 * sum(rest) + 1;
      said.get(name)!.push([1, answer, rest.map((n, k) => Math.floor((2 * ONE * n + crowd[k]!) / all))]);
      seats.set(name, (seats.get(name) ?? 0) + weight);
    }
  }
  const zero = Math.floor((ONE * 2) / 5);
  const merits: bigint[] = [];
  const entries: Entry[] = names.flatMap((name) => {
    const [answers, account] = [said.get(name)!, panel.get(name)!];
    const [excess, waits, pending] = [model.kappa(answers) - zero, answers.length < 30 && !last, account.pending];
    if (!pending) return [];
    const full = terms.auditFee * BigInt(seats.get(name) ?? 0) * BigInt(excess);
    const over = unit - BigInt(zero);
    const due: [bigint, bigint, bigint] = [atLeast0(full) / over, (2n * atLeast0(-full)) / over, 0n];
    merits.push(waits ? 0n : BigInt(pending) * BigInt(Math.max(0, excess)));
    return [{ role: VALIDATOR, account: name, ...account.settle(waits, due, terms.auditFee, 0n) }];
  });
  const pot = (points * BigInt(terms.validatorsBps)) / BigInt(terms.contributorsBps);
  const total = merits.reduce((all, merit) => all + merit, 0n) || 1n;
  return entries.map((entry, i) => ({ ...entry, shares: (pot * merits[i]!) / total }));
}

/** The root that a jury votes on (J3): a running hash over round and entries. */
export function settlementRoot(round: number, entries: Entry[]): Hex {
  let root = encodePacked(["uint256"], [BigInt(round)]);
  const word = (value: bigint) => encodePacked(["uint256"], [value]);
  for (const e of entries)
    root = keccak256(concat([root, word(BigInt(e.role)), word(BigInt(e.account)), word(e.reward), word(e.slash), word(e.shares), word(BigInt(e.waiting))]));
  return root;
}
