/** Requests to delete content of a dataset, for its requester to decide. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schema } from "../../lib/api";
import { day } from "../../lib/format";
import type { Wallet } from "../../lib/wallet";
import { Note, Problem, usePolled } from "../../ui";

export function Removals({ wallet, dataset }: { wallet: Wallet; dataset: number }) {
  const asked = usePolled(["takedowns", dataset, wallet.address], () => must(api.GET("/v1/datasets/{dataset}/takedowns", { params: { path: { dataset } } })), () => true, 10_000);
  const open = asked.data?.items.filter((one) => one.outcome === "open") ?? [];
  return <>{open.map((one) => <Asked key={one.id} dataset={dataset} one={one} />)}</>;
}

function Asked({ dataset, one }: { dataset: number; one: Schema["TakedownView"] }) {
  const queries = useQueryClient();
  const decide = useMutation({
    mutationFn: (erase: boolean) => must(api.POST("/v1/datasets/{dataset}/erasures", { params: { path: { dataset } }, body: { content_hash: one.content_hash, erase } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["takedowns"] }),
  });
  return (
    <Note kind="warn">
      <p><strong>Somebody asks for content to be deleted</strong> ({day(one.created_at)}): <code>{one.content_hash}</code></p>
      <p style={{ whiteSpace: "pre-line" }}>“{one.reason}”</p>
      <p className="small">Deleting is for good: samples and later downloads show nothing in its place. Its hash and the labels stay.</p>
      <Problem error={decide.error} />
      <div className="row">
        <button className="button small" onClick={() => decide.mutate(true)} disabled={decide.isPending}>Delete the content</button>
        <button className="button quiet small" onClick={() => decide.mutate(false)} disabled={decide.isPending}>Keep it</button>
      </div>
    </Note>
  );
}
