/** Browse, search, filter. */
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { api, must } from "../../lib/api";
import { KIND_NAMES } from "../../tasks";
import { Problem, Title } from "../../ui";
import { DatasetCard } from "./DatasetCard";

const STATES = ["labeling", "settling", "idle", "finished", "new"] as const;

export default function Datasets() {
  const [search, find] = useState("");
  const [state, setState] = useState("");
  const [kind, setKind] = useState("");
  const q = useDeferredValue(search.trim());
  const list = useInfiniteQuery({
    queryKey: ["datasets", q, state, kind],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(api.GET("/v1/datasets", {
        params: { query: { limit: 24, ...(q ? { q } : {}), ...(state ? { state: state as (typeof STATES)[number] } : {}), ...(kind ? { task_type: kind as "text-choice" } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
      })),
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <Title>Datasets</Title>
      <h1>Datasets</h1>
      <div className="fields">
        <label className="field">Search<input type="search" value={search} onChange={(event) => find(event.target.value)} placeholder="Name or description" /></label>
        <label className="field">State
          <select value={state} onChange={(event) => setState(event.target.value)}><option value="">any</option>{STATES.map((one) => <option key={one}>{one}</option>)}</select>
        </label>
        <label className="field">Kind
          <select value={kind} onChange={(event) => setKind(event.target.value)}><option value="">any</option>{Object.entries(KIND_NAMES).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select>
        </label>
      </div>
      <Problem error={list.error} />
      {list.isPending ? <p className="muted" role="status">Loading …</p> : items.length ? <div className="grid">{items.map((one) => <DatasetCard key={one.dataset} dataset={one} />)}</div> : !list.error && <p className="muted">No dataset matches.</p>}
      {list.hasNextPage && <p style={{ marginTop: "1rem" }}><button className="button" onClick={() => void list.fetchNextPage()} disabled={list.isFetchingNextPage}>More</button></p>}
    </>
  );
}
