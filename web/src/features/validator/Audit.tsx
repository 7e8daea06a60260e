/** A blind audit: label the sample, seal, reveal by itself, check and sign the evidence. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { bytesToHex, keccak256, type Hex } from "viem";
import { api, ApiError, hasCode, must, type Schema } from "../../lib/api";
import { domainFor, useDeployment } from "../../lib/config";
import { typedData } from "../../lib/eip712";
import { plural, until } from "../../lib/format";
import { NeedsWallet, Own } from "../../lib/own";
import { Link } from "../../lib/router";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Annotator, type Answers } from "../../tasks/Annotator";
import { classesOf } from "../../tasks";
import { Found, Note, Problem, Title, usePolled } from "../../ui";
import { Attest } from "./Attest";
import { ballotText, BLANK, commit, keepSealed, keptSealed, reveal, saltOf, seal, unseal } from "./ballot";
import { checkedEvidence } from "./evidence";

export default function Audit({ id }: { id: string }) {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>{`Audit of round ${id}`}</Title>
      <h1>Audit of round {id}</h1>
      {wallet ? (
        <Own key={wallet.address} wallet={wallet} why="Only the panel sees the sample before it is opened.">{(headers) => <Duty wallet={wallet} round={Number(id)} headers={headers} />}</Own>
      ) : <NeedsWallet connect={connect}><p>Connect the wallet that was drawn.</p></NeedsWallet>}
    </>
  );
}

type Props = { wallet: Wallet; round: number; headers: Record<string, string> };

function Duty({ wallet, round, headers }: Props) {
  const mine = usePolled(["validator", wallet.address], () => must(api.GET("/v1/me/validator", { headers })), () => true, 2000);
  return (
    <Found query={mine}>
      {(data) => {
        const duty = data.duties.find((one) => one.kind === "audit" && one.round === round);
        if (!duty) return <Note>There is nothing for you to do in this round now. <Link href="/validate">To your duties</Link> · <Link href={`/rounds/${round}`}>To the round</Link></Note>;
        if (duty.step === "commit" || (duty.committed && !duty.held && !duty.revealed)) return <Ballot wallet={wallet} round={round} duty={duty} />;
        if (duty.step === "sign_evidence") return <Evidence wallet={wallet} round={round} />;
        if (duty.step === "attest") return <Attest wallet={wallet} round={round} attempt={duty.attempt} />;
        return <Note role="status">Your answers are sealed{duty.revealed ? " and opened" : " and will be opened for you when the others have sealed theirs"}. {duty.due ? `The others have ${until(duty.due)} left. ` : ""}You may close this page.</Note>;
      }}
    </Found>
  );
}

function Ballot({ wallet, round, duty }: { wallet: Wallet; round: number; duty: Schema["DutyView"] }) {
  const config = useDeployment();
  const [secret, know] = useState<Hex | null>(null);
  const unlock = useMutation({ mutationFn: async () => keccak256(await wallet.signText(ballotText(config))), onSuccess: know });
  const view = useQuery({ queryKey: ["audit", round, duty.attempt], queryFn: () => must(api.GET("/v1/rounds/{round_id}/audit", { params: { path: { round_id: round } } })), staleTime: Infinity });
  const dataset = useQuery({ queryKey: ["dataset", duty.dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset: duty.dataset } } })) });
  if (secret === null)
    return (
      <div className="card">
        <h2>{duty.committed ? "Open what you sealed" : "Unlock your ballot"}</h2>
        <p>Your wallet signs a short text, <strong>Labelshare ballots</strong>. The salt of your ballot and the key that encrypts it come from that signature: close this tab, lose this browser, and the same wallet opens them again anywhere.</p>
        <Problem error={unlock.error} />
        <button className="button primary" onClick={() => unlock.mutate()} disabled={unlock.isPending}>{unlock.isPending ? "Waiting for your wallet …" : "Unlock"}</button>
      </div>
    );
  return <Found query={view}>{(sample) => <Found query={dataset}>{(of) => <Sealed wallet={wallet} round={round} duty={duty} secret={secret} sample={sample} dataset={of} />}</Found>}</Found>;
}

type SealedProps = { wallet: Wallet; round: number; duty: Schema["DutyView"]; secret: Hex; sample: Schema["AuditView"]; dataset: Schema["DatasetView"] };

function Sealed(props: SealedProps) {
  const { round, secret, sample, wallet, duty } = props;
  const kept = useQuery({
    queryKey: ["sealed", round, sample.attempt, wallet.address],
    queryFn: async () => {
      const sealed = await keptSealed(round);
      return sealed ? Array.from(await unseal(secret, round, sample.attempt, sealed)) : null;
    },
    staleTime: Infinity,
    retry: false,
  });
  return <Found query={kept}>{(before) => (duty.committed && before ? <Reopen {...props} answers={before} /> : <Sample {...props} before={before} />)}</Found>;
}

/** The tab was closed between sealing and opening: everything needed is back. */
function Reopen({ wallet, round, secret, sample, answers }: SealedProps & { answers: number[] }) {
  const queries = useQueryClient();
  const open = useMutation({
    mutationFn: () => reveal(wallet.address, round, bytesToHex(new Uint8Array(answers)), saltOf(secret, round, sample.attempt)),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] }),
  });
  const { mutate } = open;
  useEffect(() => mutate(), [mutate]);
  return <><Note role="status">You sealed {plural(answers.length, "answer")} earlier. They are being handed in to be opened.</Note><Problem error={open.error} /></>;
}

