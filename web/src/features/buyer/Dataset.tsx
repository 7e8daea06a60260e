/** A dataset: what is in it, how good it is, whose it is, where it comes from; a license in one prompt. */
import { useQuery } from "@tanstack/react-query";
import { api, must, type Schema } from "../../lib/api";
import { agreement, day, lbl, percent, plural, short, toNumber } from "../../lib/format";
import { Link } from "../../lib/router";
import { useWallet } from "../../lib/wallet";
import { className, classesOf, KIND_NAMES, TaskView } from "../../tasks";
import { Bars, Facts, Found, Note, Table, Tabs, Title, Tx, usePolled, Who } from "../../ui";
import { Plot } from "../../ui/Plot";
import { Buy } from "./Buy";
import { State } from "./DatasetCard";

export default function DatasetPage({ id }: { id: string }) {
  const dataset = Number(id);
  const view = usePolled(["dataset", dataset], () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset } } })), () => true, 5000);
  return (
    <Found query={view}>
      {(data) => (
        <>
          <Title>{data.name ?? `Dataset ${data.dataset}`}</Title>
          <div className="row apart">
            <h1>{data.name ?? `Dataset ${data.dataset}`}</h1>
            <State state={data.state} />
          </div>
          {data.metadata ? <p className="muted">{data.metadata.description}</p> : <Note>This operator does not hold the dataset's metadata; classes are shown by number.</Note>}
          <div className="two">
            <div>
              <div className="card">
                <Facts items={[
                  ["Tasks", data.tasks.toLocaleString("en")], ["Labels", data.labels.toLocaleString("en")], ["Contributors", data.contributors.toLocaleString("en")],
                  ["Agreement α", <>{data.alpha === null ? "–" : data.alpha.toFixed(2)} <small>{agreement(data.alpha)}</small></>],
                  ["Owners", data.holders.toLocaleString("en")], ["Earned", <>{lbl(data.revenue)} <small>LBL</small></>],
                ]} />
              </div>
              <div className="card">
                <Tabs names={["Sample", "Quality", "Owners", "Sales", "Provenance"]}>
                  {(tab) => tab === "Sample" ? <Sample data={data} /> : tab === "Quality" ? <Quality dataset={dataset} /> : tab === "Owners" ? <Owners dataset={dataset} /> : tab === "Sales" ? <Sales dataset={dataset} /> : <Provenance dataset={dataset} />}
                </Tabs>
              </div>
            </div>
            <aside>
              {data.open_round !== null && (
                <div className="card stack">
                  <h2 style={{ margin: 0 }}>Label it</h2>
                  <span>{lbl(data.reward)} LBL a label, and shares</span>
                  <Link className="button primary" href={`/label/${data.open_round}`}>Label</Link>
                  {!!data.metadata?.practice?.length && <Link className="button" href={`/datasets/${id}/practice`}>Practice first</Link>}
                </div>
              )}
              <Buy data={data} />
              <div className="card small">
                <h3>Terms</h3>
                <p>{KIND_NAMES[data.task_type ?? ""] ?? "Unknown kind"} · {classesOf(data).map((one) => one.name).slice(0, 12).join(", ")}</p>
                <p>License: {data.metadata?.license || "as the requester states"}. Requested by <Who address={data.requester} />; run by <Who address={data.operator} />. Rounds: {data.rounds.map((round) => <span key={round}><Link href={`/rounds/${round}`}>{round}</Link> </span>)}</p>
                <p>Are you in it, or is it yours? <Link href={`/datasets/${id}/removal`}>Ask for content to be deleted</Link></p>
                <p style={{ margin: 0 }}>Created in <Tx hash={data.created_tx} />{data.created_at ? `, ${day(data.created_at)}` : ""}</p>
              </div>
            </aside>
          </div>
        </>
      )}
    </Found>
  );
}

function Sample({ data }: { data: Schema["DatasetView"] }) {
  const { dataset } = data;
  const sample = usePolled(["sample", dataset], () => must(api.GET("/v1/datasets/{dataset}/sample", { params: { path: { dataset }, query: { limit: 24 } } })));
  const classes = classesOf(data);
  return (
    <Found query={sample}>
      {({ items }) => items.length ? (
        <>
          <p className="muted small">Audited tasks: a panel drawn by lot labeled them blind. They are public.</p>
          <div className="thumbs">
            {items.map((row) => (
              <div className="thumb" key={`${row.round}-${row.index}`}>
                <TaskView content={row.content} />
                <div><strong>{className(classes, row.verdict)}</strong> <Link className="small muted" style={{ float: "right" }} href={`/datasets/${dataset}/removal?content=${row.content_hash}`}>Ask for deletion</Link> {row.consensus !== null && <span className={`tag ${row.consensus === row.verdict ? "good" : "warn"}`}>{row.consensus === row.verdict ? "labelers agree" : `labelers: ${className(classes, row.consensus)}`}</span>}</div>
              </div>
            ))}
          </div>
        </>
      ) : <p className="muted">No task has been audited yet. The sample becomes public when the first panel opens its answers.</p>}
    </Found>
  );
}

