/** What became of a submission, live: sent, on chain, audited, settled, paid. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, isMissing, must, type Schema } from "../../lib/api";
import { useDeployment } from "../../lib/config";
import { day, lbl, plural, until } from "../../lib/format";
import { Link } from "../../lib/router";
import { useWallet } from "../../lib/wallet";
import { Found, Note, Title, Tx, usePolled } from "../../ui";
import { Appeal } from "./Appeal";
import { sentFrom } from "./work";

export const fetchSettlement = (round_id: number) =>
  must(api.GET("/v1/rounds/{round_id}/settlement", { params: { path: { round_id } } })).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

export default function Receipt({ id }: { id: string }) {
  const wallet = useWallet();
  const config = useDeployment();
  const sent = wallet ? sentFrom(config, wallet.address).find((one) => one.digest === id) : undefined;
  const submission = usePolled(
    ["submission", id],
    () => must(api.GET("/v1/submissions/{digest}", { params: { path: { digest: id } } })),
    (data) => data?.status === "queued" || data?.status === "sent",
  );
  return (
    <>
      <Title>Receipt</Title>
      <h1>Your labels are in</h1>
      <Found query={submission}>
        {(data) => (
          <div className="two">
            <div className="card">{sent && wallet ? <Stages submission={data} round={sent.round} count={sent.count} me={wallet.address} /> : <Sent submission={data} />}</div>
            <aside className="card stack">
              {sent && <Link className="button primary" href={`/label/${sent.round}`}>Label more</Link>}
              <Link className="button" href="/work">My work</Link>
              <p className="small muted" style={{ margin: 0 }}>The operator signed for having received these labels. Submission <code>{id}</code>, receipt <code>{data.receipt.signature.slice(0, 26)}…</code></p>
            </aside>
          </div>
        )}
      </Found>
    </>
  );
}

type Step = { name: string; state: "done" | "now" | "bad" | ""; text: ReactNode; tx?: string | null | undefined };

function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol className="steps" aria-live="polite">
      {steps.map((step) => (
        <li key={step.name} className={step.state} data-step={step.name} data-state={step.state || "later"}>
          <span className="dot" aria-hidden="true">{step.state === "done" ? "✓" : step.state === "bad" ? "!" : ""}</span>
          <div>
            <strong>{step.name}</strong>
            <div className="muted small">{step.text}</div>
          </div>
          {step.tx ? <Tx hash={step.tx} /> : <span />}
        </li>
      ))}
    </ol>
  );
}

const sentStep = (submission: Schema["SubmissionView"]): Step => ({ name: "Sent", state: "done", text: `received ${day(submission.receipt.received_at)}` });

function chainStep({ status, reason, tx_hash }: Schema["SubmissionView"]): Step {
  if (status === "accepted") return { name: "On chain", state: "done", text: "the contract took them", tx: tx_hash };
  if (status === "skipped") return { name: "On chain", state: "bad", text: `the contract passed over them: ${reason ?? "no reason was given"}`, tx: tx_hash };
  return { name: "On chain", state: "now", text: status === "sent" ? "in a transaction, waiting for its block" : "waiting for the next transaction", tx: tx_hash };
}

const Sent = ({ submission }: { submission: Schema["SubmissionView"] }) => <Steps steps={[sentStep(submission), chainStep(submission)]} />;

function Stages({ submission, round, count, me }: { submission: Schema["SubmissionView"]; round: number; count: number; me: string }) {
  const view = usePolled(["round", round], () => must(api.GET("/v1/rounds/{round_id}", { params: { path: { round_id: round } } })), (data) => data?.phase !== "settled");
  const settlement = usePolled(["settlement", round], () => fetchSettlement(round), (data) => data?.entries.find((entry) => entry.account === me)?.distributed !== true);
  const dataset = useQuery({
    queryKey: ["dataset", view.data?.dataset],
    queryFn: () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset: view.data!.dataset } } })),
    enabled: view.data !== undefined,
  });
  const events = usePolled(["events", "round", round], () => must(api.GET("/v1/explorer/events", { params: { query: { round, limit: 100 } } })), () => !settlement.data?.entries.find((entry) => entry.account === me)?.distributed, 3000);
  const txOf = (...names: string[]) => events.data?.items.find((event) => names.includes(event.name))?.tx_hash;
  const audited = view.data?.audit_phase === "audited" || view.data?.phase === "settled";
  const mine = settlement.data?.entries.find((entry) => entry.account === me && entry.role === "contributor");
  const final = settlement.data && ["final", "distributed"].includes(settlement.data.phase);
  const expected = dataset.data ? lbl(BigInt(count) * BigInt(dataset.data.reward)) : "…";

  return (
    <>
      <p>{plural(count, "label")} · up to <strong>{expected} LBL</strong></p>
      <Steps
        steps={[
          sentStep(submission),
          chainStep(submission),
          { name: "Audited", state: audited ? "done" : submission.status === "accepted" ? "now" : "", text: audited ? "a panel labeled a sample blind" : waits(view.data), tx: txOf("AuditConcluded") },
          {
            name: "Settled", state: final ? "done" : audited ? "now" : "", tx: txOf("SettlementFinalized"),
            text: final ? "by the rule that anyone can compute again" : settlement.data?.phase === "published" ? `published; can be challenged for ${until(settlement.data.challenge_ends)}` : "the rule computes what everyone is due",
          },
          { name: "Paid", state: mine?.distributed ? "done" : final ? "now" : "", tx: txOf("SettlementDistributed", "ChunkPaid"), text: mine ? <Outcome entry={mine} /> : "into your Ledger account, with shares of the dataset" },
        ]}
      />
      {mine && settlement.data?.phase === "published" && <Appeal round={round} ends={settlement.data.challenge_ends} />}
      {submission.status === "skipped" && <Note kind="warn">Nothing was taken from you. The items are free again: label them anew.</Note>}
    </>
  );
}

function waits(round: Schema["RoundView"] | undefined): string {
  if (!round || round.phase === "open") return round ? `after the round is full or ends (in ${until(round.deadline)})` : "…";
  return round.audit_phase === "committing" ? "validators label a sample now" : round.audit_phase === "revealing" ? "validators open their answers" : "a panel is being drawn";
}

export function Outcome({ entry }: { entry: Schema["EntryView"] }) {
  if (entry.waiting) return <>{plural(entry.waiting, "label")} wait for the next round's audit: too little is known of you yet to judge them. They stay yours.</>;
  const shares = Number(BigInt(entry.shares) / 65_536n);
  const parts = [`${lbl(entry.reward)} LBL and ${plural(shares, "share")}`];
  if (BigInt(entry.slash) > 0n) parts.push(`${lbl(entry.slash)} LBL of your bond taken: your answers agreed with the panel and others no better than guessing or copying`);
  else if (BigInt(entry.reward) === 0n) parts.push("no pay: your answers agreed with the others no better than chance, so the rule found no information in them");
  return <>{entry.distributed ? "" : "due: "}{parts.join("; ")}</>;
}
