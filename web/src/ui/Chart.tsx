/** Plots, loaded only where there is one. Each has its numbers in a table beside it, so nothing is told by the picture alone. */
import { Area, AreaChart, Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

const style = { background: "var(--surface)", border: "1px solid var(--line)", borderRadius: 10, color: "var(--ink)" };
const axis = { stroke: "var(--soft)", fontSize: 12, tickLine: false, axisLine: false } as const;

export type Point = { name: string; value: number };

export default function Chart({ kind, points, unit, label }: { kind: "bars" | "line"; points: Point[]; unit: string; label: string }) {
  return (
    <div className="chart" role="img" aria-label={label}>
      <ResponsiveContainer>
        {kind === "bars" ? (
          <BarChart data={points} margin={{ left: -14, right: 6, top: 8 }} accessibilityLayer={false}>
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis dataKey="name" {...axis} />
            <YAxis {...axis} width={60} />
            <Tooltip contentStyle={style} cursor={{ fill: "var(--sunken)" }} formatter={(value) => [`${value} ${unit}`, ""]} separator="" />
            <Bar dataKey="value" fill="var(--chart-1)" radius={[5, 5, 0, 0]} isAnimationActive={false} maxBarSize={46} />
          </BarChart>
        ) : (
          <AreaChart data={points} margin={{ left: -14, right: 6, top: 8 }} accessibilityLayer={false}>
            <CartesianGrid stroke="var(--line)" vertical={false} />
            <XAxis dataKey="name" {...axis} />
            <YAxis {...axis} width={60} />
            <Tooltip contentStyle={style} formatter={(value) => [`${value} ${unit}`, ""]} separator="" />
            <Area dataKey="value" type="stepAfter" stroke="var(--chart-1)" fill="var(--accent-soft)" strokeWidth={2} isAnimationActive={false} />
          </AreaChart>
        )}
      </ResponsiveContainer>
    </div>
  );
}
