"use strict";
const LBL = 10n ** 18n;
const lbl = (units) => {
  const n = BigInt(units), whole = n / LBL, rest = String(n % LBL).padStart(18, "0").slice(0, 2);
  return whole.toLocaleString("en") + "." + rest;
};
const get = async (path) => {
  const response = await fetch("/v1" + path);
  if (!response.ok) throw new Error(path + ": HTTP " + response.status);
  return response.json();
};
const list = async (path) => {
  const items = [];
  for (let next = ""; next !== null; ) {
    const page = await get(path + (next ? "?cursor=" + next : ""));
    items.push(...page.items);
    next = page.next;
  }
  return items;
};
// Everything is set as text, never as HTML: contents come from strangers.
const table = (caption, columns, rows) => {
  const box = document.createElement("div"), element = document.createElement("table");
  box.className = "scroll";
  element.createCaption().textContent = caption;
  const head = element.createTHead().insertRow();
  for (const name of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const body = element.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) line.insertCell().textContent = value;
  }
  if (!rows.length) body.insertRow().insertCell().textContent = "none yet";
  box.append(element);
  return box;
};
async function refresh() {
  const state = document.getElementById("state"), parts = [];
  try {
    const [config, health, datasets] = await Promise.all([get("/config"), get("/health"), list("/datasets")]);
    const even = health.ledger.sum === health.ledger.held;
    state.className = even ? "good" : "bad";
    state.textContent = `Chain ${config.chain_id}, block ${health.mirror_block}. Ledger: accounts add up to ` +
      `${lbl(health.ledger.sum)} LBL and it holds ${lbl(health.ledger.held)} LBL${even ? "" : ": they differ!"}`;
    parts.push(table("Datasets", ["dataset", "requester", "classes", "LBL a label", "escrow", "reserved", "price", "revenue"],
      datasets.map((d) => [d.dataset, d.requester, d.terms.classes, lbl(d.terms.reward), lbl(d.escrow), lbl(d.reserved),
        lbl(d.price), lbl(d.revenue)])));
    for (const d of datasets) {
      const [rounds, people, sales] = await Promise.all([Promise.all(d.rounds.map((r) => get("/rounds/" + r))),
        list(`/datasets/${d.dataset}/contributors`), list(`/datasets/${d.dataset}/sales`)]);
      const title = document.createElement("h2");
      title.textContent = "Dataset " + d.dataset;
      people.sort((a, b) => (BigInt(b.shares) > BigInt(a.shares) ? 1 : -1));
      parts.push(title,
        table("Rounds", ["round", "phase", "audit", "settlement", "tasks", "labels", "budget", "sure tasks", "LBL saved"],
          rounds.map((r) => [r.round, r.phase, r.audit_phase ?? "–", r.settlement_phase ?? "–", r.task_count, r.labels, r.label_budget,
            r.sure_tasks ?? "–", lbl(r.saved)])),
        table("Contributors", ["contributor", "labels", "pending", "pay", "slashed", "part of the dataset", "revenue"],
          people.map((p) => [p.contributor, p.labels, p.pending, lbl(p.reward), lbl(p.slash),
            d.shares === "0" ? "–" : (Number(BigInt(p.shares) * 10000n / BigInt(d.shares)) / 100).toFixed(2) + " %", lbl(p.revenue)])),
        table("Sales", ["licensee", "buyer", "price", "fee", "block"],
          sales.map((s) => [s.licensee, s.buyer, lbl(s.price), lbl(s.fee), s.block])));
    }
    document.getElementById("main").replaceChildren(...parts);
  } catch (error) {
    state.className = "bad";
    state.textContent = "Not up to date: " + error.message;
  }
}
refresh();
setInterval(refresh, 5000);
