/** A settlement that this page computed beside the one that was proposed: what differs, and what was taken from whom. */
import { lbl, plural, short } from "../../lib/format";
import { Note, Table } from "../../ui";
import { RULE, type Entry } from "../../rule/types";
import { differences, type Judgement } from "./judge";

const ROLES = ["contributor", "validator", "requester"];
const MOST = 12;

export function Recomputed({ found, withheld }: { found: Judgement | null; withheld: string }) {
  if (!found)
    return (
      <section className="card">
        <h2>The settlement cannot be computed</h2>
        <Note kind="bad">{withheld}</Note>
        <p className="muted" style={{ margin: 0 }}>Ask the panel for the evidence: its members keep it. With the file, <code>labelshare juror</code> judges by it. Without it the verdict is that it was withheld.</p>
      </section>
    );
  const wrong = differences(found.entries, found.published);
  const right = found.root === found.proposed;
  return (
    <section className="card">
      <h2>The settlement, computed anew</h2>
      <Note kind={right ? "good" : "bad"} role="status">
        {right ? `The published settlement is right: all ${found.entries.length} entries are those of the rule.` : wrong.length ? `The published settlement is wrong: ${plural(wrong.length, "entry differs", "entries differ")} from what the rule gives.` : "The published settlement is wrong: its entries are out of order."}
      </Note>
      {wrong.length > 0 && (
        <Table label="Entries that differ" head={["Account", "Role", "Published", "By the rule"]}>
          {wrong.slice(0, MOST).map((one) => (
            <tr key={`${one.role}${one.account}`}><td><span className="mono" title={one.account}>{short(one.account)}</span></td><td className="num">{ROLES[one.role]}</td><td className="num"><Says entry={one.published} /></td><td className="num"><Says entry={one.due} /></td></tr>
          ))}
        </Table>
      )}
      {wrong.length > MOST && <p className="small muted">And {wrong.length - MOST} more.</p>}
      <p className="small">Root by the rule <code>{found.root}</code><br />Root published <code>{found.proposed}</code></p>
      <details>
        <summary>What was taken from whom, and how it was checked</summary>
        <Table label="Sources" head={["What", "From", "Checked by"]}>
          <tr><td>Terms, {plural(found.rounds, "round")}, {plural(found.ballots, "ballot")} of the panel, the challenged entries</td><td className="num">the chain, through your wallet's node</td><td style={{ whiteSpace: "normal" }}>entries hash to the challenged root; the rest is your node's word</td></tr>
          <tr><td>Which {plural(found.sampled, "task")} were audited</td><td className="num">this page</td><td style={{ whiteSpace: "normal" }}>drawn again from the seed on chain</td></tr>
          <tr><td>{plural(found.labels, "label")} in {plural(found.submissions, "submission")}</td><td className="num">the operator</td><td style={{ whiteSpace: "normal" }}>each submission hashes to the root that its contributor signed and the chain accepted; none is missing, none is added</td></tr>
          <tr><td>κ, pay, slashes and shares</td><td className="num">this page</td><td style={{ whiteSpace: "normal" }}>the rule {RULE}, computed here in your browser; the operator's result was not asked for</td></tr>
        </Table>
        {found.evidence.map((one) => <p key={one.round} className="small" style={{ margin: "0.4rem 0 0" }}>Evidence of round {one.round}: <code>{one.hash}</code></p>)}
        <p className="small muted" style={{ margin: "0.4rem 0 0" }}>This page itself comes from the operator. Who does not want to trust it computes the same root with <code>labelshare juror</code>.</p>
      </details>
    </section>
  );
}

function Says({ entry }: { entry: Entry | null }) {
  if (!entry) return <span className="muted">nothing</span>;
  const parts = [entry.waiting > 0 ? `${entry.waiting} waiting` : `${lbl(entry.reward)} LBL`, entry.slash > 0n && `− ${lbl(entry.slash)} LBL`, entry.shares > 0n && `${(Number(entry.shares) / 65_536).toFixed(2)} shares`];
  return <>{parts.filter(Boolean).join(", ")}</>;
}
