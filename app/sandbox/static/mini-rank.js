// Rankings: of villages and of those people who agreed to be shown.

import { busy, el, empty } from "./dom.js";
import { amountText } from "./mini-credit.js";

const BOARDS = { villages: "村（社区）", people: "个人" };
const PERIODS = { day: "今天", week: "本周", month: "本月", year: "今年", all: "累计" };
const UNITS = { credit: "学分", points: "积分" };

export async function rankPage(app, { body }) {
  const state = { board: "villages", period: "week", unit: "credit" };
  const list = el("ol", { class: "ranking" });
  const own = el("div");
  const note = el("p", { class: "quiet centred" });

  async function load() {
    const query = new URLSearchParams({ unit: state.unit, period: state.period });
    const table = await app.api.get(`/rankings/${state.board}?${query}`);
    const rows = table.items.map((item) => row(item, state));
    list.replaceChildren(...(rows.length ? rows : [el("li", {}, empty("这段时间还没有人上榜"))]));
    own.replaceChildren(...(table.me ? [el("ol", { class: "ranking own" }, row(table.me, state, true))] : []));
    note.textContent = `${spanOf(table)}${state.board === "people" ? " · 只列出愿意公开的人" : ""}`;
  }

  function picker(name, choices) {
    const chips = Object.entries(choices).map(([value, label]) => {
      const chip = el("button", { class: "chip", type: "button", "aria-pressed": String(state[name] === value) }, label);
      chip.addEventListener("click", busy(() => chip, async () => {
        state[name] = value;
        for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
        await load();
      }));
      return chip;
    });
    return el("div", { class: `chips ${name}` }, chips);
  }

  body.replaceChildren(picker("board", BOARDS), picker("period", PERIODS), picker("unit", UNITS), note, own, list);
  await load();
}

// `to` is the day after the last.
function spanOf({ period, from, to }) {
  if (period === "all") return "开通以来";
  const last = new Date(Date.parse(to) - 24 * 3600 * 1000).toISOString().slice(0, 10);
  return last <= from ? from : `${from} 至 ${last}`;
}

function row(item, state, own = false) {
  const org = item.org && typeof item.org === "object" ? item.org.name : item.org;
  return el(
    "li",
    { class: `${item.is_me || own ? "me" : ""} rank${item.rank <= 3 ? item.rank : "n"}` },
    el("span", { class: "place" }, String(item.rank)),
    el("span", { class: "who" }, el("b", {}, own ? `我 · ${item.name ?? ""}` : item.name ?? org), state.board === "people" && org ? el("small", {}, org) : null),
    el("span", { class: "sum" }, amountText(item.amount, state.unit)),
  );
}
