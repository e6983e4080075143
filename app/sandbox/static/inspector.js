// Beside the phone, on wide screens: what went to the service, and what it asked of the platform.

import { sandbox } from "./api.js";
import { el } from "./dom.js";

const POLL_MS = 2000;
const SHOWN = 60;
const OUTCOMES = { reply: "有回复", success: "已受理", garbage: "回复无效", timeout: "超时", connection: "连不上", sending: "发送中", url_not_verified: "未通过验证" };
const EVENTS = { text: "文字消息", subscribe: "关注", unsubscribe: "取关", SCAN: "扫码", CLICK: "点菜单", VIEW: "打开网页", view_miniprogram: "打开小程序", user_authorization_revoke: "撤回授权" };
const wide = window.matchMedia("(min-width: 900px)");

export function startInspector() {
  const box = document.getElementById("inspector");
  const callbacks = el("ol", { class: "log" });
  const calls = el("ol", { class: "log" });
  const detail = el("div", { class: "detail", hidden: true });
  const accounts = el("p", { class: "accounts" });
  box.append(
    el("header", {}, el("h2", {}, "观察窗"), accounts, el("a", { href: "/_sandbox/docs" }, "管理接口")),
    section("推给服务的回调", "腾讯 → 服务", callbacks),
    detail,
    section("服务调用的接口", "服务 → 腾讯", calls),
  );
  const seen = { callbacks: "", calls: "" };

  async function poll() {
    if (!wide.matches || document.hidden) return;
    try {
      const [pushed, called, both] = await Promise.all([
        sandbox.get(`/callbacks?limit=${SHOWN}`),
        sandbox.get(`/calls?limit=${SHOWN}`),
        sandbox.get("/accounts"),
      ]);
      accounts.textContent = both.map((one) => `${one.name} ${one.appid}`).join("　");
      update("callbacks", callbacks, pushed, (record) => callbackRow(record, detail));
      // The wall of codes is drawn by this page, not by the service.
      update("calls", calls, called.filter((call) => call.path !== "/cgi-bin/showqrcode"), callRow);
    } catch {
      accounts.textContent = "替身没有应答";
    }
  }

  function update(name, list, records, row) {
    const print = JSON.stringify(records);
    if (seen[name] === print) return;
    seen[name] = print;
    const rows = records.reverse().map(row);
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "none" }, "还没有")]));
  }

  poll();
  setInterval(poll, POLL_MS);
}

function section(title, way, list) {
  return el("section", {}, el("h3", {}, title, el("small", {}, way)), list);
}

function callbackRow(record, detail) {
  const good = ["reply", "success"].includes(record.outcome);
  const tries = record.tries > 1 ? `${record.tries} 次 · ` : "";
  const show = () => showDetail(record.number, detail);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", onclick: show },
      el("span", {}, EVENTS[record.label] ?? record.label, el("small", {}, record.label)),
      el("span", { class: good ? "good" : "bad" }, OUTCOMES[record.outcome] ?? record.outcome),
      el("small", {}, `${tries}${record.ms} ms`),
    ),
  );
}

function callRow(call) {
  return el(
    "li",
    {},
    el("span", {}, el("code", {}, call.path), call.note ? el("small", {}, `注入：${call.note}`) : null),
    el("span", { class: call.errcode === 0 ? "good" : "bad" }, call.errcode === 0 ? "ok" : String(call.errcode)),
    el("small", {}, `${call.ms} ms`),
  );
}

async function showDetail(number, box) {
  const record = await sandbox.get(`/callbacks/${number}`);
  const close = el("button", { type: "button", class: "chip", onclick: () => { box.hidden = true; } }, "收起");
  const why = record.error ? [el("p", { class: "bad" }, record.error)] : [];
  box.replaceChildren(
    el("div", { class: "detail-head" }, el("b", {}, `回调 ${record.number}`), close),
    ...why,
    el("pre", {}, JSON.stringify(record.message, null, 1)),
    el("b", {}, "服务的回答"),
    el("pre", {}, record.reply ? JSON.stringify(record.reply, null, 1) : record.answer || "（空）"),
    el("details", {}, el("summary", {}, "原始请求"), el("pre", {}, `POST ${record.url ?? "（没有发出）"}\n\n${record.body ?? ""}`)),
  );
  box.hidden = false;
}
