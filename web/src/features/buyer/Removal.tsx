/** Asking for a task's content to be deleted: anyone may, without a wallet. What can happen is said before. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, must, type Schema } from "../../lib/api";
import { day } from "../../lib/format";
import { Link } from "../../lib/router";
import { load, save } from "../../lib/stored";
import { TaskView } from "../../tasks";
import { Found, Note, Problem, Title, usePolled } from "../../ui";

const HASH = /^0x[0-9a-f]{64}$/;
const LEAST = 10; // characters of a reason, as the API asks

const place = (dataset: number) => `labelshare:removals:${dataset}`;

export default function Removal({ id }: { id: string }) {
  const dataset = Number(id);
  const [hash, setHash] = useState(new URLSearchParams(location.search).get("content") ?? "");
  const [reason, setReason] = useState("");
  const [asked, remember] = useState<number[]>(() => load<number[]>(place(dataset)) ?? []);
  const sample = usePolled(["sample", dataset], () => must(api.GET("/v1/datasets/{dataset}/sample", { params: { path: { dataset }, query: { limit: 100 } } })));
  const shown = sample.data?.items.find((row) => row.content_hash === hash.trim());
  const ask = useMutation({
    mutationFn: () => must(api.POST("/v1/takedowns", { body: { content_hash: hash.trim(), reason: reason.trim() } })),
    onSuccess: ({ id: number }) => {
      const all = [number, ...asked];
      remember(all);
      save(place(dataset), all);
      setReason("");
    },
  });
  const missing = !HASH.test(hash.trim()) ? "The content hash is 0x and 64 digits; the sample of the dataset has a link beside each item." : reason.trim().length < LEAST ? "Say in a sentence why." : null;
  return (
    <>
      <Title>Ask for deletion</Title>
      <h1>Ask for content to be deleted</h1>
      <p className="muted">Whoever finds themselves, or their work, in a task of <Link href={`/datasets/${id}`}>dataset {id}</Link> may ask. You need no wallet and no account.</p>
      <div className="two">
        <div><form className="card stack" onSubmit={(event) => { event.preventDefault(); ask.mutate(); }}>
          <h2 style={{ margin: 0 }}>Your request</h2>
          <label className="field">Content hash<input className="mono" value={hash} spellCheck={false} onChange={(event) => setHash(event.target.value)} /></label>
          {shown && <div className="thumb"><TaskView content={shown.content} /></div>}
          <label className="field">Why<textarea value={reason} maxLength={4000} onChange={(event) => setReason(event.target.value)} placeholder="What is it, and why should it go?" /><small>Only the requester of the dataset and the operator read this.</small></label>
          {missing && <p className="small muted" style={{ margin: 0 }}>{missing}</p>}
          <Problem error={ask.error} />
          <div><button className="button primary" disabled={missing !== null || ask.isPending}>{ask.isPending ? "Asking …" : "Ask for deletion"}</button></div>
        </form></div>
        <aside><div className="card small">
          <h2>What happens then</h2>
          <ol>
            <li>The requester of the dataset, or the operator, decides. Nothing is deleted by asking.</li>
            <li><strong>Deleted:</strong> text and images that no other task shows are gone from this operator, from samples and from all later downloads, for good.</li>
            <li><strong>Kept:</strong> it stays, and the request is closed.</li>
          </ol>
          <p>What cannot be deleted: the hash of the content, which is on chain and tells nothing of it; the labels, which others signed and were paid for; copies that licensees downloaded before.</p>
          <p style={{ margin: 0 }}>Content that two requesters share is for the operator to decide. If the law gives you a right and nobody answers, the operator is who to turn to.</p>
        </div></aside>
      </div>
      {asked.length > 0 && (
        <section className="card">
          <h2>Requests from this browser</h2>
          {asked.map((number) => <Status key={number} number={number} />)}
        </section>
      )}
    </>
  );
}

const OUTCOMES: Record<Schema["TakedownStatus"]["outcome"], [string, string]> = {
  open: ["warn", "waiting for a decision"],
  erased: ["good", "deleted: the content is gone, its hash and the labels stay"],
  kept: ["bad", "kept: the requester or the operator decided against it"],
};

function Status({ number }: { number: number }) {
  const status = usePolled(["takedown", number], () => must(api.GET("/v1/takedowns/{takedown}", { params: { path: { takedown: number } } })), (data) => !data || data.outcome === "open", 3000);
  return (
    <Found query={status}>
      {(found) => (
        <Note>
          <div className="row apart" style={{ margin: 0 }}>
            <span>Request {found.id}, {day(found.created_at)}: <code>{found.content_hash.slice(0, 18)}…</code></span>
            <span className={`tag ${OUTCOMES[found.outcome][0]}`} role="status">{OUTCOMES[found.outcome][1]}</span>
          </div>
        </Note>
      )}
    </Found>
  );
}
