/** One round: phases, panel, settlement line by line, disputes, every step with its transaction. */
import { api, must } from "../../lib/api";
import { day, lbl, until } from "../../lib/format";
import { Link } from "../../lib/router";
import { useWallet } from "../../lib/wallet";
import { Facts, Found, Note, Table, Title, Tx, usePolled, Who } from "../../ui";
import { fetchSettlement } from "../contributor/Receipt";
import { EventTable } from "./Explorer";

export default function RoundPage({ id }: { id: string }) {
  const round_id = Number(id);
  const me = useWallet()?.address;
  const round = usePolled(["round", round_id], () => must(api.GET("/v1/rounds/{round_id}", { params: { path: { round_id } } })), (data) => data?.phase !== "settled", 3000);
  const settlement = usePolled(["settlement", round_id], () => fetchSettlement(round_id), () => round.data?.phase !== "settled", 3000);
  const disputes = usePolled(["disputes", round_id], () => must(api.GET("/v1/rounds/{round_id}/disputes", { params: { path: { round_id } } })));
  const events = usePolled(["events", "round", round_id], () => must(api.GET("/v1/explorer/events", { params: { query: { round: round_id, limit: 100 } } })));
  return (
    <Found query={round}>
      {(data) => (
        <>
          <Title>{`Round ${id}`}</Title>
          <div className="row apart"><h1>Round {id}</h1><Link href={`/datasets/${data.dataset}`}>Dataset {data.dataset}</Link></div>
          <section className="card">
            <Facts items={[
              ["Phase", data.settlement_phase ?? data.audit_phase ?? data.phase], ["Labels", <>{data.labels} <small>of {data.label_budget}</small></>], ["Tasks", data.task_count],
              ["Audited sample", data.sample_size], ["Reserve", <>{lbl(data.reserve)} <small>LBL</small></>], ["Spared", <>{data.labels_spared} <small>labels, {lbl(data.saved)} LBL</small></>],
            ]} />
            {data.next && <Note>Next: <strong>{data.next.step}</strong>, by {data.next.by}{data.next.at ? `, ${day(data.next.at)} (in ${until(data.next.at)})` : ", any time now"}.</Note>}
            {data.panel.length > 0 && <p className="small">Panel: {data.panel.map((who) => <span key={who}><Who address={who} me={me} /> </span>)}· {data.committed} sealed, {data.revealed} opened</p>}
            <p className="small" style={{ margin: 0 }}>Tasks root <code>{data.tasks_root}</code>{data.evidence_hash && <><br />Evidence <code>{data.evidence_hash}</code></>}</p>
          </section>
          <section className="card">
            <h2>Settlement</h2>
            <Found query={settlement}>
              {(found) => found ? (
                <>
                  <p className="small">{found.phase}: pays {lbl(found.paid)} LBL, keeps {lbl(found.carried)} LBL for labels that wait, releases {lbl(found.released)} LBL.</p>
                  <Table label="Entries" head={["Account", "Role", "Reward, LBL", "Slash, LBL", "Outcome"]}>
                    {found.entries.map((entry) => (
                      <tr key={entry.role + entry.account}>
                        <td><Who address={entry.account} me={me} /></td><td className="num">{entry.role}</td><td className="num">{lbl(entry.reward)}</td><td className="num">{lbl(entry.slash)}</td>
                        <td className="num" style={{ whiteSpace: "normal" }}>{entry.explanation}{entry.kappa !== null ? ` (κ ${entry.kappa.toFixed(2)})` : ""} <Tx hash={entry.tx_hash} /></td>
                      </tr>
                    ))}
                  </Table>
                </>
              ) : <p className="muted">Nothing is published yet.</p>}
            </Found>
          </section>
          {!!disputes.data?.items.length && (
            <section className="card">
              <h2>Disputes</h2>
              {disputes.data.items.map((one) => <p key={one.number} className="small">No. {one.number}: {one.phase}; challenged by <Who address={one.challenger} me={me} /> with {lbl(one.bond)} LBL in <Tx hash={one.tx_hash} />; jury of {one.jurors.length}, {one.revealed} opened.</p>)}
            </section>
          )}
          <section className="card"><h2>Events</h2><Found query={events}>{({ items }) => <EventTable events={items} />}</Found></section>
        </>
      )}
    </Found>
  );
}
