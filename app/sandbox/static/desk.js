// The start of a resident's WeChat: the list of chats, and the way to find the account.

import { sandbox } from "./api.js";
import { avatar, busy, el, icon, screen, toast, when } from "./dom.js";
import { remember } from "./people.js";
import { webView } from "./web-view.js";

export async function deskScreen(user) {
  const [accounts, chat] = await Promise.all([sandbox.get("/accounts"), sandbox.get(`/users/${user.id}/chat`)]);
  const official = accounts.find((account) => account.kind === "oa");
  const mini = accounts.find((account) => account.kind === "mini");
  const last = chat.at(-1);
  const rows = [
    user.following
      ? entry(`#/u/${user.id}/chat`, avatar(official.name, "square oa"), official.name, last ? summary(last) : "公众号", last && when(last.at))
      : entry(`#/u/${user.id}/search`, avatar(official.name, "square oa"), "搜索公众号", `搜“${official.name}”并关注`),
    entry(`#/u/${user.id}/mini`, avatar(mini.name, "square mini"), mini.name, "小程序 · 学习、答题、学分、排行"),
    pageEntry(user, "/", "学堂网页", "今日、学分银行、排行、证书"),
    user.duty ? pageEntry(user, user.opens, "我的工作台", user.duty) : null,
    entry(`#/u/${user.id}/scan`, el("span", { class: "avatar square tool" }, icon("scan")), "扫一扫", "扫村里、活动现场的二维码"),
  ];
  const badge = el("div", { class: "whoami" }, avatar(user.name), el("span", {}, el("b", {}, user.name), el("small", {}, "的微信")), el("a", { class: "chip", href: "#/" }, "换一位居民"));
  return { node: screen({ title: "微信", body: [badge, el("ul", { class: "rows" }, rows.filter(Boolean).map((row) => el("li", {}, row)))] }) };
}

export async function searchScreen(user) {
  const accounts = await sandbox.get("/accounts");
  const official = accounts.find((account) => account.kind === "oa");
  const button = el("button", { class: "primary wide" }, user.following ? "进入公众号" : "关注公众号");
  button.addEventListener("click", busy(() => button, async () => {
    if (!user.following) await followed(user, await sandbox.post(`/users/${user.id}/follow`, {}));
    location.hash = `#/u/${user.id}/chat`;
  }));
  const kinds = { service_verified: "服务号 · 已认证", service: "服务号", subscription_verified: "公众号 · 已认证", subscription: "公众号", personal: "个人公众号" };
  const card = el(
    "div",
    { class: "profile" },
    avatar(official.name, "square oa large"),
    el("h2", {}, official.name),
    el("p", {}, kinds[official.profile]),
    el("p", { class: "quiet" }, "每天学一点，学分看得见。"),
    button,
    el("a", { class: "plain wide", href: `#/u/${user.id}/scan` }, "改用扫村码关注"),
  );
  return { node: screen({ title: "搜索", back: `#/u/${user.id}`, body: card }) };
}

// A resident stays one of ours also when the service did not answer.
export async function followed(user, outcome) {
  remember(user, true);
  if (outcome.error) toast("已关注，但服务没有应答");
}

function entry(href, picture, title, text, at) {
  return el(
    "a",
    { class: "row", href },
    picture,
    el("span", { class: "row-text" }, el("b", {}, title), el("small", {}, text)),
    at ? el("time", {}, at) : icon("chevron"),
  );
}

// A page of the service in WeChat's own browser: signed in as whoever holds the phone.
function pageEntry(user, path, title, text) {
  const row = entry("", el("span", { class: "avatar square tool" }, icon("book")), title, text);
  return webView(row, user, path);
}

function summary({ type, content }) {
  if (type === "notice") return `［服务通知］${content.title}`;
  if (type === "news") return `［图文］${content.articles[0].title}`;
  return (content.text ?? `［${type}］`).replace(/<[^>]*>/g, "");
}
