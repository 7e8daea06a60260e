/** Attesting open submissions: those whose labels were shown to this member of the panel, by the operator or in a file of the contributor's. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Hex } from "viem";
import { api, hasCode, must } from "../../lib/api";
import { domainFor, useDeployment, type Config } from "../../lib/config";
import { typedData } from "../../lib/eip712";
import { plural } from "../../lib/format";
import { labelsRoot } from "../../lib/merkle";
import type { Wallet } from "../../lib/wallet";
import { Drop } from "../../ui/Drop";
import { Found, Note, Problem, Table, Who } from "../../ui";
import { acceptedIn, OPEN_PATH, type Accepted } from "./evidence";

type Label = { task: number; answer: number; salt: Hex };
type Open = Accepted & { from: "the operator" | null };

/** Whether these are the labels that were signed: their root is the one on chain. */
const isOf = (one: Accepted, labels: Label[]) => labels.length === one.count && labels.length > 0 && labelsRoot(labels) === one.labelsRoot;

async function openIn(wallet: Wallet, config: Config, round: number): Promise<Open[]> {
  const [accepted, shown] = await Promise.all([
    acceptedIn(wallet.wagmi, config, round),
    must(api.GET("/v1/rounds/{round_id}/open-labels", { params: { path: { round_id: round } } })),
  ]);
  return accepted.filter((one) => one.admission === OPEN_PATH).map((one) => {
    const given = shown.items.find((other) => other.contributor === one.contributor && other.sequence === one.sequence);
    return { ...one, from: given && isOf(one, given.labels as Label[]) ? "the operator" : null };
  });
}

type LabelsFile = { schema: string; round: number; submission: { contributor: string; sequence: number }; labels: Label[] };

/** Which open submission a contributor's file holds the labels of. Throws, naming the file, when it is none of them. */
async function placeOf(file: File, round: number, open: Open[]): Promise<number> {
  try {
    const body = JSON.parse(await file.text()) as LabelsFile;
    const place = open.findIndex((one) => one.contributor === body.submission.contributor && one.sequence === body.submission.sequence);
    if (body.schema === "labelshare-open-1" && body.round === round && place >= 0 && isOf(open[place]!, body.labels)) return place;
  } catch {
    /* no labels file at all: said below */
  }
  throw new Error(`${file.name}: the chain accepted no open submission with these labels in this round.`);
}

export function Attest({ wallet, round, attempt }: { wallet: Wallet; round: number; attempt: number }) {
  const config = useDeployment();
  const open = useQuery({ queryKey: ["open-labels", round, attempt], queryFn: () => openIn(wallet, config, round), staleTime: Infinity });
  return (
    <div className="card">
      <h2>Open submissions</h2>
      <p>These labels came to the chain without the operator's leave. They count when more than half of the panel says that it was shown them. Say so only of what you have: a jury will ask you for it.</p>
      <Found query={open}>{(found) => <Shown wallet={wallet} round={round} attempt={attempt} open={found} />}</Found>
    </div>
  );
}

function Shown({ wallet, round, attempt, open }: { wallet: Wallet; round: number; attempt: number; open: Open[] }) {
  const config = useDeployment();
  const queries = useQueryClient();
  const [files, keep] = useState<Record<number, string>>({});
  const read = useMutation({
    mutationFn: async (dropped: File[]) => {
      for (const file of dropped) {
        const place = await placeOf(file, round, open);
        keep((before) => ({ ...before, [place]: file.name }));
      }
    },
  });
  const bits = open.reduce((all, one, i) => (one.from || files[i] ? all | (1n << BigInt(i)) : all), 0n);
  const count = open.filter((one, i) => one.from || files[i]).length;
  const attest = useMutation({
    mutationFn: async () => {
      const signature = await wallet.sign(typedData("Attestation", domainFor(config, "AuditBoard"), { round: BigInt(round), attempt, validator: wallet.address, shown: bits }));
      try {
        await must(api.POST("/v1/rounds/{round_id}/attestations", { params: { path: { round_id: round } }, body: { validator: wallet.address, shown: bits.toString(), signature } }));
      } catch (error) {
        if (!hasCode(error, "already_attested")) throw error;
      }
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["validator", wallet.address] }),
  });
  if (attest.isSuccess) return <Note role="status">Attested. The evidence follows when the panel is through.</Note>;
  return (
    <>
      <Table label="Open submissions" head={["Contributor", "Labels", "Shown to you"]}>
        {open.map((one, i) => (
          <tr key={one.contributor}>
            <td><Who address={one.contributor} me={wallet.address} /></td><td className="num">{one.count}</td>
            <td className="num">{one.from || files[i] ? <span className="tag good">by {one.from ?? files[i]}: the root on chain</span> : <span className="tag warn">not shown</span>}</td>
          </tr>
        ))}
      </Table>
      <div style={{ margin: "0.9rem 0" }}><Drop label="Labels files" hint="Did a contributor send you a labels file? Drop it here." accept=".json" take={(dropped) => read.mutate(dropped)} /></div>
      <Problem error={read.error ?? attest.error} />
      <button className="button primary" onClick={() => attest.mutate()} disabled={attest.isPending}>
        {attest.isPending ? "Waiting for your wallet …" : count ? `Attest ${count} of ${plural(open.length, "submission")}` : "Attest that none was shown to me"}
      </button>
    </>
  );
}
