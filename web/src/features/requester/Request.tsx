/** A requester's datasets: spend, progress, agreement, a look at the consensus. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { pad, type Address } from "viem";
import { api, must, type Schema } from "../../lib/api";
import { read, send } from "../../lib/chain";
import { useDeployment } from "../../lib/config";
import { agreement, lbl, percent, plural } from "../../lib/format";
import { NeedsWallet, Own } from "../../lib/own";
import { Link } from "../../lib/router";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { className, TaskView } from "../../tasks";
import { Removals } from "./Removals";
import { Bars, Dialog, Facts, Found, Meter, Note, Problem, Title, Tx, usePolled } from "../../ui";

export default function Request() {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>Request</Title>
      <div className="row apart">
        <h1>Your datasets</h1>
        <Link className="button primary" href="/request/new">New dataset</Link>
      </div>
      {wallet ? (
        <Own key={wallet.address} wallet={wallet} why="Spend and progress are shown to you only.">{(headers) => <Mine wallet={wallet} headers={headers} />}</Own>
      ) : <NeedsWallet connect={connect}><p>Your datasets are under the address of your wallet. <Link href="/request/new">The form and the cost</Link> need none.</p></NeedsWallet>}
      <section className="card">
        <h2>When things go wrong</h2>
        <p><strong>You lose this browser.</strong> Nothing is lost: datasets belong to your wallet; sign in with it anywhere.</p>
        <p><strong>You walk away.</strong> Rounds end at their deadline, the audit and the pay go on without you, and what was not spent stays in the escrow for you.</p>
        <p style={{ margin: 0 }}><strong>Somebody asks for a task's content to be deleted.</strong> You or the operator decide. Erased content is gone from here; its hash and the labels stay, because they are on chain and were paid for.</p>
      </section>
    </>
  );
}

function Mine({ wallet, headers }: { wallet: Wallet; headers: Record<string, string> }) {
  const mine = usePolled(["my-datasets", wallet.address], () => must(api.GET("/v1/me/datasets", { headers })), () => true, 4000);
  return <Found query={mine}>{({ items }) => (items.length ? <>{items.map((one) => <One key={one.dataset} wallet={wallet} data={one} />)}</> : <Note>None yet. <Link href="/request/new">Make the first</Link></Note>)}</Found>;
}

function One({ wallet, data }: { wallet: Wallet; data: Schema["RequesterDataset"] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const { dataset } = data;
  const [preview, show] = useState(false);
  const progress = usePolled(["progress", dataset], () => must(api.GET("/v1/datasets/{dataset}/progress", { params: { path: { dataset } } })), () => data.state === "labeling", 3000);
  const open = progress.data?.rounds.at(-1);
  const free = useMutation({
    mutationFn: async () => send(wallet.wagmi, config, "DatasetRegistry", "withdrawFree", [BigInt(dataset), pad(wallet.address as Address, { size: 32 }), await read<bigint>(wallet.wagmi, config, "DatasetRegistry", "freeOf", [BigInt(dataset)])]),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["my-datasets", wallet.address] }),
  });
  return (
    <section className="card stack">
      <div className="row apart">
        <h2 style={{ margin: 0 }}><Link href={`/datasets/${dataset}`}>{data.name ?? `Dataset ${dataset}`}</Link></h2>
        <span className="tag live">{data.state}</span>
      </div>
      <Meter part={data.label_budget ? data.labels / data.label_budget : 0} label={`${data.labels} of ${data.label_budget} labels`} />
      <Facts items={[
        ["Labels", <>{data.labels} <small>of {data.label_budget}</small></>], ["Agreement α", <>{(data.alpha ?? open?.alpha)?.toFixed(2) ?? "–"} <small>{agreement(data.alpha ?? open?.alpha)}</small></>],
        ["Paid for labels", <>{lbl(data.paid)} <small>LBL</small></>], ["Paid for audits", <>{lbl(data.audits)} <small>LBL</small></>],
        ["In escrow", <>{lbl(data.escrow)} <small>LBL, {lbl(data.free)} free</small></>], ["Sold", <>{plural(data.sales, "license")} <small>{lbl(data.revenue)} LBL</small></>],
      ]} />
      {open && open.labels > 0 && <Bars label="Labels by class so far" items={open.class_labels.map((value, i) => ({ name: `Class ${i}`, value, shown: String(value) }))} />}
      {open && open.labels_spared > 0 && <p className="small muted" style={{ margin: 0 }}>{plural(open.labels_spared, "label")} spared on tasks that are sure already: {lbl(open.saved)} LBL.</p>}
      <div className="row">
        <button className="button" onClick={() => show(true)}>Preview the consensus</button>
        <Link className="button" href={`/datasets/${dataset}`}>Export</Link>
        {BigInt(data.free) > 0n && data.state !== "labeling" && <button className="button quiet" onClick={() => free.mutate()} disabled={free.isPending || !wallet.rightChain}>Take {lbl(data.free)} LBL back</button>}
      </div>
      <Problem error={free.error} />
      {free.data && <Note kind="good" role="status">It is in your Ledger account: <Tx hash={free.data} />. <Link href="/work">My work</Link> takes it to your wallet.</Note>}
      <Removals wallet={wallet} dataset={dataset} />
      {preview && <Dialog title="Consensus" close={() => show(false)} wide><Preview dataset={dataset} /></Dialog>}
    </section>
  );
}

function Preview({ dataset }: { dataset: number }) {
  const rows = useQuery({ queryKey: ["consensus", dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}/consensus", { params: { path: { dataset }, query: { limit: 30 } } })) });
  const view = useQuery({ queryKey: ["dataset", dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset } } })) });
  return (
    <Found query={rows}>
      {({ items }) => items.length ? (
        <div className="thumbs">
          {items.map((row) => (
            <div className="thumb" key={`${row.round}-${row.index}`}>
              <TaskView content={row.content} />
              <div><strong>{className(view.data?.metadata?.classes ?? [], row.consensus)}</strong> <span className="muted">{percent(row.confidence, 0)} sure</span></div>
            </div>
          ))}
        </div>
      ) : <p className="muted">There is a consensus when the first round is settled.</p>}
    </Found>
  );
}