function Sample({ wallet, round, secret, sample, dataset, before }: SealedProps & { before: number[] | null }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [answers, set] = useState<Answers>(() => Object.fromEntries((before ?? []).flatMap((answer, i) => (answer === BLANK ? [] : [[sample.sample[i]!.index, answer]]))));
  const [ended, end] = useState(false);
  const bytes = useCallback(() => new Uint8Array(sample.sample.map((task) => answers[task.index] ?? BLANK)), [answers, sample.sample]);
  const count = Object.keys(answers).length;

  useEffect(() => {
    if (!count) return;
    const wait = setTimeout(() => void seal(secret, round, sample.attempt, bytes()).then((sealed) => keepSealed(round, sealed)).catch(() => undefined), 600);
    return () => clearTimeout(wait);
  }, [count, bytes, secret, round, sample.attempt]);

  const handIn = useMutation({
    mutationFn: async () => {
      const body = bytes();
      const [hex, salt] = [bytesToHex(body), saltOf(secret, round, sample.attempt)];
      await keepSealed(round, await seal(secret, round, sample.attempt, body)); // before committing: who commits and cannot open is slashed
      try {
        await commit(config, wallet.address, round, sample.attempt, hex, salt, wallet.sign);
      } catch (error) {
        if (!hasCode(error, "already_committed")) throw error;
      }
      await reveal(wallet.address, round, hex, salt);
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] }),
  });
  const answer = useCallback((item: number, choice: number | null) => set(({ [item]: _, ...rest }) => (choice === null ? rest : { ...rest, [item]: choice })), []);
  const finish = useCallback(() => end(true), []);
  const card = (
    <div className="card">
      <div className="row apart">
        <div><strong>{plural(count, "answer")} of {sample.sample.length}</strong><div className="muted small">Sealing is open for {until(sample.commit_ends)}</div></div>
        <button className="button primary" onClick={() => handIn.mutate()} disabled={!count || handIn.isPending}>{handIn.isPending ? "Sealing …" : "Seal and hand in"}</button>
      </div>
      <Problem error={handIn.error} />
    </div>
  );
  if (ended) return <div className="stack"><h2>That was the sample</h2><p className="muted">Skipped tasks count as no vote. Nobody sees your answers before all of the panel have sealed theirs.</p>{card}<div><button className="button" onClick={() => end(false)}>Look through them again</button></div></div>;
  const first = sample.sample.findIndex((task) => !(task.index in answers));
  return (
    <Annotator
      items={sample.sample.map((task) => ({ id: task.index, content: task.content }))} classes={classesOf(dataset)} question={dataset.metadata?.question ?? "Which class is it?"}
      instructions={dataset.metadata?.instructions ?? ""} answers={answers} onAnswer={answer} onEnd={finish} start={Math.max(0, first)} aside={card}
    />
  );
}

function Evidence({ wallet, round }: { wallet: Wallet; round: number }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const evidence = useQuery({
    queryKey: ["evidence", round], queryFn: () => checkedEvidence(wallet.wagmi, config, round),
    retry: (count, error) => error instanceof ApiError && error.code === "too_early" && count < 60, retryDelay: 1500,
  });
  const sign = useMutation({
    mutationFn: async () => {
      const message = { round: BigInt(round), evidenceHash: evidence.data!.hash, proposer: config.operator.toLowerCase() };
      const signature = await wallet.sign(typedData("Evidence", domainFor(config, "Settlement"), message));
      await must(api.POST("/v1/rounds/{round_id}/evidence-signatures", { params: { path: { round_id: round } }, body: { validator: wallet.address, signature } }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] }),
  });
  return (
    <div className="card">
      <h2>The evidence</h2>
      <Found query={evidence}>
        {(found) => (
          <>
            <Note kind="good">Checked against the chain: {plural(found.submissions.length, "submission")} with {plural(found.labels, "label")}, every root as it was signed.</Note>
            <p>Your signature says that you hold this evidence, so that the settlement can be proposed from it. Hash <code>{found.hash}</code></p>
            <Problem error={sign.error} />
            <button className="button primary" onClick={() => sign.mutate()} disabled={sign.isPending}>{sign.isPending ? "Waiting for your wallet …" : "Sign the evidence"}</button>
          </>
        )}
      </Found>
    </div>
  );
}
