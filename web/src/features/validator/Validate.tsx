/** A validator's page: stake, what can be lost, duties, history. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { parseSignature, zeroHash, pad, type Address } from "viem";
import { useState } from "react";
import { api, must, type Schema } from "../../lib/api";
import { read, send, sendTogether, type Call } from "../../lib/chain";
import { addressOf, useDeployment, type Config } from "../../lib/config";
import { lbl, plural, until } from "../../lib/format";
import { NeedsWallet, Own } from "../../lib/own";
import { permit } from "../../lib/permit";
import { Link } from "../../lib/router";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Facts, Found, Note, Problem, Table, Title, usePolled } from "../../ui";

export default function Validate() {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>Validate</Title>
      <h1>Validate</h1>
      <p className="muted">Validators put up a stake, are drawn by lot, label a sample blind, and are paid for it. Their word is what pay is measured against.</p>
      {wallet ? (
        <Own key={wallet.address} wallet={wallet} why="Your seats, duties and history are shown to you only.">{(headers) => <Mine wallet={wallet} headers={headers} />}</Own>
      ) : (
        <NeedsWallet connect={connect}><p>Your stake and duties are under the address of your wallet.</p></NeedsWallet>
      )}
    </>
  );
}

const STEPS: Record<string, string> = { commit: "label the sample", reveal: "open your answers", attest: "attest open submissions", sign_evidence: "check and sign the evidence", wait: "nothing: others are at work" };
const JURY_STEPS: Record<string, string> = { commit: "compute the settlement, seal the verdict", reveal: "open your verdict", wait: "nothing: others are at work" };

function Mine({ wallet, headers }: { wallet: Wallet; headers: Record<string, string> }) {
  const mine = usePolled(["validator", wallet.address], () => must(api.GET("/v1/me/validator", { headers })), () => true, 3000);
  return (
    <Found query={mine}>
      {(data) => (
        <>
          <section className="card">
            <h2>Duties</h2>
            {data.duties.length ? (
              <Table label="Duties" head={["Round", "Kind", "What to do", "Time left", ""]}>
                {data.duties.map((duty) => (
                  <tr key={`${duty.kind}${duty.round}${duty.attempt}`}>
                    <td><Link href={`/rounds/${duty.round}`}>Round {duty.round}</Link></td>
                    <td className="num">{duty.kind === "jury" ? "jury" : "audit"}, {plural(duty.seats, "seat")}</td>
                    <td className="num">{(duty.kind === "jury" ? JURY_STEPS : STEPS)[duty.step]}</td>
                    <td className="num">{duty.due ? until(duty.due) : "–"}</td>
                    <td className="num"><Link className="button small" href={duty.kind === "audit" ? `/validate/${duty.round}` : `/validate/jury/${duty.round}`}>Open</Link></td>
                  </tr>
                ))}
              </Table>
            ) : <p className="muted" style={{ margin: 0 }}>None now. With seats you are drawn by lot when a round closes; this page shows it, with the time that is left.</p>}
          </section>
          <Stake wallet={wallet} data={data} />
          <section className="card">
            <h2>What can be lost, and why</h2>
            <ul>
              <li>Silence: who is drawn and does not seal and open answers loses at least five seat fees, or 1% of a seat, and is suspended for a while.</li>
              <li>Answers that agree with the panel and labelers no better than guessing earn nothing, and far worse ones cost up to five audit fees a vote.</li>
              <li>On a jury, a verdict that is not the rule's costs two seat fees.</li>
            </ul>
            <p className="muted" style={{ margin: 0 }}>Never more than the seats that were drawn. Stake that left is locked until its work is settled.</p>
          </section>
          <section className="card">
            <h2>History</h2>
            {data.history.length ? (
              <Table label="Past audits" head={["Round", "Kind", "Reward, LBL", "Slash, LBL", "Silence, LBL", "Why"]}>
                {data.history.map((one) => (
                  <tr key={`${one.kind}${one.round}`}>
                    <td><Link href={`/rounds/${one.round}`}>Round {one.round}</Link></td><td className="num">{one.kind}</td><td className="num">{lbl(one.reward)}</td>
                    <td className="num">{lbl(one.slash)}</td><td className="num">{lbl(one.silence)}</td><td className="num" style={{ whiteSpace: "normal" }}>{one.explanation ?? "–"}</td>
                  </tr>
                ))}
              </Table>
            ) : <p className="muted" style={{ margin: 0 }}>No audit of yours is over yet.</p>}
          </section>
        </>
      )}
    </Found>
  );
}

function Stake({ wallet, data }: { wallet: Wallet; data: Schema["ValidatorView"] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [seats, set] = useState(1);
  const inside = data.seats.filter((seat) => seat.left_at === 0 && !seat.drained);
  const again = { onSuccess: () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] }) };
  const join = useMutation({ mutationFn: () => stake(config, wallet, BigInt(data.seat_size ?? "0"), seats), ...again });
  const leave = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "Staking", "leave", [zeroHash, [BigInt(inside.at(-1)!.seat)]]), ...again,
  });
  const due = data.seats.filter((seat) => seat.left_at && seat.release_at * 1000 <= Date.now());
  const collect = useMutation({
    mutationFn: () => send(wallet.wagmi, config, "Staking", "collect", [zeroHash, due.map((seat) => BigInt(seat.seat))]), ...again,
  });
  return (
    <section className="card">
      <h2>Stake</h2>
      <Facts items={[["Seats in", inside.length], ["A seat costs", data.seat_size ? <>{lbl(data.seat_size)} <small>LBL</small></> : "–"], ["Staked", data.stake ? <>{lbl(data.stake)} <small>LBL</small></> : "–"], ["Leaving", data.seats.length - inside.length]]} />
      <form className="row" style={{ marginTop: "1rem" }} onSubmit={(event) => { event.preventDefault(); join.mutate(); }}>
        <label className="field">Seats to buy<input type="number" min={1} max={64} value={seats} onChange={(event) => set(Number(event.target.value))} /></label>
        <button className="button primary" style={{ alignSelf: "end" }} disabled={join.isPending || !data.seat_size || !wallet.rightChain || !(seats >= 1 && seats <= 64)}>
          {join.isPending ? "Waiting for your wallet …" : `Stake ${data.seat_size ? lbl(BigInt(data.seat_size) * BigInt(seats || 0)) : ""} LBL`}
        </button>
        {inside.length > 0 && <button type="button" className="button" style={{ alignSelf: "end" }} onClick={() => leave.mutate()} disabled={leave.isPending}>Leave one seat</button>}
        {due.length > 0 && <button type="button" className="button" style={{ alignSelf: "end" }} onClick={() => collect.mutate()} disabled={collect.isPending}>Collect {plural(due.length, "seat")}</button>}
      </form>
      <p className="small muted">A wallet that takes several calls at once asks once. Another asks for a permit, the deposit, the allowance to the Staking contract, and the purchase of the seats.</p>
      <Problem error={join.error ?? leave.error ?? collect.error} />
      {join.isSuccess && <Note kind="good" role="status">Staked. You can be drawn from the next block on.</Note>}
    </section>
  );
}

/** What the Ledger account lacks comes from the wallet; then seats are bought. With one prompt where the wallet can, else by a permit and transactions. */
async function stake(config: Config, wallet: Wallet, seat: bigint, count: number) {
  const amount = seat * BigInt(count);
  const account = pad(wallet.address as Address, { size: 32 });
  const held = await read<bigint>(wallet.wagmi, config, "Ledger", "balanceOf", [account]);
  const deposit: Call[] = [["LabelToken", "approve", [addressOf(config, "Ledger"), amount - held]], ["Ledger", "deposit", [account, amount - held]]];
  const seats: Call[] = [["Ledger", "allow", [addressOf(config, "Staking"), amount]], ["Staking", "join", [zeroHash, BigInt(count)]]];
  if (await sendTogether(wallet.wagmi, config, [...(held < amount ? deposit : []), ...seats])) return;
  if (held < amount) {
    const { deadline, signature } = await permit(config, wallet, addressOf(config, "Ledger"), amount - held);
    const { v, yParity, r, s } = parseSignature(signature);
    await send(wallet.wagmi, config, "Ledger", "depositWithPermit", [account, amount - held, deadline, Number(v ?? BigInt(yParity + 27)), r, s]);
  }
  for (const call of seats) await send(wallet.wagmi, config, ...call);
}
