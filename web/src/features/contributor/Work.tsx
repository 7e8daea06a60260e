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
import { sentFrom } from "./work";

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
      <ByDataset wallet={wallet} />
      <Revenue address={address} />
      <Sent wallet={wallet} />
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

const eventsOf = (account: string, topic: "submission" | "revenue") =>
  must(api.GET("/v1/explorer/events", { params: { query: { account, topic, limit: 100 } } }));

/** Datasets that the account contributed to, by its submissions on chain. */
async function workOf(address: string) {
  const events = await eventsOf(address, "submission");
  const datasets = [...new Set(events.items.flatMap((event) => (event.dataset === null ? [] : [event.dataset])))];
  return Promise.all(
    datasets.map(async (dataset) => ({
      dataset: await must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset } } })),
      mine: await must(api.GET("/v1/datasets/{dataset}/contributors/{address}", { params: { path: { dataset, address } } })),
    })),
  );
}

function ByDataset({ wallet }: { wallet: Wallet }) {
  const work = usePolled(["work-of", wallet.address], () => workOf(wallet.address), () => true, 5000);
  return (
    <section className="card">
      <h2>By dataset</h2>
      <Found query={work}>
        {(rows) => rows.length ? (
          <Table label="Work by dataset" head={["Dataset", "Labels", "Waiting", "Pay, LBL", "Shares", "Part", "Revenue, LBL", ""]}>
            {rows.map(({ dataset, mine }) => <WorkRow key={dataset.dataset} wallet={wallet} dataset={dataset} mine={mine} />)}
          </Table>
        ) : <p className="muted">No label of yours is on chain yet. <Link href="/label">See what is open</Link></p>}
      </Found>
      <p className="small muted">Waiting labels have no verdict yet: their round is not settled, or too little is known of their contributor. A share is a claim on every later sale of the dataset.</p>
    </section>
  );
}

function WorkRow({ wallet, dataset, mine }: { wallet: Wallet; dataset: Schema["DatasetView"]; mine: Schema["ContributorView"] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const claim = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "DatasetShares", "claim", [dataset.dataset, wallet.address]),
    onSuccess: () => queries.invalidateQueries(),
  });
  const earns = BigInt(dataset.revenue) > 0n && BigInt(mine.shares) > 0n;
  return (
    <tr>
      <td><Link href={`/datasets/${dataset.dataset}`}>{dataset.name ?? `Dataset ${dataset.dataset}`}</Link></td>
      <td className="num">{mine.labels}</td>
      <td className="num">{mine.pending}</td>
      <td className="num">{lbl(mine.reward)}{BigInt(mine.slash) > 0n ? ` − ${lbl(mine.slash)}` : ""}</td>
      <td className="num">{(Number(mine.shares) / 65_536).toFixed(1)}</td>
      <td className="num">{percent(mine.part)}</td>
      <td className="num">{lbl(mine.revenue)}</td>
      <td className="num">
        {earns && <button className="button small" onClick={() => claim.mutate()} disabled={claim.isPending || !wallet.rightChain}>{claim.isPending ? "Claiming …" : "Claim"}</button>}
        <Problem error={claim.error} />
        {claim.data && <span className="small" role="status">claimed</span>}
      </td>
    </tr>
  );
}

function Revenue({ address }: { address: string }) {
  const paid = useQuery({ queryKey: ["revenue", address], queryFn: () => eventsOf(address, "revenue"), refetchInterval: 5000 });
  const rows = (paid.data?.items ?? []).filter((event) => event.name === "RevenuePaid").reverse();
  const sums = rows.reduce<{ name: string; value: number }[]>((sofar, event) => {
    const before = sofar.at(-1)?.value ?? 0;
    const name = event.timestamp ? day(event.timestamp) : String(event.block);
    return [...sofar, { name, value: before + toNumber(String(event.fields.amount ?? "0")) }];
  }, []);
  if (!rows.length) return null;
  return (
    <section className="card">
      <h2>Revenue over time</h2>
      <Plot kind="line" points={sums} unit="LBL" label="Revenue of your shares over time, summed up" />
      <Table label="Revenue payments" head={["Dataset", "When", "LBL", "Transaction"]}>
        {[...rows].reverse().map((event) => (
          <tr key={event.id}>
            <td><Link href={`/datasets/${event.dataset}`}>Dataset {event.dataset}</Link></td>
            <td className="num">{event.timestamp ? day(event.timestamp) : event.block}</td>
            <td className="num">{lbl(String(event.fields.amount ?? "0"))}</td>
            <td className="num"><Tx hash={event.tx_hash} /></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Sent({ wallet }: { wallet: Wallet }) {
  const config = useDeployment();
  const sent = sentFrom(config, wallet.address);
  if (!sent.length) return null;
  return (
    <section className="card">
      <h2>Sent from this browser</h2>
      <Table label="Submissions" head={["When", "Labels", "Round", ""]}>
        {sent.map((one) => (
          <tr key={one.digest}>
            <td>{day(one.at)}</td>
            <td className="num">{plural(one.count, "label")}</td>
            <td className="num"><Link href={`/rounds/${one.round}`}>{one.round}</Link></td>
            <td className="num"><Link href={`/receipts/${one.digest}`}>Receipt</Link></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
