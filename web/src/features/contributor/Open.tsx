/** What can be labeled now. */
import { api, must } from "../../lib/api";
import { lbl, plural, until } from "../../lib/format";
import { Link } from "../../lib/router";
import { KIND_NAMES } from "../../tasks";
import { Found, Meter, Note, Title, usePolled } from "../../ui";

export default function Open() {
  const datasets = usePolled(["datasets", "labeling"], () => must(api.GET("/v1/datasets", { params: { query: { state: "labeling", limit: 100 } } })));
  return (
    <>
      <Title>Label</Title>
      <h1>Open for labels</h1>
      <p className="muted">Every label that holds up earns pay at once and a share of what the dataset sells for later.</p>
      <Found query={datasets}>
        {({ items }) =>
          items.length ? (
            <div className="grid">
              {items.map((one) => (
                <article className="card stack" key={one.dataset}>
                  <div>
                    <h2>{one.name ?? `Dataset ${one.dataset}`}</h2>
                    <span className="tag">{KIND_NAMES[one.task_type ?? ""] ?? plural(one.classes, "class", "classes")}</span> <span className="tag live">{lbl(one.reward)} LBL a label</span>
                  </div>
                  <Meter part={one.label_budget ? one.labels / one.label_budget : 0} label={`${one.labels} of ${one.label_budget} labels`} />
                  <p className="small muted" style={{ margin: 0 }}>{one.labels} of {plural(one.label_budget, "label")}{one.deadline ? ` · ends in ${until(one.deadline)}` : ""}</p>
                  <div className="row">
                    <Link className="button primary" href={`/label/${one.open_round}`}>Label</Link>
                    <Link className="button" href={`/datasets/${one.dataset}/practice`}>Practice</Link>
                    <Link className="button quiet" href={`/datasets/${one.dataset}`}>About</Link>
                  </div>
                </article>
              ))}
            </div>
          ) : (
            <Note>Nothing is open right now. Rounds open when requesters fund them; <Link href="/datasets">look at the datasets</Link>.</Note>
          )
        }
      </Found>
    </>
  );
}
