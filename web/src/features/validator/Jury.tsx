/** Jury duty: the dispute, the settlement computed anew in this page, a sealed verdict, its opening, the result. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keccak256, type Hex } from "viem";
import { api, must, type Schema } from "../../lib/api";
import { useDeployment } from "../../lib/config";
import { lbl, plural, short, until } from "../../lib/format";
import { NeedsWallet, Own } from "../../lib/own";
import { Link } from "../../lib/router";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { Facts, Found, Note, Problem, Table, Title, Tx, usePolled, Who } from "../../ui";
import { ballotText } from "./ballot";
import { Recomputed } from "./Recomputed";
import { judge, juryOf, Withheld, type Judgement } from "./judge";
import { handIn, openAlone, sealedRoot, sealVerdict, verdictSalt, WITHHELD } from "./verdict";

export default function Jury({ id }: { id: string }) {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>{`Jury of round ${id}`}</Title>
      <h1>Jury of round {id}</h1>
      {wallet ? (
        <Own key={wallet.address} wallet={wallet} why="The evidence is shown to the jury only.">{(headers) => <Case wallet={wallet} round={Number(id)} headers={headers} />}</Own>
      ) : <NeedsWallet connect={connect}><p>Connect the wallet that was drawn.</p></NeedsWallet>}
    </>
  );
}

type Duty = Schema["DutyView"];
type Dispute = Schema["DisputeView"];

function Case({ wallet, round, headers }: { wallet: Wallet; round: number; headers: Record<string, string> }) {
  const mine = usePolled(["validator", wallet.address], () => must(api.GET("/v1/me/validator", { headers })), () => true, 2000);
  const disputes = usePolled(["disputes", round], () => must(api.GET("/v1/rounds/{round_id}/disputes", { params: { path: { round_id: round } } })), () => true, 2000);
  return (
    <Found query={mine}>
      {(data) => (
        <Found query={disputes}>
          {({ items }) => {
            const duty = data.duties.find((one) => one.kind === "jury" && one.round === round);
            const dispute = items.at(-1);
            if (!dispute) return <Note>No settlement of this round was challenged. <Link href={`/rounds/${round}`}>To the round</Link></Note>;
            return (
              <>
                <About dispute={dispute} round={round} duty={duty} me={wallet.address} />
                {duty ? <Duties key={duty.attempt} wallet={wallet} round={round} duty={duty} dispute={dispute} /> : <Result dispute={dispute} me={wallet.address} round={round} />}
              </>
            );
          }}
        </Found>
      )}
    </Found>
  );
}

function About({ dispute, round, duty, me }: { dispute: Dispute; round: number; duty: Duty | undefined; me: string }) {
  return (
    <section className="card">
      <p>
        <Who address={dispute.challenger} me={me} /> says that the settlement published for <Link href={`/rounds/${round}`}>round {round}</Link> is not what the rule gives, and put
        up {lbl(dispute.bond)} LBL on it (<Tx hash={dispute.tx_hash} />). The jury computes the settlement from the evidence. More than half of its seats decide; who is wrong loses the bond.
      </p>
      <Facts items={[
        ["Your seats", duty ? duty.seats : (dispute.verdicts.find((one) => one.juror === me)?.seats ?? 0)],
        ["Sealed", <>{dispute.committed} <small>of {plural(dispute.jurors.length, "juror")}</small></>], ["Opened", <>{dispute.revealed} <small>of {dispute.jurors.length}</small></>],
        ["Time left", duty?.due ? <>{until(duty.due)} <small>{dispute.phase === "revealing" ? "to open" : "to seal"}</small></> : "–"],
      ]} />
    </section>
  );
}

type CaseProps = { wallet: Wallet; round: number; duty: Duty; dispute: Dispute };

function Duties({ wallet, round, duty, dispute }: CaseProps) {
  const config = useDeployment();
  const [doing, tell] = useState("");
  const found = useQuery({
    queryKey: ["judge", round, duty.attempt, wallet.address], staleTime: Infinity, retry: false,
    queryFn: async (): Promise<Judgement | { withheld: string }> => {
      try {
        return await judge(wallet.wagmi, config, round, tell);
      } catch (error) {
        if (error instanceof Withheld) return { withheld: error.message };
        throw error;
      }
    },
  });
  if (found.isPending) return <section className="card"><h2>The settlement, computed anew</h2><p role="status" className="muted">{doing || "Starting …"}</p></section>;
  if (found.isError) return <Found query={found}>{() => null}</Found>;
  const judged = "withheld" in found.data ? null : found.data;
  return (
    <>
      <Recomputed found={judged} withheld={"withheld" in found.data ? found.data.withheld : ""} />
      <Verdict wallet={wallet} round={round} duty={duty} dispute={dispute} root={judged?.root ?? WITHHELD} again={() => void found.refetch()} />
    </>
  );
}

function Verdict({ wallet, round, duty, dispute, root, again }: CaseProps & { root: Hex; again: () => void }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [alone, send] = useState(false);
  const [secret, know] = useState<Hex | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] });
  const unlocked = async () => {
    const known = secret ?? keccak256(await wallet.signText(ballotText(config)));
    know(known);
    return known;
  };
  /** What was sealed, found again from the wallet's signature and the chain alone. */
  const sealed = async () => {
    const known = await unlocked();
    const own = await juryOf(wallet.wagmi, config, round, wallet.address);
    const salt = verdictSalt(known, round, own.attempt);
    return { round, attempt: own.attempt, salt, root: sealedRoot(round, own.attempt, wallet.address, salt, own.commitment, [root, dispute.proposed_root as Hex, WITHHELD]) };
  };
  const seal = useMutation({
    mutationFn: async () => {
      const known = await unlocked();
      const { attempt } = await juryOf(wallet.wagmi, config, round, wallet.address);
      const verdict = { round, attempt, root, salt: verdictSalt(known, round, attempt) };
      await sealVerdict(config, wallet, verdict, alone);
      if (!alone) await handIn(wallet.address, verdict);
    },
    onSuccess: refresh,
  });
  const open = useMutation({ mutationFn: async () => handIn(wallet.address, await sealed()), onSuccess: refresh });
  const self = useMutation({ mutationFn: async () => openAlone(config, wallet, await sealed()), onSuccess: refresh });
  if (!duty.committed)
    return (
      <section className="card">
        <h2>Your verdict</h2>
        <p>{root === WITHHELD ? "That the evidence was withheld. Whoever proposes must let a jury see it, so that counts as much as a wrong settlement." : <>The root that this page computed: <code>{root}</code></>}</p>
        <p className="muted small">Your wallet signs twice: the text <strong>Labelshare ballots</strong>, of which the salt is made, and the sealed verdict. Then this page hands it to the operator, who opens it for you when the others have sealed theirs: they can read it before, and cannot change it. If they do not open it, you can. Who seals nothing, or does not open, is slashed; so is who differs from the majority, by two seat fees.</p>
        <label className="row small" style={{ flexWrap: "nowrap", marginBottom: "0.9rem" }}><input type="checkbox" checked={alone} onChange={(event) => send(event.target.checked)} />Without the operator: send it with my own gas, and come back to open it with my own gas</label>
        <Problem error={seal.error} />
        <div className="row">
          <button className="button primary" onClick={() => seal.mutate()} disabled={seal.isPending || (alone && !wallet.rightChain)}>{seal.isPending ? "Sealing …" : "Seal my verdict"}</button>
          {root === WITHHELD && <button className="button" onClick={again}>Ask for the evidence again</button>}
        </div>
      </section>
    );
  const revealing = dispute.phase === "revealing" || dispute.committed === dispute.jurors.length;
  return (
    <section className="card">
      <h2>Your verdict is sealed</h2>
      {duty.revealed ? <Note kind="good" role="status">It is open: everyone can see your root. The result follows when all are open, or in {until(duty.due)}. You may close this page.</Note>
        : duty.held ? <Note role="status">It will be opened for you when the others have sealed theirs. You may close this page; look again before the time is over.</Note>
        : <><Note kind="warn">Nobody but you can open it yet. Hand it in, and the operator opens it when the others have sealed theirs; or come back then and open it yourself. Who does not open loses stake.</Note><Problem error={open.error} /><button className="button primary" onClick={() => open.mutate()} disabled={open.isPending}>{open.isPending ? "Handing it in …" : "Unlock and hand in"}</button></>}
      {revealing && !duty.revealed && <p className="small" style={{ margin: "0.8rem 0 0" }}>{duty.held && "The operator does not open it? "}<button className="button small" onClick={() => self.mutate()} disabled={self.isPending || !wallet.rightChain}>Open it with a transaction of mine</button></p>}
      <Problem error={self.error} />
    </section>
  );
}

