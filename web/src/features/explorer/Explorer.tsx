/** The network: health, rounds, what happened last. */
import { useState } from "react";
import { api, must, type Schema } from "../../lib/api";
import { day, lbl, until } from "../../lib/format";
import { Link } from "../../lib/router";
import { Facts, Found, Note, Table, Tabs, Title, Tx, usePolled } from "../../ui";

const TOPICS = ["submission", "round", "audit", "settlement", "dispute", "dataset", "sale", "revenue", "stake", "money"] as const;

export default function Explorer() {
  const network = usePolled(["network"], () => must(api.GET("/v1/network")), () => true, 3000);
  return (
    <>
      <Title>Explorer</Title>
      <h1>Explorer</h1>
      <Found query={network}>
        {(net) => (
          <>
            {!net.ledger_even && <Note kind="bad">The Ledger does not add up: accounts hold {lbl(net.ledger_sum)} LBL, the contract {lbl(net.ledger_held)}.</Note>}
            {net.paused.length > 0 && <Note kind="warn">Paused: {net.paused.join(", ")}. Money can always be taken out.</Note>}
            <div className="card">
              <Facts items={[
                ["Block", net.mirror_block.toLocaleString("en")], ["Behind the node", net.behind === null ? "node is silent" : `${net.behind} blocks`], ["Lag", `${net.lag} s`],
                ["To relay", net.queued], ["Unmined", net.unmined], ["Ledger", <>{lbl(net.ledger_held, 2)} <small>LBL, {net.ledger_even ? "adds up" : "does not add up"}</small></>],
                ["Datasets", net.totals.datasets], ["Open rounds", net.totals.open_rounds], ["Labels", net.totals.labels.toLocaleString("en")], ["Validators", <>{net.totals.validators} <small>{net.totals.seats} seats</small></>], ["Sales", net.totals.sales],
              ]} />
            </div>
          </>
        )}
      </Found>
      <section className="card"><Tabs names={["Events", "Rounds"]}>{(tab) => (tab === "Events" ? <Events /> : <Rounds />)}</Tabs></section>
    </>
  );
}

function Events() {
  const [topic, choose] = useState("");
  const query = topic ? { topic: topic as (typeof TOPICS)[number], limit: 50 } : { limit: 50 };
  const events = usePolled(["events", topic], () => must(api.GET("/v1/explorer/events", { params: { query } })), () => true, 3000);
  return (
    <>
      <label className="field" style={{ maxWidth: 220, marginBottom: "0.8rem" }}>About<select value={topic} onChange={(event) => choose(event.target.value)}><option value="">everything</option>{TOPICS.map((one) => <option key={one}>{one}</option>)}</select></label>
      <Found query={events}>{({ items }) => <EventTable events={items} />}</Found>
    </>
  );
}

export function EventTable({ events }: { events: Schema["EventView"][] }) {
  if (!events.length) return <p className="muted">Nothing yet.</p>;
  return (
    <Table label="Events" head={["Event", "Dataset", "Round", "Block", "When", "Transaction"]}>
      {events.map((event) => (
        <tr key={event.id}>
          <td>{event.name} <span className="muted small">{event.contract}</span></td>
          <td className="num">{event.dataset === null ? "" : <Link href={`/datasets/${event.dataset}`}>{event.dataset}</Link>}</td>
          <td className="num">{event.round === null ? "" : <Link href={`/rounds/${event.round}`}>{event.round}</Link>}</td>
          <td className="num">{event.block}</td>
          <td className="num">{event.timestamp ? day(event.timestamp) : "–"}</td>
          <td className="num"><Tx hash={event.tx_hash} /></td>
        </tr>
      ))}
    </Table>
  );
}

function Rounds() {
  const rounds = usePolled(["rounds"], () => must(api.GET("/v1/rounds", { params: { query: { limit: 50 } } })), () => true, 4000);
  return (
    <Found query={rounds}>
      {({ items }) => (
        <Table label="Rounds" head={["Round", "Dataset", "Phase", "Labels", "Next", "When"]}>
          {items.map((round) => (
            <tr key={round.round}>
              <td><Link href={`/rounds/${round.round}`}>Round {round.round}</Link></td>
              <td className="num"><Link href={`/datasets/${round.dataset}`}>{round.dataset}</Link></td>
              <td className="num">{round.settlement_phase ?? round.audit_phase ?? round.phase}</td>
              <td className="num">{round.labels} / {round.label_budget}</td>
              <td className="num">{round.next ? `${round.next.step} (${round.next.by})` : "–"}</td>
              <td className="num">{round.next?.at ? until(round.next.at) : "–"}</td>
            </tr>
          ))}
        </Table>
      )}
    </Found>
  );
}
