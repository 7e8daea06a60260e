/** Labeling a round: connect, sign once, label by keys, send. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { api, hasCode, must, type Schema } from "../../lib/api";
import { useDeployment } from "../../lib/config";
import { lbl, plural, until } from "../../lib/format";
import { go, Link } from "../../lib/router";
import { forgetKey, keyState, startSession, type SessionKey } from "../../lib/session";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Annotator } from "../../tasks/Annotator";
import { classesOf } from "../../tasks";
import { Found, Note, Problem, Title, usePolled } from "../../ui";
import { BATCH, dropWork, keepWork, resume, submit, type Work } from "./work";

export default function Label({ id }: { id: string }) {
  const round_id = Number(id);
  const round = usePolled(["round", round_id], () => must(api.GET("/v1/rounds/{round_id}", { params: { path: { round_id } } })));
  const dataset = useQuery({
    queryKey: ["dataset", round.data?.dataset],
    queryFn: () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset: round.data!.dataset } } })),
    enabled: round.data !== undefined,
  });
  const wallet = useWallet();
  return (
    <Found query={round}>
      {(found) => (
        <Found query={dataset}>
          {(of) => (
            <>
              <Title>{`Label: ${of.name ?? `dataset ${of.dataset}`}`}</Title>
              <div className="row apart">
                <h1>{of.name ?? `Dataset ${of.dataset}`}</h1>
                <span className="tag live">{lbl(of.reward)} LBL a label</span>
              </div>
              {found.phase !== "open" ? (
                <Note>This round takes no labels any more. <Link href="/label">See what is open</Link></Note>
              ) : wallet ? (
                <Signed key={wallet.address} wallet={wallet} round={found} dataset={of} />
              ) : (
                <Unsigned dataset={of} />
              )}
            </>
          )}
        </Found>
      )}
    </Found>
  );
}

function Unsigned({ dataset }: { dataset: Schema["DatasetView"] }) {
  const open = useWalletDialog();
  return (
    <div className="card">
      <h2>Your labels belong to a wallet</h2>
      <p>Pay and shares go to its address. It needs no money and no gas: you sign one message, then label.</p>
      <div className="row">
        <button className="button primary" onClick={open}>Connect a wallet</button>
        {!!dataset.metadata?.practice?.length && <Link className="button" href={`/datasets/${dataset.dataset}/practice`}>Try three items first</Link>}
      </div>
    </div>
  );
}

type Props = { wallet: Wallet; round: Schema["RoundView"]; dataset: Schema["DatasetView"] };

const LIKELY_LABELS = 500n; // whose bonds one signature covers, when bonds are asked for

function Signed({ wallet, round, dataset }: Props) {
  const config = useDeployment();
  const bond = BigInt(String(dataset.terms.bond ?? "0"));
  const key = usePolled(["key", wallet.address], () => keyState(config, wallet.address), (state) => state?.state === "pending", 700);
  return (
    <Found query={key}>
      {(state) => {
        if (state.state === "pending") return <Note role="status">Your session key is on its way to the chain. This takes a few seconds.</Note>;
        if (state.state === "live" && state.bondLeft >= bond * BigInt(BATCH)) return <Bonded key={state.key.address} wallet={wallet} round={round} dataset={dataset} session={state.key} />;
        return <SignOnce wallet={wallet} bond={bond} why={state.state === "live" ? "spent" : state.state} />;
      }}
    </Found>
  );
}

const WHY: Record<string, string> = {
  expired: "Your session key has expired. Sign for a new one; answers that you did not send are kept.",
  revoked: "Your session key was revoked. Sign for a new one.",
  unknown: "The chain does not know your session key any more: it was started anew. What this browser kept of the old chain is put away; sign again.",
  spent: "Your session key cannot put up more bonds. Sign for a new one.",
};

function SignOnce({ wallet, bond, why }: { wallet: Wallet; bond: bigint; why: string }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const most = bond * LIKELY_LABELS;
  const begin = useMutation({
    mutationFn: async () => {
      if (why !== "none") forgetKey(config, wallet.address);
      if (most > 0n) await fundBonds(config.faucet, wallet.address, most);
      return startSession(config, wallet.address, most, wallet.sign);
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["key", wallet.address] }),
  });
  return (
    <div className="card">
      <h2>Sign once, then just label</h2>
      {WHY[why] && <Note kind="warn">{WHY[why]}</Note>}
      <p>Your wallet shows a message named <strong>Session</strong>. It lets a key in this browser hand in labels for you:</p>
      <ul>
        <li><code>contributor</code> is you, <code>key</code> is the key made just now; it never leaves this browser.</li>
        <li><code>expiry</code> is seven days from now; the key cannot move money, shares or anything else.</li>
        <li><code>maxBond</code> is {most > 0n ? `${lbl(most)} LBL: the most that bad labels could cost you.` : "zero: bad labels can cost you nothing but their pay."}</li>
      </ul>
      {most > 0n && <p className="muted">This dataset asks for a bond of {lbl(bond)} LBL a label, so a second message, <strong>Allowance</strong>, lets the contract hold it.</p>}
      <p className="muted">No gas, no transaction. Lost this browser? Sign again in another one; what you sent stays yours.</p>
      <Problem error={begin.error} />
      <button className="button primary" onClick={() => begin.mutate()} disabled={begin.isPending || !wallet.rightChain}>
        {begin.isPending ? "Waiting for your wallet …" : most > 0n ? "Sign twice" : "Sign once"}
      </button>
    </div>
  );
}

/** Bonds come from the Ledger account; on development chains the faucet fills it. */
async function fundBonds(faucet: boolean, address: string, needed: bigint) {
  const balance = async () => BigInt((await must(api.GET("/v1/accounts/{address}", { params: { path: { address } } }))).balance);
  if ((await balance()) >= needed) return;
  if (!faucet) throw new Error(`Put ${lbl(needed)} LBL into your Ledger account first; bonds are taken from it.`);
  await must(api.POST("/v1/faucet", { body: { address, to_wallet: false, gas: false } }));
  for (let tries = 0; tries < 60; tries++) {
    if ((await balance()) >= needed) return;
    await new Promise((wake) => setTimeout(wake, 500));
  }
  throw new Error("The faucet gave too little, or gave to this address before. Choose a dataset with a smaller bond.");
}

