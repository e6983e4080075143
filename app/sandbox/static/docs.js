// The admin API, read from its OpenAPI document.

import { el } from "./dom.js";

const document_ = await (await fetch("/_sandbox/openapi.json")).json();
const schemas = document_.components.schemas;

function resolve(schema) {
  return schema?.$ref ? schemas[schema.$ref.split("/").at(-1)] : schema;
}

function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `[${kindOf(schema.items)}…]`;
  return schema.type ?? "any";
}

function fields(schema) {
  const found = resolve(schema?.type === "array" ? schema.items : schema);
  if (!found?.properties) return el("p", {}, el("code", {}, kindOf(schema)));
  const required = new Set(found.required ?? []);
  const rows = Object.entries(found.properties).map(([name, field]) =>
    el("tr", {}, el("td", {}, el("code", {}, name), required.has(name) ? "" : "?"), el("td", {}, kindOf(field)), el("td", {}, field.description ?? "")));
  return el("table", {}, el("tbody", {}, rows));
}

function operation(path, method, facts) {
  const body = facts.requestBody?.content?.["application/json"]?.schema;
  const answer = facts.responses?.["200"]?.content?.["application/json"]?.schema;
  return el(
    "details",
    { class: "operation" },
    el("summary", {}, el("b", { class: method }, method.toUpperCase()), el("code", {}, path), el("span", {}, facts.summary)),
    facts.description ? el("p", {}, facts.description) : null,
    body ? [el("h3", {}, "请求"), fields(body)] : null,
    answer ? [el("h3", {}, answer.type === "array" ? "回答（列表）" : "回答"), fields(answer)] : null,
  );
}

const list = Object.entries(document_.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, facts]) => operation(path, method, facts)));
document.getElementById("operations").replaceChildren(...list);
