/** A contributor's work on a round: leased tasks and answers so far, kept in this browser until they are sent. */
import type { Address, Hex } from "viem";
import { recoverTypedDataAddress } from "viem";
import { api, hasCode, must, type Schema } from "../../lib/api";
import { addressOf, domainFor, type Config } from "../../lib/config";
import { digest, typedData } from "../../lib/eip712";
import { labelSalt, labelsRoot } from "../../lib/merkle";
import { accessHeaders, keySigner, now, secretOf, signWithKey, type SessionKey } from "../../lib/session";
import { load, save, forget } from "../../lib/stored";
import type { Answers } from "../../tasks/Annotator";

export const BATCH = 20;
const MOST = 1024; // tasks that one lease may name
const TICKETED = 1;
const SUBMISSION_SECONDS = 3600;

export type Lease = Schema["LeaseView"];
export type Work = { lease: Lease; answers: Answers };

const place = (config: Config, owner: Address, round: number) =>
  `labelshare:work:${config.chain_id}:${addressOf(config, "LabelRegistry")}:${owner}:${round}`;

export const keptWork = (config: Config, owner: Address, round: number) => load<Work>(place(config, owner, round));
export const keepWork = (config: Config, owner: Address, round: number, work: Work) => save(place(config, owner, round), work);
export const dropWork = (config: Config, owner: Address, round: number) => forget(place(config, owner, round));

export async function lease(config: Config, owner: Address, round: number, key: SessionKey, tasks?: number[]): Promise<Lease> {
  const headers = await accessHeaders(config, owner, "lease", round, keySigner(key));
  return must(
    api.POST("/v1/rounds/{round_id}/leases", { params: { path: { round_id: round } }, headers, body: tasks ? { tasks, count: tasks.length } : { count: BATCH } }),
  );
}

/** The work as it was left; a lease that ran out is taken anew for the same tasks, and what others took meanwhile is dropped. */
export async function resume(config: Config, owner: Address, round: number, key: SessionKey, taskCount: number): Promise<Work> {
  const kept = keptWork(config, owner, round);
  if (kept && kept.lease.expires_at > now() + 30) return kept;
  const tasks = kept?.lease.tasks.map((task) => task.index);
  let fresh: Lease;
  try {
    fresh = await lease(config, owner, round, key, tasks);
  } catch (error) {
    if (!hasCode(error, "nothing_free")) throw error;
    // Whatever is held by a lease of one's own, from a browser that is lost: wishing for a task takes it back.
    const all = Array.from({ length: Math.min(taskCount, MOST) }, (_, index) => index);
    fresh = await lease(config, owner, round, key, all);
  }
  const known = new Map(kept?.lease.tasks.map((task) => [task.index, task.content_hash]));
  const same = fresh.tasks.filter((task) => known.get(task.index) === task.content_hash);
  const answers = Object.fromEntries(same.flatMap(({ index }) => (kept && index in kept.answers ? [[index, kept.answers[index]!]] : [])));
  const work = { lease: fresh, answers };
  keepWork(config, owner, round, work);
  return work;
}

/** Signs all answers with the session key, hands them in, and checks the operator's signed receipt. The digest names the submission. */
export async function submit(config: Config, owner: Address, round: number, key: SessionKey, { lease: held, answers }: Work): Promise<Hex> {
  const secret = await secretOf(config, key);
  const labels = held.tasks.flatMap(({ index: task }) =>
    task in answers ? [{ task, answer: answers[task]!, salt: labelSalt(secret, round, held.sequence, task) }] : [],
  );
  if (!labels.length) throw new Error("There is no answer to send yet.");
  const deadline = now() + SUBMISSION_SECONDS;
  const root = labelsRoot(labels);
  const message = {
    round: BigInt(round), contributor: owner, sequence: held.sequence, count: labels.length,
    labelsRoot: root, admission: TICKETED, deadline: BigInt(deadline),
  };
  const signature = await signWithKey(config, key, "Submission", message);
  const answer = await must(
    api.POST("/v1/rounds/{round_id}/submissions", {
      params: { path: { round_id: round } },
      body: {
        lease_id: held.lease_id, signature, labels,
        submission: { contributor: owner, sequence: held.sequence, count: labels.length, labels_root: root, admission: TICKETED, deadline },
      },
    }),
  );
  const domain = domainFor(config, "LabelRegistry");
  const own = digest("Submission", domain, message);
  const promise = {
    round: BigInt(round), contributor: owner, sequence: held.sequence, submissionDigest: own, receivedAt: BigInt(answer.receipt.received_at),
  };
  const signer = await recoverTypedDataAddress({ ...typedData("Receipt", domain, promise), signature: answer.receipt.signature as Hex });
  if (signer.toLowerCase() !== config.operator.toLowerCase()) throw new Error("The receipt is not signed by the operator. Keep this page open and ask them.");
  dropWork(config, owner, round);
  return own;
}
