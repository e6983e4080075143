// Credits: balances, title, today's caps, and the statement that explains itself.

import { busy, el, empty, icon, when } from "./dom.js";
import { webView } from "./web-view.js";

export function amountText(amount, unit = "points") {
  if (amount === null || amount === undefined) return "";
  if (typeof amount === "object") return amount.text ?? amountText(amount.amount, amount.unit);
  return unit === "credit" ? `${(amount / 100).toFixed(2)} 学分` : `${amount} 积分`;
}

// "1.25 学分" as a large number and a small name.
function split(amount) {
  const [number, ...label] = amountText(amount).split(" ");
  return { number, label: label.join(" ") || amount.unit };
}

function nameOf(thing) {
  return typeof thing === "object" && thing !== null ? thing.name ?? thing.title ?? thing.text ?? "" : thing ?? "";
}

export async function creditPage(app, { body }) {
  const credits = await app.api.get("/me/credits");
  const statement = el("ol", { class: "statement" });
  const more = el("button", { class: "plain wide", hidden: true }, "更早的");
  const state = { unit: "credit", next: null };

  async function load(cursor) {
    const query = new URLSearchParams({ unit: state.unit, limit: "20" });
    if (cursor) query.set("cursor", cursor);
    const page = await app.api.get(`/me/statement?${query}`);
    const rows = page.items.map(line);
    if (cursor) statement.append(...rows);
    else statement.replaceChildren(...(rows.length ? rows : [el("li", {}, empty("还没有记录，学一课就有了"))]));
    state.next = page.next;
    more.hidden = !page.next;
  }

  const tabs = credits.balances.map((balance) => {
    const [unit, label] = [balance.unit, split(balance).label];
    const chip = el("button", { class: "chip", type: "button", "aria-pressed": String(unit === state.unit) }, label);
    chip.addEventListener("click", busy(() => chip, async () => {
      state.unit = unit;
      for (const other of tabs) other.setAttribute("aria-pressed", String(other === chip));
      await load();
    }));
    return chip;
  });
  more.addEventListener("click", busy(() => more, () => load(state.next)));
  const whole = webView(el("a", { class: "notice" }, "称号证书、学分怎么来，在学堂网页里看", icon("chevron")), app.user, "/credits");
  body.replaceChildren(purse(credits), whole, today(credits), el("h2", { class: "group" }, "对账单"), el("div", { class: "chips" }, tabs), statement, more);
  await load();
}

function purse({ balances, title, next_title: next }) {
  const boxes = balances.map((balance) => el("div", {}, el("b", {}, split(balance).number), el("span", {}, split(balance).label)));
  return el(
    "section",
    { class: "purse" },
    el("p", { class: "title" }, nameOf(title) || "还没有称号"),
    el("div", { class: "balances" }, boxes),
    nameOf(next) ? el("p", { class: "next" }, `下一个称号：${nameOf(next)}`, next.threshold ? `（满 ${amountText(next.threshold)}）` : "") : null,
  );
}

function today({ today: rules }) {
  if (!rules?.length) return "";
  const rows = rules.map(({ rule, name, amount, cap }) => {
    const [now, most] = [amount, cap].map((value) => (typeof value === "object" && value ? value.amount : value));
    const full = most && now >= most;
    return el(
      "li",
      { class: full ? "full" : "" },
      el("span", {}, name ?? nameOf(rule)),
      most ? el("progress", { max: String(most), value: String(now) }) : null,
      el("small", {}, most ? `${amountText(amount)} / ${amountText(cap)}` : amountText(amount)),
    );
  });
  return el("section", { class: "sheet" }, el("h2", {}, "今天"), el("ul", { class: "caps" }, rows));
}

function line(row) {
  const value = typeof row.amount === "object" ? row.amount.amount : row.amount;
  return el(
    "li",
    { class: row.reverses ? "reversal" : "" },
    el("div", {}, el("b", {}, row.text), el("small", {}, when(row.at))),
    el("div", { class: "sum" }, el("b", { class: value < 0 ? "bad" : "good" }, `${value > 0 ? "+" : ""}${amountText(row.amount)}`), el("small", {}, `余 ${amountText(row.balance_after)}`)),
  );
}
