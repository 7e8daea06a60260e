/** A new dataset: a file, what to ask, what it costs; created and funded in one flow. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { getConnectorClient } from "@wagmi/core";
import { waitForTransactionReceipt } from "viem/actions";
import { keccak256, parseEventLogs, parseSignature, stringToHex, zeroHash, type Hex } from "viem";
import { api, ApiError, must, type Schema } from "../../lib/api";
import { abiOf, read, send } from "../../lib/chain";
import { addressOf, useDeployment, type Config } from "../../lib/config";
import { lbl, parseLbl, plural } from "../../lib/format";
import { NeedsWallet, Own } from "../../lib/own";
import { permit } from "../../lib/permit";
import { go } from "../../lib/router";
import { now } from "../../lib/session";
import { useWallet, useWalletDialog, type Wallet } from "../../lib/wallet";
import { KIND_NAMES, TaskView } from "../../tasks";
import { Facts, Found, Note, Problem, Table, Title } from "../../ui";
import { Drop } from "../../ui/Drop";

type Upload = Schema["UploadView"];
type BadRow = { line: number; column: string | null; reason: string };

class BadRows extends Error {
  constructor(readonly rows: BadRow[], detail: string) {
    super(detail);
  }
}

export default function New() {
  const wallet = useWallet();
  const connect = useWalletDialog();
  return (
    <>
      <Title>New dataset</Title>
      <h1>New dataset</h1>
      {wallet ? (
        <Own key={wallet.address} wallet={wallet} why="Files are kept for the account that brought them.">{() => <Steps wallet={wallet} />}</Own>
      ) : (
        <>
          <NeedsWallet connect={connect}><p>A dataset belongs to a wallet. You can work out the cost without one.</p></NeedsWallet>
          <section className="card"><h2>What does it cost?</h2><Calculator tasks={100} terms={DEFAULTS} change={null} /></section>
        </>
      )}
    </>
  );
}

async function upload(files: File[]): Promise<Upload> {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  const response = await fetch("/v1/uploads", { method: "POST", body: form });
  const body = (await response.json().catch(() => ({}))) as Upload & { detail?: string; code?: string; rows?: BadRow[] };
  if (response.ok) return body;
  if (body.rows) throw new BadRows(body.rows, body.detail ?? "Some rows are bad; nothing was taken.");
  throw new ApiError(response.status, body.code ?? "unknown", body.detail ?? `The server answered ${response.status}.`);
}

type Terms = { reward: string; auditFee: string; perTask: number; minLabels: number; auditRate: number; panel: number; days: number; bond: string; price: string };
const DEFAULTS: Terms = { reward: "1", auditFee: "0.5", perTask: 5, minLabels: 3, auditRate: 26, panel: 3, days: 7, bond: "0", price: "100" };

function Steps({ wallet }: { wallet: Wallet }) {
  const [found, set] = useState<Upload | null>(null);
  const bring = useMutation({ mutationFn: upload, onSuccess: set });
  return (
    <>
      <section className="card">
        <h2>1. Your tasks</h2>
        {found ? (
          <>
            <Note kind="good">{plural(found.tasks, "task")} taken: {KIND_NAMES[found.task_type]}. {Object.entries(found.columns).map(([member, column]) => `${column} → ${member}`).join(", ")}{found.ignored.length ? `; not used: ${found.ignored.join(", ")}` : ""}</Note>
            <div className="thumbs">{found.preview.slice(0, 3).map((task, i) => <div className="thumb" key={i}><TaskView content={task} /></div>)}</div>
            <button className="button small" style={{ marginTop: "0.8rem" }} onClick={() => set(null)}>Choose other files</button>
          </>
        ) : (
          <Drop label="Files" accept=".csv,.tsv,.jsonl,image/png,image/jpeg,image/webp,image/gif" take={(files) => bring.mutate(files)} hint={bring.isPending ? "Reading …" : "Drop a CSV, a JSONL file, or images here, or choose them"}>
            <p className="muted small" style={{ margin: "0.5rem auto 0" }}>Columns: <code>text</code>; or <code>first</code>, <code>second</code>; or <code>prompt</code>, <code>a</code>, <code>b</code>. A bad row refuses the whole file, and you see which and why.</p>
          </Drop>
        )}
        {bring.error instanceof BadRows ? (
          <Note kind="bad">
            <p>{bring.error.message}</p>
            <Table label="Bad rows" head={["Line", "Column", "Why"]}>{bring.error.rows.map((row, i) => <tr key={i}><td>{row.line}</td><td className="num">{row.column ?? "–"}</td><td className="num" style={{ whiteSpace: "normal" }}>{row.reason}</td></tr>)}</Table>
          </Note>
        ) : <Problem error={bring.error} />}
      </section>
      {found && <Form key={found.upload_id} wallet={wallet} upload={found} />}
    </>
  );
}

type Change = (<K extends keyof Terms>(name: K, value: Terms[K]) => void) | null;

function useCost(tasks: number, terms: Terms) {
  const [reward, fee] = [parseLbl(terms.reward), parseLbl(terms.auditFee)];
  const query = {
    tasks, reward: String(reward ?? 0n), audit_fee: String(fee ?? 0n), labels_per_task: terms.perTask, min_labels: Math.min(terms.minLabels, terms.perTask),
    audit_rate: terms.auditRate, panel_size: terms.panel,
  };
  return useQuery({ queryKey: ["cost", query], queryFn: () => must(api.GET("/v1/cost", { params: { query } })), enabled: reward !== null && fee !== null && tasks > 0 });
}

function Calculator({ tasks, terms, change }: { tasks: number; terms: Terms; change: Change }) {
  const [count, setCount] = useState(tasks);
  const [own, setOwn] = useState(terms);
  const shown = change ? terms : own;
  const set: NonNullable<Change> = change ?? ((name, value) => setOwn((before) => ({ ...before, [name]: value })));
  const cost = useCost(change ? tasks : count, shown);
  const number = (name: "perTask" | "minLabels" | "auditRate" | "panel" | "days", label: string, min: number, max: number, hint: string) => (
    <label className="field">{label}<input type="number" min={min} max={max} value={shown[name]} onChange={(event) => set(name, Number(event.target.value))} /><small>{hint}</small></label>
  );
  const money = (name: "reward" | "auditFee" | "bond" | "price", label: string, hint: string) => (
    <label className="field">{label}<input inputMode="decimal" value={shown[name]} onChange={(event) => set(name, event.target.value)} /><small>{parseLbl(shown[name]) === null ? "write an amount such as 0.5" : hint}</small></label>
  );
  return (
    <>
      <div className="fields">
        {!change && <label className="field">Tasks<input type="number" min={1} max={100000} value={count} onChange={(event) => setCount(Number(event.target.value))} /><small>how many rows</small></label>}
        {money("reward", "Pay a label, LBL", "for a label that holds up")}
        {number("perTask", "Labels a task, at most", 2, 64, "sure tasks stop earlier")}
        {number("minLabels", "Labels a task, at least", 2, 64, "before a task counts as sure")}
        {number("auditRate", "Audited, of 256 tasks", 1, 128, "a blind panel labels these")}
        {number("panel", "Seats on the panel", 3, 9, "odd is best")}
        {money("auditFee", "Audit fee, LBL", "a seat and audited task")}
        {change && money("bond", "Bond a label, LBL", "0: newcomers sign once")}
        {change && money("price", "License price, LBL", "the least it is ever sold for")}
        {change && number("days", "Open for, days", 1, 30, "the round's deadline")}
      </div>
      <Found query={cost}>
        {(data) => <Facts items={[["Labels", data.label_budget.toLocaleString("en")], ["For labels", <>{lbl(data.label_rewards)} <small>LBL at most</small></>], ["For audits", <>{lbl(data.audit_fees)} <small>LBL, {plural(data.audited_tasks, "task")}</small></>], ["You put in", <>{lbl(data.reserve)} <small>LBL; the rest comes back</small></>], ["At the least", <>{lbl(data.least)} <small>LBL</small></>]]} />}
      </Found>
    </>
  );
}

function Form({ wallet, upload: taken }: { wallet: Wallet; upload: Upload }) {
  const config = useDeployment();
  const preference = taken.task_type === "preference";
  const [name, setName] = useState("");
  const [question, setQuestion] = useState("");
  const [instructions, setInstructions] = useState("");
  const [license, setLicense] = useState("CC-BY-4.0");
  const [classes, setClasses] = useState((taken.classes.length > 1 ? taken.classes : preference ? ["A", "B"] : ["yes", "no"]).join("\n"));
  const [terms, setTerms] = useState(DEFAULTS);
  const [stage, tell] = useState("");
  const cost = useCost(taken.tasks, terms);
  const names = classes.split("\n").map((one) => one.trim()).filter(Boolean);
  const amounts = [terms.reward, terms.auditFee, terms.bond, terms.price].map(parseLbl);
  const missing: ReactNode[] = [!name.trim() && "a name", !question.trim() && "a question", names.length < 2 && "two classes", amounts.includes(null) && "amounts"].filter(Boolean);

  const create = useMutation({
    mutationFn: () => make(config, wallet, taken, { name, question, instructions, license, names }, terms, BigInt(cost.data!.reserve), cost.data!.label_budget, tell),
    onSuccess: () => go("/request"),
  });
  return (
    <form onSubmit={(event) => { event.preventDefault(); create.mutate(); }}>
      <section className="card">
        <h2>2. What to ask</h2>
        <div className="fields">
          <label className="field">Name<input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} required /></label>
          <label className="field">Question<input value={question} maxLength={500} onChange={(event) => setQuestion(event.target.value)} required placeholder="Which …?" /></label>
          <label className="field">License of the content<input value={license} maxLength={200} onChange={(event) => setLicense(event.target.value)} /></label>
        </div>
        <div className="fields">
          <label className="field">Classes, one a line<textarea value={classes} onChange={(event) => setClasses(event.target.value)} rows={4} /></label>
          <label className="field">Instructions<textarea value={instructions} onChange={(event) => setInstructions(event.target.value)} rows={4} placeholder="Edge cases, examples, when to skip" /></label>
        </div>
      </section>
      <section className="card">
        <h2>3. What it costs</h2>
        <Calculator tasks={taken.tasks} terms={terms} change={(key, value) => setTerms((before) => ({ ...before, [key]: value }))} />
      </section>
      <section className="card stack">
        <h2 style={{ margin: 0 }}>4. Create and fund</h2>
        <p className="muted" style={{ margin: 0 }}>Your wallet sends the terms, signs a permit, and sends the deposit. Then the round opens by itself. Terms cannot be changed afterwards.</p>
        {stage && <Note role="status">{stage}</Note>}
        <Problem error={create.error} />
        {missing.length > 0 && <p className="small muted" style={{ margin: 0 }}>Still missing: {missing.join(", ")}.</p>}
        <div><button className="button primary" disabled={missing.length > 0 || create.isPending || !cost.data || !wallet.rightChain}>{create.isPending ? "At work …" : `Create and fund with ${cost.data ? lbl(cost.data.reserve) : "…"} LBL`}</button></div>
      </section>
    </form>
  );
}

type About = { name: string; question: string; instructions: string; license: string; names: string[] };
const DAY = 24 * 3600;

async function make(config: Config, wallet: Wallet, taken: Upload, about: About, terms: Terms, reserve: bigint, budget: number, tell: (text: string) => void) {
  tell("Checking your wallet …");
  const held = await read<bigint>(wallet.wagmi, config, "LabelToken", "balanceOf", [wallet.address]);
  if (held < reserve) throw new Error(`Your wallet holds ${lbl(held)} LBL; this dataset needs ${lbl(reserve)}.`);
  const metadata = await must(
    api.POST("/v1/metadata", {
      body: {
        name: about.name.trim(), description: "", license: about.license, language: "", task_type: taken.task_type, question: about.question.trim(),
        instructions: about.instructions, classes: about.names.map((name) => ({ name, description: "" })), practice: [],
      },
    }),
  );
  const fee = await read<number>(wallet.wagmi, config, "Parameters", "feeBps");
  const [reward, auditFee, bond, price] = [terms.reward, terms.auditFee, terms.bond, terms.price].map((text) => parseLbl(text)!) as [bigint, bigint, bigint, bigint];
  tell("1 of 3: the terms. Confirm in your wallet.");
  const hash = await send(wallet.wagmi, config, "DatasetRegistry", "create", [{
    requester: wallet.address, operator: config.operator, classes: about.names.length, panelSize: terms.panel, auditRate: terms.auditRate,
    minLabels: Math.min(terms.minLabels, terms.perTask), maxLabels: terms.perTask, reward, auditFee, bond, openBond: reward, commitWindow: DAY, revealWindow: DAY,
    challengeWindow: 3 * DAY, exitDelay: 7 * DAY, exitRate: 5_000, labelCap: 10_000_000, contributorCredential: zeroHash, validatorCredential: zeroHash,
    ruleId: keccak256(stringToHex(config.rule)), licenseFloor: price, licenseTerm: 365 * DAY, contributorsBps: 8_000, validatorsBps: 1_000, requesterBps: 1_000,
    protocolFeeBps: fee, metadataHash: metadata.hash as Hex, metadataUri: metadata.uri,
  }]);
  const dataset = await createdIn(wallet, hash);
  tell(`2 of 3: the money for dataset ${dataset}. Sign the permit, confirm the deposit.`);
  const escrow = await read<Hex>(wallet.wagmi, config, "DatasetRegistry", "escrowAccountOf", [dataset]);
  const { deadline, signature } = await permit(config, wallet, addressOf(config, "Ledger"), reserve);
  const { v, yParity, r, s } = parseSignature(signature);
  await send(wallet.wagmi, config, "Ledger", "depositWithPermit", [escrow, reserve, deadline, Number(v ?? BigInt(yParity + 27)), r, s]);
  tell("3 of 3: opening the round. Nothing to confirm.");
  await openRound(Number(dataset), taken, terms, budget);
}

async function createdIn(wallet: Wallet, hash: Hex): Promise<bigint> {
  const receipt = await waitForTransactionReceipt(await getConnectorClient(wallet.wagmi), { hash });
  const [created] = parseEventLogs({ abi: await abiOf("DatasetRegistry"), logs: receipt.logs, eventName: "DatasetCreated" });
  return (created as unknown as { args: { dataset: bigint } }).args.dataset;
}

async function openRound(dataset: number, taken: Upload, terms: Terms, label_budget: number) {
  const body = { upload_id: taken.upload_id, label_budget, labels_per_task: terms.perTask, adaptive: true, deadline: now() + terms.days * DAY - 600, last: true };
  const patiently = async <T,>(look: () => Promise<T | null>): Promise<T> => {
    for (let tries = 0; tries < 90; tries++) {
      const seen = await look();
      if (seen !== null) return seen;
      await new Promise((wake) => setTimeout(wake, 700));
    }
    throw new Error(`Dataset ${dataset} is created and funded, but its round did not open yet. Look at your datasets; nothing is lost.`);
  };
  const draft = await patiently(async () => {
    try {
      return await must(api.POST("/v1/datasets/{dataset}/rounds", { params: { path: { dataset } }, body }));
    } catch (error) {
      if (error instanceof ApiError && ["unknown_dataset", "escrow_too_small", "not_funded"].includes(error.code)) return null;
      throw error;
    }
  });
  await patiently(async () => {
    const state = await must(api.GET("/v1/drafts/{draft_id}", { params: { path: { draft_id: draft.draft_id } } }));
    if (state.error) throw new Error(`The round could not be opened: ${state.error}`);
    return state.round;
  });
}