const OUTCOMES: Record<string, [string, "good" | "bad" | "warn"]> = {
  upheld: ["The jury upheld the settlement: the challenger lost the bond.", "good"],
  overturned: ["The jury overturned the settlement: its proposer lost the bond, and only what the jury computed may be proposed now.", "good"],
  hung: ["No majority: the round ends by the exit, and both bonds went back.", "warn"],
};

function Result({ dispute, me, round }: { dispute: Dispute; me: string; round: number }) {
  const [text, kind] = OUTCOMES[dispute.phase] ?? ["The jury is being drawn, or sits without you.", "warn"];
  const own = dispute.verdicts.find((one) => one.juror === me);
  return (
    <section className="card">
      <h2>Result</h2>
      <Note kind={kind} role="status">{text}</Note>
      {own && <p>{own.root === null ? "You opened no verdict." : own.root === dispute.jury_root ? "Your verdict was the majority's: you share in the loser's bond." : "Your verdict was not the majority's."}{BigInt(own.slashed) > 0n && <> {lbl(own.slashed)} LBL of your stake were taken.</>}</p>}
      <Table label="Verdicts" head={["Juror", "Seats", "Root", "Slashed, LBL"]}>
        {dispute.verdicts.map((one) => (
          <tr key={one.juror}><td><Who address={one.juror} me={me} /></td><td className="num">{one.seats}</td><td className="num">{one.root ? <code title={one.root}>{short(one.root)}</code> : one.committed ? "sealed" : "–"}</td><td className="num">{lbl(one.slashed)}</td></tr>
        ))}
      </Table>
      <p className="small" style={{ margin: 0 }}>Of the bond that was lost, {lbl(dispute.to_jurors)} LBL went to jurors of the majority, {lbl(dispute.to_winner)} to the winner, {lbl(dispute.to_treasury)} to the treasury. <Link href={`/rounds/${round}`}>To the round</Link> · <Link href="/validate">To your duties</Link></p>
    </section>
  );
}
