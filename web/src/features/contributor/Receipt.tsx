/** What became of a submission, live: sent, on chain, audited, settled, paid. */
import type { ReactNode } from "react";
import { api, isMissing, must, type Schema } from "../../lib/api";
import { day, lbl, plural, until } from "../../lib/format";
import { Link } from "../../lib/router";
import { useWallet } from "../../lib/wallet";
import { Found, Note, Title, Tx, usePolled } from "../../ui";
import { Appeal } from "./Appeal";

type Mine = Schema["MySubmission"];

export const fetchSettlement = (round_id: number) =>
  must(api.GET("/v1/rounds/{round_id}/settlement", { params: { path: { round_id } } })).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

const OVER = ["paid", "failed", "waiting"];

export default function Receipt({ id }: { id: string }) {
  const receipt = usePolled(["receipt", id], () => must(api.GET("/v1/submissions/{digest}/receipt", { params: { path: { digest: id } } })), (data) => !data || !OVER.includes(data.stage));
  return (
    <>
      <Title>Receipt</Title>
      <h1>Your labels are in</h1>
      <Found query={receipt}>
        {(data) => (
          <div className="two">
            <div className="card"><Stages data={data} /></div>
            <aside className="card stack">
              <Link className="button primary" href={`/label/${data.round}`}>Label more</Link>
              <Link className="button" href="/work">My work</Link>
              <p className="small muted" style={{ margin: 0 }}>Submission {data.sequence + 1} to <Link href={`/rounds/${data.round}`}>round {data.round}</Link>. The operator signed for having it: whatever becomes of this page, it can be proven.<br /><code>{id}</code></p>
            </aside>
          </div>
        )}
      </Found>
    </>
  );
}

const NAMES: [Schema["StageView"]["stage"], string, string, string][] = [
  ["sent", "Sent", "the operator signed for them", "waiting for the next transaction"],
  ["on_chain", "On chain", "the contract took them", "in a transaction, waiting for its block"],
  ["audited", "Audited", "a panel drawn by lot labeled a sample blind", "when the round is full or over, a panel labels a sample blind"],
  ["settled", "Settled", "by the rule that anyone can compute again", "the rule computes what everyone is due"],
  ["paid", "Paid", "into your Ledger account, with shares of the dataset", "into your Ledger account, with shares of the dataset"],
];

function Stages({ data }: { data: Mine }) {
  const settlement = usePolled(["settlement", data.round], () => fetchSettlement(data.round), () => data.stage === "audited", 2000);
  const reached = new Map(data.stages.map((one) => [one.stage, one]));
  const next = NAMES.find(([stage]) => stage !== "sent" && !reached.has(stage))?.[0];
  const published = settlement.data?.phase === "published" ? settlement.data : null;
  const me = useWallet()?.address;
  const mine = published?.entries.find((entry) => entry.role === "contributor" && entry.account === me);
  return (
    <>
      <p>{plural(data.labels, "label")} · up to <strong>{lbl(data.most)} LBL</strong>{data.expected !== null && <> · about {lbl(data.expected)} LBL by your κ so far</>}{BigInt(data.bond) > 0n && <> · bond {lbl(data.bond)} LBL</>}</p>
      <ol className="steps" aria-live="polite">
        {NAMES.map(([stage, name, was, will]) => {
          const seen = stage === "sent" ? (reached.get("sent") ?? { at: data.received_at, tx_hash: null }) : reached.get(stage);
          const failed = !seen && stage === next && (data.stage === "failed" || data.stage === "waiting");
          const state = seen ? "done" : failed ? "bad" : stage === next ? "now" : "";
          const due = stage === next && data.next_at ? ` (by ${day(data.next_at)}, in ${until(data.next_at)})` : "";
          let text: ReactNode = seen ? `${was}${seen.at ? `, ${day(seen.at)}` : ""}` : will + due;
          if (failed) text = data.explanation ?? data.reason ?? "";
          if (stage === "paid" && seen) text = <>{lbl(data.reward ?? "0")} LBL and {(Number(data.shares ?? 0) / 65_536).toFixed(1)} shares. {data.explanation}</>;
          return (
            <li key={stage} className={state} data-step={name} data-state={state || "later"}>
              <span className="dot" aria-hidden="true">{state === "done" ? "✓" : state === "bad" ? "!" : ""}</span>
              <div><strong>{name}</strong><div className="muted small">{text}</div></div>
              {seen?.tx_hash ? <Tx hash={seen.tx_hash} /> : <span />}
            </li>
          );
        })}
      </ol>
      {data.slash !== null && BigInt(data.slash) > 0n && <Note kind="bad">{lbl(data.slash)} LBL of your bond were taken. {data.explanation}</Note>}
      {mine && <Note>The published settlement gives you {lbl(mine.reward)} LBL{BigInt(mine.slash) > 0n && <> and takes {lbl(mine.slash)} LBL of your bond</>}{mine.waiting > 0 && <>; {plural(mine.waiting, "label")} wait for more audits</>}. It becomes final in {until(published!.challenge_ends)}.</Note>}
      {published && <Appeal round={data.round} ends={published.challenge_ends} />}
      {settlement.data?.phase === "challenged" && <Note role="status">The settlement of <Link href={`/rounds/${data.round}`}>round {data.round}</Link> is challenged: a jury computes it again. Nobody is paid before its verdict.</Note>}
      {data.stage === "failed" && <Note kind="warn">Nothing was taken from you. The items are free again: label them anew.</Note>}
    </>
  );
}
