import { lazy, Suspense } from "react";
import type { Point } from "./Chart";

const Chart = lazy(() => import("./Chart"));

export function Plot(props: { kind: "bars" | "line"; points: Point[]; unit: string; label: string }) {
  if (!props.points.length) return <p className="muted small">Nothing to plot yet.</p>;
  return (
    <Suspense fallback={<div className="chart" />}>
      <Chart {...props} />
    </Suspense>
  );
}
