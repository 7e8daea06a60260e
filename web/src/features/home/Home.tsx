/** Where everyone arrives: what this is, what can be labeled now, what has been made. */
import { api, must, type Schema } from "../../lib/api";
import { useDeployment } from "../../lib/config";
import { lbl, percent, plural } from "../../lib/format";
import { Link } from "../../lib/router";
import { DatasetCard } from "../buyer/DatasetCard";
import { Facts, Found, Title, usePolled } from "../../ui";

export function Home() {
  const { faucet } = useDeployment();
  const datasets = usePolled(["datasets", "home"], () => must(api.GET("/v1/datasets", { params: { query: { limit: 12 } } })), () => true, 5000);
  const network = usePolled(["network"], () => must(api.GET("/v1/network")), () => true, 5000);
  const open = datasets.data?.items.filter((one) => one.open_round !== null) ?? [];
  const first = open.find((one) => one.task_type !== null) ?? open[0];
  return (
    <>
      <Title>Labelshare</Title>
      <section className="hero">
        <div>
          <h1>Label data. Own a share of it.</h1>
          <p>Your labels are signed by you, audited blind, and paid by a rule that anyone can compute again. Every later sale of the dataset pays you, too.</p>
          <div className="row">
            {first ? <Link className="button primary" href={`/label/${first.open_round}`}>Start labeling</Link> : <Link className="button primary" href="/datasets">Look at the datasets</Link>}
            {first && <Link className="button" href={`/datasets/${first.dataset}/practice`}>Try three items, no wallet</Link>}
          </div>
          {faucet && <p className="small" style={{ marginTop: "0.9rem" }}>A development chain: a wallet is made for you in the page, and its money is worth nothing.</p>}
        </div>
        {first && <Featured dataset={first} />}
      </section>
      <section>
        <Found query={network}>
          {({ totals, ledger_even, lag }) => (
            <div className="card">
              <Facts items={[
                ["Labels on chain", totals.labels.toLocaleString("en")],
                ["Contributors", totals.contributors.toLocaleString("en")],
                ["Paid to them", <>{lbl(totals.rewards, 2)} <small>LBL</small></>],
                ["Earned by sales", <>{lbl(totals.revenue, 2)} <small>LBL</small></>],
                ["Ledger", ledger_even ? "adds up" : "does not add up"],
                ["Mirror", lag < 15 ? "live" : `${lag} s behind`],
              ]} />
            </div>
          )}
        </Found>
      </section>
      <section>
        <div className="row apart"><h2>Datasets</h2><Link href="/datasets">All of them</Link></div>
        <Found query={datasets}>
          {({ items }) => items.length ? <div className="grid">{items.slice(0, 6).map((one) => <DatasetCard key={one.dataset} dataset={one} plot />)}</div> : <p className="muted">No dataset exists yet. <Link href="/request">Make the first</Link></p>}
        </Found>
      </section>
      <section className="grid ways">
        <Way title="Label" href="/label">One signature, then only keys. See at once what each label earned, and why.</Way>
        <Way title="Request" href="/request">Drag in a file, see the cost, watch agreement grow. Pay only for labels that hold up.</Way>
        <Way title="Buy" href="/datasets">Look at the audited sample first. One prompt, then download and verify every label.</Way>
        <Way title="Validate" href="/validate">Stake, be drawn by lot, label a sample blind, and be paid for agreeing with the truth.</Way>
      </section>
    </>
  );
}

function Featured({ dataset }: { dataset: Schema["DatasetCard"] }) {
  const part = dataset.label_budget ? dataset.labels / dataset.label_budget : 0;
  return (
    <div className="card stack">
      <span><span className="tag live">open now</span></span>
      <h2 style={{ margin: 0 }}>{dataset.name ?? `Dataset ${dataset.dataset}`}</h2>
      <Facts items={[["Pay", <>{lbl(dataset.reward)} <small>LBL a label</small></>], ["Filled", percent(part, 0)], ["So far by", plural(dataset.contributors, "person", "people")]]} />
      <Link className="button" href={`/datasets/${dataset.dataset}`}>About this dataset</Link>
    </div>
  );
}

const Way = ({ title, href, children }: { title: string; href: string; children: string }) => (
  <Link href={href} className="card" style={{ textDecoration: "none", color: "inherit" }}>
    <h3>{title} →</h3>
    <span className="muted small">{children}</span>
  </Link>
);
