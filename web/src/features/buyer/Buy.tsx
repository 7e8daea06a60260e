/** A license in one prompt (EIP-5792; else an EIP-2612 permit inside the purchase), the download, and how to check it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { parseSignature, type Hex } from "viem";
import { api, ApiError, must, type Schema } from "../../lib/api";
import { read, send, sendTogether, type Call } from "../../lib/chain";
import { addressOf, useDeployment, type Config } from "../../lib/config";
import { day, lbl } from "../../lib/format";
import { permit } from "../../lib/permit";
import { accessHeaders } from "../../lib/session";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Copy, Note, Problem, Tx, usePolled } from "../../ui";

export function Buy({ data }: { data: Schema["DatasetView"] }) {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <div className="card stack">
      <h2 style={{ margin: 0 }}>License</h2>
      <span><strong style={{ fontSize: "1.4rem" }}>{lbl(data.price)} LBL</strong> <span className="muted">for {Math.round(Number(data.terms.license_term ?? 0) / 86_400)} days</span></span>
      {BigInt(data.shares) === 0n ? <Note>Nothing is settled yet, so there is nothing to sell.</Note> : wallet ? <Licensed wallet={wallet} data={data} /> : <button className="button primary" onClick={connect}>Connect a wallet to buy</button>}
      <p className="small muted" style={{ margin: 0 }}>The price goes to those who made the dataset, by their shares, at once.</p>
    </div>
  );
}

async function licenseOf(dataset: number, address: string) {
  const sales = await must(api.GET("/v1/datasets/{dataset}/sales", { params: { path: { dataset }, query: { limit: 100 } } }));
  return sales.items.filter((sale) => sale.licensee === address).sort((a, b) => b.expiry - a.expiry)[0] ?? null;
}

function Licensed({ wallet, data }: { wallet: Wallet; data: Schema["DatasetView"] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const license = usePolled(["license", data.dataset, wallet.address], () => licenseOf(data.dataset, wallet.address), () => true, 2500);
  const buy = useMutation({
    mutationFn: () => purchase(config, wallet, data),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["license", data.dataset] }),
  });
  const live = license.data && license.data.expiry * 1000 > Date.now() ? license.data : null;
  if (live) return <Download wallet={wallet} data={data} sale={live} />;
  return (
    <>
      <button className="button primary" onClick={() => buy.mutate()} disabled={buy.isPending || !wallet.rightChain}>{buy.isPending ? "Waiting for your wallet …" : "Buy a license"}</button>
      {config.faucet && <WalletFaucet wallet={wallet} price={BigInt(data.price)} />}
      <Problem error={buy.error} />
      {buy.data && <Note kind="good" role="status">Bought in <Tx hash={buy.data} />. The download opens as soon as its block is final.</Note>}
    </>
  );
}

async function purchase(config: Config, wallet: Wallet, data: Schema["DatasetView"]): Promise<Hex> {
  const price = await read<bigint>(wallet.wagmi, config, "DatasetMarket", "priceOf", [BigInt(data.dataset)]);
  const held = await read<bigint>(wallet.wagmi, config, "LabelToken", "balanceOf", [wallet.address]);
  if (held < price) throw new Error(`Your wallet holds ${lbl(held)} LBL; the license costs ${lbl(price)}.`);
  const purchase: Call[] = [["LabelToken", "approve", [addressOf(config, "DatasetMarket"), price]], ["DatasetMarket", "buy", [BigInt(data.dataset), wallet.address, price]]];
  const hash = await sendTogether(wallet.wagmi, config, purchase);
  if (hash) return hash;
  const { deadline, signature } = await permit(config, wallet, addressOf(config, "DatasetMarket"), price);
  const { v, yParity, r, s } = parseSignature(signature);
  return send(wallet.wagmi, config, "DatasetMarket", "buyWithPermit", [BigInt(data.dataset), wallet.address, price, deadline, Number(v ?? BigInt(yParity + 27)), r, s]);
}

/** Development chains: LBL into the wallet itself, once an address. */
function WalletFaucet({ wallet, price }: { wallet: Wallet; price: bigint }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const held = usePolled(["wallet-lbl", wallet.address], () => read<bigint>(wallet.wagmi, config, "LabelToken", "balanceOf", [wallet.address]));
  const ask = useMutation({
    mutationFn: async () => {
      await must(api.POST("/v1/faucet", { body: { address: wallet.address, to_wallet: true, gas: true } }));
      for (let tries = 0; tries < 40; tries++) {
        if ((await read<bigint>(wallet.wagmi, config, "LabelToken", "balanceOf", [wallet.address])) >= price) return;
        await new Promise((wake) => setTimeout(wake, 500));
      }
      throw new Error("The faucet gave nothing: it serves an address once. Label for pay, then withdraw.");
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["wallet-lbl", wallet.address] }),
  });
  if (held.data === undefined) return null;
  if (held.data >= price) return <p className="small muted" style={{ margin: 0 }}>Your wallet holds {lbl(held.data)} LBL.</p>;
  return (
    <>
      <button className="button" onClick={() => ask.mutate()} disabled={ask.isPending}>Get play money (your wallet holds {lbl(held.data)} LBL)</button>
      <Problem error={ask.error} />
    </>
  );
}

function Download({ wallet, data, sale }: { wallet: Wallet; data: Schema["DatasetView"]; sale: Schema["SaleView"] }) {
  const config = useDeployment();
  const [chosen, choose] = useState("labelshare");
  const exports = usePolled(["exports", data.dataset], () => must(api.GET("/v1/datasets/{dataset}/exports", { params: { path: { dataset: data.dataset } } })));
  const format = exports.data?.items.find((one) => one.format === chosen);
  const download = useMutation({
    mutationFn: async () => {
      const headers = await accessHeaders(config, wallet.address, "download", data.dataset, wallet.sign);
      const response = await fetch(`/v1/datasets/${data.dataset}/download?format=${chosen}`, { headers });
      if (!response.ok) {
        const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
        throw new ApiError(response.status, problem.code ?? "unknown", problem.detail ?? "The download was refused.");
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = format!.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
  });
  return (
    <>
      <Note kind="good">You hold a license until {day(sale.expiry)}: <Tx hash={sale.tx_hash} /></Note>
      <label className="field">Format<select value={chosen} onChange={(event) => choose(event.target.value)}>{exports.data?.items.map((one) => <option key={one.format} value={one.format}>{one.title}</option>)}</select></label>
      <button className="button primary" onClick={() => download.mutate()} disabled={download.isPending || !format}>{download.isPending ? "Asking your wallet …" : "Download"}</button>
      <Problem error={download.error} />
      {format && <Line text={format.load} name="Load it" />}
      {format?.verify && <Line text={format.verify.replace("URL", config.rpc_url ?? "URL")} name="Check every label against the chain" />}
    </>
  );
}

const Line = ({ text, name }: { text: string; name: string }) => (
  <div>
    <div className="row apart"><span className="small">{name}</span><Copy text={text} label={`Copy: ${name.toLowerCase()}`} /></div>
    <pre tabIndex={0}>{text}</pre>
  </div>
);
