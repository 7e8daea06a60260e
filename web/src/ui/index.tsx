/** Small parts that every page uses. */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { explain } from "../lib/chain";
import { short } from "../lib/format";
import { Link } from "../lib/router";

export function Title({ children }: { children: string }) {
  useEffect(() => {
    document.title = children === "Labelshare" ? children : `${children} · Labelshare`;
  }, [children]);
  return null;
}

export function Note({ kind = "", children, role }: { kind?: "" | "good" | "bad" | "warn"; children: ReactNode; role?: string }) {
  return (
    <div className={`note ${kind}`} role={role ?? (kind === "bad" ? "alert" : undefined)}>
      {children}
    </div>
  );
}

export const Problem = ({ error }: { error: unknown }) => (error ? <Note kind="bad">{explain(error)}</Note> : null);

/** What a query found; its trouble, with a way to try again, while it found nothing. */
export function Found<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError)
    return (
      <Note kind="bad">
        <p>{explain(query.error)}</p>
        <button className="button small" onClick={() => void query.refetch()}>
          Try again
        </button>
      </Note>
    );
  return <p className="muted" role="status">Loading …</p>;
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that scrolls sideways on a phone, by keyboard too. */
export function Table({ label, head, children }: { label: string; head: ReactNode[]; children: ReactNode }) {
  return (
    <div className="table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>{head.map((cell, i) => <th key={i} className={i ? "num" : ""} scope="col">{cell}</th>)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export const Meter = ({ part, label }: { part: number; label: string }) => (
  <div className="meter" role="img" aria-label={label}>
    <span style={{ width: `${Math.min(100, Math.max(0, part * 100))}%` }} />
  </div>
);

export function Bars({ label, items }: { label: string; items: { name: string; value: number; shown: string }[] }) {
  const most = Math.max(...items.map((item) => item.value), 1e-9);
  return (
    <ul className="bars" aria-label={label}>
      {items.map((item) => (
        <li key={item.name}>
          <span>{item.name}</span>
          <div className="meter"><span style={{ width: `${(item.value / most) * 100}%` }} /></div>
          <span className="right">{item.shown}</span>
        </li>
      ))}
    </ul>
  );
}

export const Tx = ({ hash }: { hash: string | null | undefined }) =>
  hash ? <Link className="mono" href={`/tx/${hash}`} title={hash}>{short(hash)}</Link> : <span className="muted">–</span>;

export const Who = ({ address, me }: { address: string; me?: string | null | undefined }) => (
  <span className="mono" title={address}>{me && me === address ? "you" : short(address)}</span>
);

export function Tabs({ names, children }: { names: string[]; children: (chosen: string) => ReactNode }) {
  const [chosen, choose] = useState(names[0]!);
  const id = useId();
  return (
    <>
      <div className="tabs" role="tablist" onKeyDown={(event) => {
        const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (!step) return;
        const next = names[(names.indexOf(chosen) + step + names.length) % names.length]!;
        choose(next);
        document.getElementById(`${id}-${next}`)?.focus();
      }}>
        {names.map((name) => (
          <button key={name} id={`${id}-${name}`} role="tab" aria-selected={name === chosen} aria-controls={`${id}-panel`} tabIndex={name === chosen ? 0 : -1} onClick={() => choose(name)}>
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>{children(chosen)}</div>
    </>
  );
}

export function Dialog({ title, close, wide, children }: { title: string; close: () => void; wide?: boolean; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog ref={ref} className={wide ? "wide" : ""} aria-labelledby={id} onClose={close} onClick={(event) => event.target === ref.current && close()}>
      <div className="row apart">
        <h2 id={id}>{title}</h2>
        <button className="button quiet small" onClick={close} aria-label="Close">✕</button>
      </div>
      {children}
    </dialog>
  );
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, set] = useState(false);
  return (
    <button className="button small" onClick={() => void navigator.clipboard.writeText(text).then(() => set(true))}>
      {done ? "Copied" : label}
    </button>
  );
}

/** Polls while `busy` says so. */
export function usePolled<T>(key: unknown[], fetcher: () => Promise<T>, busy: (data: T | undefined) => boolean = () => false, every = 1500) {
  return useQuery({ queryKey: key, queryFn: fetcher, refetchInterval: (query) => (busy(query.state.data) ? every : false) });
}
