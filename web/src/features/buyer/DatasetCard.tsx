import { useQuery } from "@tanstack/react-query";
import { api, must, type Schema } from "../../lib/api";
import { agreement, lbl, plural } from "../../lib/format";
import { Link } from "../../lib/router";
import { KIND_NAMES } from "../../tasks";
import { Bars } from "../../ui";

const STATES: Record<string, [string, string]> = {
  new: ["new", ""], labeling: ["open for labels", "live"], settling: ["being audited", "warn"], idle: ["between rounds", ""], finished: ["finished", "good"],
};

export function State({ state }: { state: string }) {
  const [text, kind] = STATES[state] ?? [state, ""];
  return <span className={`tag ${kind}`}>{text}</span>;
}

export function DatasetCard({ dataset, plot = false }: { dataset: Schema["DatasetCard"]; plot?: boolean }) {
  return (
    <article className="card stack">
      <div className="row apart">
        <State state={dataset.state} />
        <span className="small muted">{KIND_NAMES[dataset.task_type ?? ""] ?? plural(dataset.classes, "class", "classes")}</span>
      </div>
      <h3 style={{ margin: 0 }}><Link href={`/datasets/${dataset.dataset}`}>{dataset.name ?? `Dataset ${dataset.dataset}`}</Link></h3>
      <p className="small muted" style={{ margin: 0 }}>
        {plural(dataset.tasks, "task")} · {plural(dataset.labels, "label")} · {plural(dataset.contributors, "contributor")} · α {dataset.alpha === null ? "–" : dataset.alpha.toFixed(2)} ({agreement(dataset.alpha)})
      </p>
      {plot && <Classes dataset={dataset.dataset} />}
      <p className="small" style={{ margin: 0 }}>License {lbl(dataset.price)} LBL · sold {plural(dataset.sales, "time")} · earned {lbl(dataset.revenue)} LBL</p>
    </article>
  );
}

function Classes({ dataset }: { dataset: number }) {
  const quality = useQuery({ queryKey: ["quality", dataset], queryFn: () => must(api.GET("/v1/datasets/{dataset}/quality", { params: { path: { dataset } } })), staleTime: 15_000 });
  const last = quality.data?.rounds.at(-1);
  if (!quality.data || !last) return null;
  const counts = last.class_tasks.length ? last.class_tasks : last.class_labels;
  return <Bars label="Tasks by class" items={counts.slice(0, 6).map((value, i) => ({ name: quality.data.classes[i] ?? `Class ${i}`, value, shown: value.toLocaleString("en") }))} />;
}
