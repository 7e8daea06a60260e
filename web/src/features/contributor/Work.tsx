/** A contributor's own page: labels, pay, shares, revenue; claim and withdraw. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, must, type Schema } from "../../lib/api";
import { send } from "../../lib/chain";
import { useDeployment } from "../../lib/config";
import { day, lbl, parseLbl, percent, plural, toNumber } from "../../lib/format";
import { Link } from "../../lib/router";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Facts, Found, Note, Problem, Table, Title, Tx, usePolled } from "../../ui";
import { Plot } from "../../ui/Plot";
import { Own, type Headers } from "../../lib/own";
import { className, classesOf, TaskView } from "../../tasks";

export default function WorkPage() {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>My work</Title>
      <h1>My work</h1>
      {wallet ? <Mine key={wallet.address} wallet={wallet} /> : (
        <div className="card">
          <p>Your labels, pay and shares are under the address of your wallet.</p>
          <button className="button primary" onClick={connect}>Connect a wallet</button>
        </div>
      )}
    </>
  );
}

function Mine({ wallet }: { wallet: Wallet }) {
  const address = wallet.address;
  const account = usePolled(["account", address], () => must(api.GET("/v1/accounts/{address}", { params: { path: { address } } })), () => true, 4000);
  const profile = usePolled(["profile", address], () => must(api.GET("/v1/accounts/{address}/profile", { params: { path: { address } } })), () => true, 4000);
  return (
    <>
      <section className="card">
        <Found query={profile}>
          {(who) => (
            <Facts items={[
              ["Ledger account", <>{account.data ? lbl(account.data.balance) : "…"} <small>LBL</small></>],
              ["Pay so far", <>{lbl(who.reward)} <small>LBL</small></>],
              ["Revenue of shares", <>{lbl(who.revenue)} <small>LBL</small></>],
              ["Labels", who.labels.toLocaleString("en")],
              ["Slashed", <>{lbl(who.slash)} <small>LBL</small></>],
            ]} />
          )}
        </Found>
        <Withdraw wallet={wallet} balance={account.data?.balance ?? "0"} />
      </section>
      <Own wallet={wallet} byKey why="Your labels beside the panel's verdicts are shown to you only.">
        {(headers) => (
          <>
            <ByDataset wallet={wallet} headers={headers} />
            <Revenue address={address} headers={headers} />
            <Audited address={address} headers={headers} />
            <Sent address={address} headers={headers} />
          </>
        )}
      </Own>
    </>
  );
}

function Withdraw({ wallet, balance }: { wallet: Wallet; balance: string }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [text, write] = useState("");
  const amount = text ? parseLbl(text) : BigInt(balance);
  const withdraw = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "Ledger", "withdraw", [wallet.address, amount]),
    onSuccess: () => { write(""); void queries.invalidateQueries({ queryKey: ["account", wallet.address] }); },
  });
  const bad = amount === null || amount <= 0n || amount > BigInt(balance);
  return (
    <details style={{ marginTop: "1rem" }}>
      <summary>Withdraw to your wallet</summary>
      <form className="row" style={{ marginTop: "0.7rem" }} onSubmit={(event) => { event.preventDefault(); withdraw.mutate(); }}>
        <label className="field">Amount, LBL<input inputMode="decimal" value={text} placeholder={lbl(balance)} onChange={(event) => write(event.target.value)} /></label>
        <button className="button primary" disabled={bad || withdraw.isPending || !wallet.rightChain} style={{ alignSelf: "end" }}>{withdraw.isPending ? "Withdrawing …" : "Withdraw"}</button>
      </form>
      {text && bad && <p className="small muted" role="alert">Write an amount up to {lbl(balance)}, with a point: 12.5</p>}
      <Problem error={withdraw.error} />
      {withdraw.data && <Note kind="good" role="status">It is in your wallet: <Tx hash={withdraw.data} /></Note>}
    </details>
  );
}

type Asking = { address: string; headers: Headers };

function ByDataset({ wallet, headers }: { wallet: Wallet; headers: Headers }) {
  const work = usePolled(["me", "work", wallet.address], () => must(api.GET("/v1/me/work", { headers })), () => true, 5000);
  return (
    <section className="card">
      <h2>By dataset</h2>
      <Found query={work}>
        {({ items }) => items.length ? (
          <Table label="Work by dataset" head={["Dataset", "Labels", "Waiting", "κ", "Pay, LBL", "Part", "Revenue, LBL", ""]}>
            {items.map((one) => <WorkRow key={one.dataset} wallet={wallet} work={one} />)}
          </Table>
        ) : <p className="muted">No label of yours is on chain yet. <Link href="/label">See what is open</Link></p>}
      </Found>
      <p className="small muted" style={{ margin: 0 }}>κ says how much your answers agree with the panel and others beyond chance: 1 always, 0 as a coin would. Pay follows it. Waiting labels have no verdict yet. Part is your share of every later sale.</p>
    </section>
  );
}

function WorkRow({ wallet, work }: { wallet: Wallet; work: Schema["WorkView"] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const claim = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "DatasetShares", "claim", [BigInt(work.dataset), wallet.address]),
    onSuccess: () => queries.invalidateQueries(),
  });
  const release = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "Settlement", "releaseBonds", [BigInt(work.dataset), [wallet.address]]),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <tr>
      <td>
        <Link href={`/datasets/${work.dataset}`}>{work.name ?? `Dataset ${work.dataset}`}</Link>
        {work.kappa_means && <div className="small muted">{work.kappa_means}</div>}
      </td>
      <td className="num">{work.labels}</td>
      <td className="num">{work.pending}</td>
      <td className="num">{work.kappa?.toFixed(2) ?? "–"}</td>
      <td className="num">{lbl(work.reward)}{BigInt(work.slash) > 0n ? ` − ${lbl(work.slash)}` : ""}</td>
      <td className="num">{percent(work.part)}</td>
      <td className="num">{lbl(work.revenue)}</td>
      <td className="num">
        {BigInt(work.claimable ?? "0") > 0n && <button className="button small" onClick={() => claim.mutate()} disabled={claim.isPending || !wallet.rightChain}>{claim.isPending ? "Claiming …" : `Claim ${lbl(work.claimable ?? "0")}`}</button>}
        {BigInt(work.releasable) > 0n && <button className="button small" onClick={() => release.mutate()} disabled={release.isPending || !wallet.rightChain}>Bonds back: {lbl(work.releasable)}</button>}
        <Problem error={claim.error ?? release.error} />
        {claim.data && <span className="small" role="status">claimed</span>}
      </td>
    </tr>
  );
}

function Revenue({ address, headers }: Asking) {
  const paid = useQuery({ queryKey: ["me", "revenue", address], queryFn: () => must(api.GET("/v1/me/revenue", { headers })), refetchInterval: 5000 });
  const items = paid.data?.items ?? [];
  if (!items.length) return null;
  const datasets = [...new Set(items.map((one) => one.dataset))];
  return (
    <section className="card">
      <h2>Money over time</h2>
      {datasets.map((dataset) => {
        const own = items.filter((one) => one.dataset === dataset);
        const points = own.map((one, i) => ({ name: one.timestamp ? day(one.timestamp) : String(one.block), value: own.slice(0, i + 1).reduce((sum, each) => sum + toNumber(each.amount), 0) }));
        return <div key={dataset}><h3>Dataset {dataset}</h3><Plot kind="line" points={points} unit="LBL" label={`Pay and revenue of dataset ${dataset} over time, summed up`} /></div>;
      })}
      <Table label="Payments" head={["What", "Dataset", "When", "LBL", "Transaction"]}>
        {[...items].reverse().map((one, i) => (
          <tr key={i}>
            <td>{one.kind}</td>
            <td className="num"><Link href={`/datasets/${one.dataset}`}>{one.dataset}</Link></td>
            <td className="num">{one.timestamp ? day(one.timestamp) : one.block}</td>
            <td className="num">{lbl(one.amount)}</td>
            <td className="num"><Tx hash={one.tx_hash} /></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Audited({ address, headers }: Asking) {
  const audited = usePolled(["me", "audited", address], () => must(api.GET("/v1/me/audited", { headers, params: { query: { limit: 24 } } })));
  const items = audited.data?.items ?? [];
  if (!items.length) return null;
  return (
    <section className="card">
      <h2>Audited tasks</h2>
      <p className="muted small">Your answer beside the verdict of the panel, which labeled these tasks without seeing it.</p>
      <div className="thumbs">{items.map((row) => <AuditedTask key={`${row.round}-${row.index}`} row={row} />)}</div>
    </section>
  );
}

function AuditedTask({ row }: { row: Schema["AuditedRow"] }) {
  const dataset = useQuery({ queryKey: ["dataset", row.dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset: row.dataset } } })), staleTime: 60_000 });
  const classes = dataset.data ? classesOf(dataset.data) : [];
  return (
    <div className="thumb">
      <TaskView content={row.content} />
      <div>You: <strong>{className(classes, row.answer)}</strong> · panel: <strong>{className(classes, row.verdict)}</strong> <span className={`tag ${row.right ? "good" : row.right === null ? "" : "bad"}`}>{row.right ? "agrees" : row.right === null ? "tied" : "differs"}</span></div>
    </div>
  );
}

function Sent({ address, headers }: Asking) {
  const sent = usePolled(["me", "submissions", address], () => must(api.GET("/v1/me/submissions", { headers, params: { query: { limit: 20 } } })), () => true, 4000);
  const items = sent.data?.items ?? [];
  if (!items.length) return null;
  return (
    <section className="card">
      <h2>Submissions</h2>
      <Table label="Submissions" head={["When", "Labels", "Round", "Stage", "LBL", ""]}>
        {items.map((one) => (
          <tr key={one.digest}>
            <td>{day(one.received_at)}</td>
            <td className="num">{plural(one.labels, "label")}</td>
            <td className="num"><Link href={`/rounds/${one.round}`}>{one.round}</Link></td>
            <td className="num">{one.stage.replace("_", " ")}</td>
            <td className="num">{one.reward === null ? `up to ${lbl(one.most)}` : lbl(one.reward)}</td>
            <td className="num"><Link href={`/receipts/${one.digest}`}>Receipt</Link></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
