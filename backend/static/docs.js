"use strict";
// Everything is set as text, never as HTML.
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};
const named = (schema) => {
  if (!schema) return "–";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return named(schema.items) + "[]";
  if (schema.anyOf) return schema.anyOf.map(named).join(" | ");
  return schema.enum ? schema.enum.join(" | ") : schema.type ?? "any";
};
const body = (content) => Object.entries(content ?? {}).map(([type, { schema }]) => `${named(schema)} (${type})`).join(", ") || "–";
const operation = (path, method, o) => {
  const head = make("summary", "", Object.assign(make("code", method.toUpperCase()), { className: "method" }), make("code", path),
    ` ${o.summary ?? ""}`);
  const parts = [make("p", o.description ?? "")];
  const row = (label, text) => parts.push(make("p", "", make("strong", label + ": "), text));
  row("Who", o.security ? "signed in, or signed Access headers" : "anyone, or by signature in the body");
  for (const p of o.parameters ?? []) row(`${p.in} ${p.name}${p.required ? "" : "?"}`, `${named(p.schema)} ${p.description ?? ""}`);
  if (o.requestBody) row("Body", body(o.requestBody.content));
  for (const [status, answer] of Object.entries(o.responses)) row(status, `${body(answer.content)} ${answer.description}`);
  return make("details", "", head, ...parts);
};
(async () => {
  const main = document.getElementById("main");
  const answer = await fetch("/openapi.json");
  const api = await answer.json();
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, o] of Object.entries(item)) {
      const tag = o.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, method, o));
    }
  const intro = make("pre", api.info.description.trim());
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) => {
    const box = make("details", "", make("summary", "", make("code", name)), make("pre", JSON.stringify(schema, null, 2)));
    box.id = name;
    return box;
  });
  main.replaceChildren(intro, ...[...groups].map(([tag, items]) => make("section", "", make("h2", tag), ...items)),
    make("section", "", make("h2", "Schemas"), ...schemas));
})();