function Bonded({ wallet, round, dataset, session }: Props & { session: SessionKey }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const name = ["work", wallet.address, round.round];
  const work = useQuery({ queryKey: name, queryFn: () => resume(config, wallet.address, round.round, session, round.task_count), staleTime: Infinity, retry: false });
  if (hasCode(work.error, "nothing_free", "nothing_wanted", "round_not_open"))
    return (
      <Note>
        <p>{(work.error as Error).message}</p>
        <Link href="/label">See what else is open</Link> · <Link href="/work">My work</Link>
      </Note>
    );
  return (
    <Found query={work}>
      {(found) => (
        <Leased
          key={found.lease.lease_id} wallet={wallet} round={round} dataset={dataset} session={session} work={found}
          again={() => { dropWork(config, wallet.address, round.round); void queries.resetQueries({ queryKey: name }); }}
          renew={() => void queries.resetQueries({ queryKey: name })}
        />
      )}
    </Found>
  );
}

type LeasedProps = Props & { session: SessionKey; work: Work; again: () => void; renew: () => void };

function Leased({ wallet, round, dataset, session, work, again, renew }: LeasedProps) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [answers, set] = useState(work.answers);
  const [ended, end] = useState(false);
  const { tasks } = work.lease;
  const count = Object.keys(answers).length;

  useEffect(() => keepWork(config, wallet.address, round.round, { lease: work.lease, answers }), [answers, config, round.round, wallet.address, work.lease]);

  const answer = useCallback((item: number, choice: number | null) => {
    set(({ [item]: _, ...rest }) => (choice === null ? rest : { ...rest, [item]: choice }));
  }, []);

  const send = useMutation({
    mutationFn: () => submit(config, wallet.address, round.round, session, { lease: work.lease, answers }),
    onSuccess: (digest) => {
      queries.removeQueries({ queryKey: ["work", wallet.address, round.round] });
      go(`/receipts/${digest}`);
    },
  });
  const finish = useCallback(() => end(true), []);
  const lost = hasCode(send.error, "lease_expired", "unknown_lease", "lease_used");

  const sendCard = (
    <div className="card">
      <div className="row apart">
        <div>
          <strong>{plural(count, "answer")} of {tasks.length}</strong>
          <div className="muted small">Worth up to {lbl(BigInt(count) * BigInt(dataset.reward))} LBL · kept for you for {until(work.lease.expires_at)}</div>
        </div>
        <button className="button primary" onClick={() => send.mutate()} disabled={!count || send.isPending}>{send.isPending ? "Sending …" : "Send"}</button>
      </div>
      <Problem error={send.error} />
      {lost && <button className="button small" onClick={renew}>Take the same items again</button>}
    </div>
  );
  if (ended)
    return (
      <div className="stack">
        <h2>That was the last one</h2>
        <p className="muted">Send hands in all answers at once, signed by your session key: no prompt, no gas. Skipped items go to somebody else.</p>
        {sendCard}
        <div className="row">
          <button className="button" onClick={() => end(false)}>Look through them again</button>
          <button className="button quiet" onClick={again}>Give these items back</button>
        </div>
      </div>
    );
  const first = tasks.findIndex((task) => !(task.index in answers));
  return (
    <Annotator
      items={tasks.map((task) => ({ id: task.index, content: task.content }))} classes={classesOf(dataset)}
      question={dataset.metadata?.question ?? "Which class is it?"} instructions={dataset.metadata?.instructions ?? ""}
      answers={answers} onAnswer={answer} onEnd={finish} start={Math.max(0, first)} aside={sendCard}
    />
  );
}
