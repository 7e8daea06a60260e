// The mirror's tables for the bulk of the bench's events: raw events, a table an event, and the state they add up to.
import { onchainTable, primaryKey } from "ponder";

export const rawEvent = onchainTable("raw_event", (t) => ({
  position: t.bigint().primaryKey(),
  transactionHash: t.hex(),
  address: t.hex(),
  topics: t.text(),
  data: t.hex(),
}));

const place = (t: any) => ({ position: t.bigint().primaryKey(), blockNumber: t.bigint(), logIndex: t.integer() });

export const deposited = onchainTable("event_deposited", (t) => ({ ...place(t), account: t.hex(), from: t.hex(), amount: t.bigint() }));
export const moved = onchainTable("event_moved", (t) => ({ ...place(t), from: t.hex(), to: t.hex(), amount: t.bigint() }));
export const accepted = onchainTable("event_accepted", (t) => ({
  ...place(t),
  round: t.bigint(),
  contributor: t.hex(),
  sequence: t.integer(),
  count: t.integer(),
  labelsRoot: t.hex(),
  signer: t.hex(),
  admission: t.integer(),
  bond: t.bigint(),
}));
export const transferred = onchainTable("event_transferred", (t) => ({
  ...place(t),
  operator: t.hex(),
  from: t.hex(),
  to: t.hex(),
  dataset: t.bigint(),
  value: t.bigint(),
}));
export const paid = onchainTable("event_paid", (t) => ({ ...place(t), dataset: t.bigint(), holder: t.hex(), amount: t.bigint() }));
export const added = onchainTable("event_added", (t) => ({ ...place(t), dataset: t.bigint(), amount: t.bigint(), acc: t.bigint() }));
export const sold = onchainTable("event_sold", (t) => ({
  ...place(t),
  dataset: t.bigint(),
  licensee: t.hex(),
  buyer: t.hex(),
  price: t.bigint(),
  fee: t.bigint(),
  expiry: t.bigint(),
  lastRound: t.bigint(),
}));
export const tokenTransferred = onchainTable("event_token", (t) => ({ ...place(t), from: t.hex(), to: t.hex(), value: t.bigint() }));

export const account = onchainTable("account", (t) => ({ account: t.hex().primaryKey(), balance: t.bigint() }));
export const contributor = onchainTable("contributor", (t) => ({
  contributor: t.hex().primaryKey(),
  sequence: t.integer(),
  labels: t.integer(),
  pending: t.integer(),
}));
export const session = onchainTable(
  "session",
  (t) => ({ contributor: t.hex(), key: t.hex(), bondLeft: t.bigint() }),
  (table) => ({ pk: primaryKey({ columns: [table.contributor, table.key] }) }),
);
export const submission = onchainTable(
  "submission",
  (t) => ({
    round: t.bigint(),
    contributor: t.hex(),
    sequence: t.integer(),
    count: t.integer(),
    labelsRoot: t.hex(),
    signer: t.hex(),
    bond: t.bigint(),
    blockNumber: t.bigint(),
    transactionHash: t.hex(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.round, table.contributor, table.sequence] }) }),
);
export const round = onchainTable("round", (t) => ({ id: t.bigint().primaryKey(), labels: t.integer() }));
export const share = onchainTable("share_balance", (t) => ({ holder: t.hex().primaryKey(), balance: t.bigint(), revenue: t.bigint() }));
export const license = onchainTable("license", (t) => ({ licensee: t.hex().primaryKey(), expiry: t.bigint(), lastRound: t.bigint() }));
export const dataset = onchainTable("dataset", (t) => ({ id: t.bigint().primaryKey(), acc: t.bigint(), revenue: t.bigint() }));
