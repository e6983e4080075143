// The simulated mini-program: it logs in with wx.login's code and then uses the service's JSON API.

import { sandbox, service } from "./api.js";
import { ask, el, empty, icon, toast } from "./dom.js";
import { creditPage } from "./mini-credit.js";
import { learnPage, todayPage } from "./mini-learn.js";
import { lessonPage } from "./mini-lesson.js";
import { mePage } from "./mini-me.js";
import { rankPage } from "./mini-rank.js";

const TABS = [
  ["today", "今日", "today", todayPage],
  ["learn", "课程", "book", learnPage],
  ["credit", "学分", "coin", creditPage],
  ["rank", "排行", "rank", rankPage],
  ["me", "我的", "person", mePage],
];

export async function miniScreen(user, rest, query) {
  const start = `#/u/${user.id}/mini`;
  const [page, id] = rest.split("/");
  const app = { user, query, api: service(user.id), start };
  const tab = TABS.find(([name]) => name === (page || "today"));
  const body = el("div", { class: "body" }, el("p", { class: "loading" }, "正在载入"));
  const title = el("h1", {}, page === "lesson" ? "学习" : tab?.[1] === "今日" ? "首善学堂" : tab?.[1] ?? "首善学堂");
  const bar = el(
    "header",
    { class: "bar" },
    page === "lesson" ? el("a", { class: "bar-back", href: start, "aria-label": "返回" }, icon("back")) : el("span"),
    title,
    capsule(user),
  );
  const tabs = TABS.map(([name, label, picture]) =>
    el("a", { href: name === "today" ? start : `${start}/${name}`, "aria-current": name === tab?.[0] ? "page" : null }, icon(picture), el("span", {}, label)));
  const node = el("div", { class: "screen mini" }, bar, body, page === "lesson" ? null : el("nav", { class: "tabs", "aria-label": "小程序" }, tabs));
  const leaving = [];
  const frame = { body, title, onLeave: (action) => leaving.push(action) };
  const ready = () => fill(app, frame, page === "lesson" ? (...args) => lessonPage(...args, decodeURIComponent(id)) : tab?.[3] ?? todayPage);
  return { node, ready, leave: () => leaving.forEach((action) => action()) };
}

async function fill(app, frame, page) {
  try {
    await page(app, frame);
  } catch (error) {
    const again = el("button", { class: "plain wide", onclick: () => fill(app, frame, page) }, "再试一次");
    frame.body.replaceChildren(el("div", { class: "trouble" }, empty(error.message), again));
  }
}

function capsule(user) {
  return el(
    "span",
    { class: "capsule" },
    el("button", { type: "button", "aria-label": "更多", onclick: () => revoke(user) }, icon("more")),
    el("a", { href: `#/u/${user.id}`, "aria-label": "关闭小程序" }, icon("close")),
  );
}

async function revoke(user) {
  if (!await ask("在微信里撤回对“首善学堂”的授权？服务会收到通知并删除个人信息。", "撤回授权")) return;
  const outcome = await sandbox.post(`/users/${user.id}/revoke`);
  localStorage.removeItem(`token:${user.id}`);
  toast(outcome.delivered ? "已通知服务" : "服务没有应答");
}
