// Handlers that write what the mirror's write for the bulk of the bench's events.
import { ponder } from "ponder:registry";
import * as schema from "ponder:schema";

const NOBODY = "0x0000000000000000000000000000000000000000";

function place(event: any) {
  const position = (event.block.number << 20n) | BigInt(event.log.logIndex);
  return { position, blockNumber: event.block.number, logIndex: event.log.logIndex };
}

async function raw(db: any, event: any) {
  const { log, transaction } = event;
  await db.insert(schema.rawEvent).values({
    position: place(event).position,
    transactionHash: transaction.hash,
    address: log.address,
    topics: log.topics.join(""),
    data: log.data,
  });
}

async function credit(db: any, account: `0x${string}`, amount: bigint) {
  await db
    .insert(schema.account)
    .values({ account, balance: amount })
    .onConflictDoUpdate((row: any) => ({ balance: row.balance + amount }));
}

async function hold(db: any, holder: `0x${string}`, shares: bigint, revenue: bigint) {
  await db
    .insert(schema.share)
    .values({ holder, balance: shares, revenue })
    .onConflictDoUpdate((row: any) => ({ balance: row.balance + shares, revenue: row.revenue + revenue }));
}

ponder.on("Ledger:Deposited", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.deposited).values({ ...place(event), ...event.args });
  await credit(db, event.args.account, event.args.amount);
});

ponder.on("Ledger:Moved", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.moved).values({ ...place(event), ...event.args });
  await credit(db, event.args.from, -event.args.amount);
  await credit(db, event.args.to, event.args.amount);
});

ponder.on("LabelRegistry:SubmissionAccepted", async ({ event, context: { db } }) => {
  await raw(db, event);
  const { round, contributor, sequence, count, labelsRoot, signer, bond } = event.args;
  await db.insert(schema.accepted).values({ ...place(event), ...event.args });
  await db
    .insert(schema.round)
    .values({ id: round, labels: count })
    .onConflictDoUpdate((row: any) => ({ labels: row.labels + count }));
  await db
    .insert(schema.contributor)
    .values({ contributor, sequence: sequence + 1, labels: count, pending: count })
    .onConflictDoUpdate((row: any) => ({ sequence: sequence + 1, labels: row.labels + count, pending: row.pending + count }));
  await db
    .insert(schema.session)
    .values({ contributor, key: signer, bondLeft: 2n ** 90n - bond })
    .onConflictDoUpdate((row: any) => ({ bondLeft: row.bondLeft - bond }));
  const where = { blockNumber: event.block.number, transactionHash: event.transaction.hash };
  await db.insert(schema.submission).values({ round, contributor, sequence, count, labelsRoot, signer, bond, ...where });
});

ponder.on("DatasetShares:TransferSingle", async ({ event, context: { db } }) => {
  await raw(db, event);
  const { id, operator, from, to, value } = event.args;
  await db.insert(schema.transferred).values({ ...place(event), operator, from, to, dataset: id, value });
  if (from !== NOBODY) await hold(db, from, -value, 0n);
  await hold(db, to, value, 0n);
});

ponder.on("DatasetShares:RevenuePaid", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.paid).values({ ...place(event), ...event.args });
  await hold(db, event.args.holder, 0n, event.args.amount);
});

ponder.on("DatasetShares:RevenueAdded", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.added).values({ ...place(event), ...event.args });
  const { dataset, amount, acc } = event.args;
  await db
    .insert(schema.dataset)
    .values({ id: dataset, acc, revenue: amount })
    .onConflictDoUpdate((row: any) => ({ acc, revenue: row.revenue + amount }));
});

ponder.on("DatasetMarket:LicenseSold", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.sold).values({ ...place(event), ...event.args });
  const { licensee, expiry, lastRound } = event.args;
  await db.insert(schema.license).values({ licensee, expiry, lastRound }).onConflictDoUpdate({ expiry, lastRound });
});

ponder.on("LabelToken:Transfer", async ({ event, context: { db } }) => {
  await raw(db, event);
  await db.insert(schema.tokenTransferred).values({ ...place(event), ...event.args });
});