function Quality({ dataset }: { dataset: number }) {
  const quality = usePolled(["quality", dataset], () => must(api.GET("/v1/datasets/{dataset}/quality", { params: { path: { dataset } } })));
  return (
    <Found query={quality}>
      {({ rounds, classes, weak }) => rounds.length ? (
        <>
          {weak && <Note>Fewer than 200 tasks: these figures say little yet.</Note>}
          {rounds.map((round) => (
            <section key={round.round}>
              <h3>Round {round.round}</h3>
              <Facts items={[
                ["Krippendorff's α", <>{round.alpha?.toFixed(3) ?? "–"} <small>{agreement(round.alpha)}</small></>],
                ["Right on the audited", <>{round.audited ? percent(round.right / round.audited) : "–"} <small>{round.right} of {round.audited}</small></>],
                ["Mean confidence", round.mean_confidence === null ? "–" : percent(round.mean_confidence)],
              ]} />
              <h3 style={{ marginTop: "1rem" }}>Class balance</h3>
              <Bars label="Class balance" items={(round.class_tasks.length ? round.class_tasks : round.class_labels).map((value, i) => ({ name: classes[i] ?? `Class ${i}`, value, shown: value.toLocaleString("en") }))} />
            </section>
          ))}
        </>
      ) : <p className="muted">No round is settled yet.</p>}
    </Found>
  );
}

function Owners({ dataset }: { dataset: number }) {
  const me = useWallet()?.address;
  const owners = usePolled(["owners", dataset], () => must(api.GET("/v1/datasets/{dataset}/owners", { params: { path: { dataset }, query: { limit: 100 } } })));
  return (
    <Found query={owners}>
      {({ items }) => items.length ? (
        <>
          <Plot kind="bars" unit="%" label="Part of the dataset held by its largest owners" points={items.slice(0, 16).map((one) => ({ name: short(one.holder), value: Math.round(one.part * 1000) / 10 }))} />
          <Table label="Owners" head={["Owner", "Role", "Part", "Revenue, LBL"]}>
            {items.map((one) => <tr key={one.holder}><td><Who address={one.holder} me={me} /></td><td className="num">{one.role}</td><td className="num">{percent(one.part, 2)}</td><td className="num">{lbl(one.revenue)}</td></tr>)}
          </Table>
        </>
      ) : <p className="muted">Shares are made when the first round is settled.</p>}
    </Found>
  );
}

function Sales({ dataset }: { dataset: number }) {
  const sales = usePolled(["sales", dataset], () => must(api.GET("/v1/datasets/{dataset}/sales", { params: { path: { dataset }, query: { limit: 100 } } })), () => true, 4000);
  return (
    <Found query={sales}>
      {({ items }) => {
        const ordered = [...items].sort((a, b) => a.block - b.block);
        const points = ordered.map((sale, i) => ({ name: sale.timestamp ? day(sale.timestamp) : String(sale.block), value: ordered.slice(0, i + 1).reduce((sum, one) => sum + toNumber(one.price), 0) }));
        return items.length ? (
          <>
            <Plot kind="line" points={points} unit="LBL" label="Sales of licenses over time, summed up" />
            <Table label="Sales" head={["Licensee", "Price, LBL", "Fee, LBL", "Until", "Transaction"]}>
              {items.map((sale) => <tr key={sale.tx_hash + sale.licensee}><td><Who address={sale.licensee} /></td><td className="num">{lbl(sale.price)}</td><td className="num">{lbl(sale.fee)}</td><td className="num">{day(sale.expiry)}</td><td className="num"><Tx hash={sale.tx_hash} /></td></tr>)}
            </Table>
          </>
        ) : <p className="muted">No license has been sold yet.</p>;
      }}
    </Found>
  );
}

function Provenance({ dataset }: { dataset: number }) {
  const provenance = useQuery({ queryKey: ["provenance", dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}/provenance", { params: { path: { dataset } } })) });
  return (
    <Found query={provenance}>
      {(data) => (
        <>
          <p className="small">Rule <code>{data.rule}</code>, metadata <code>{data.metadata_hash.slice(0, 18)}…</code></p>
          {data.rounds.map((round) => (
            <section key={round.round}>
              <h3><Link href={`/rounds/${round.round}`}>Round {round.round}</Link></h3>
              <p className="small">{plural(round.task_count, "task")}, {plural(round.labels, "label")} by {plural(round.contributors, "contributor")}, panel of {round.panel.length}. Tasks root <code>{round.tasks_root.slice(0, 18)}…</code></p>
              <Table label={`Steps of round ${round.round}`} head={["Step", "When", "Block", "Transaction"]}>
                {round.steps.map((step, i) => <tr key={i}><td>{step.step}</td><td className="num">{step.timestamp ? day(step.timestamp) : "–"}</td><td className="num">{step.block}</td><td className="num"><Tx hash={step.tx_hash} /></td></tr>)}
              </Table>
            </section>
          ))}
        </>
      )}
    </Found>
  );
}
