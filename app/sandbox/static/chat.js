// The chat with the official account: bubbles, the menu at the bottom, and leaving.

import { safeLink, sandbox, siteUrl } from "./api.js";
import { ask, avatar, busy, el, icon, screen, toast, when } from "./dom.js";
import { footer } from "./menubar.js";
import { miniAddress } from "./mini-address.js";
import { remember } from "./people.js";
import { pageOf, webView } from "./web-view.js";

const POLL_MS = 2500;
const GAP_MS = 5 * 60 * 1000;

export async function chatScreen(user) {
  const accounts = await sandbox.get("/accounts");
  const official = accounts.find((account) => account.kind === "oa");
  const log = el("ol", { class: "chat", "aria-label": "聊天记录", "aria-live": "polite" });
  const state = { last: 0, at: 0 };

  async function refresh() {
    const news = await sandbox.get(`/users/${user.id}/chat?after=${state.last}`);
    for (const bubble of news) {
      if (bubble.id <= state.last) continue;
      const at = Date.parse(bubble.at);
      if (at - state.at > GAP_MS) log.append(el("li", { class: "chat-time" }, when(bubble.at)));
      log.append(line(bubble, user, official, act));
      state.last = bubble.id;
      state.at = at;
    }
    if (news.length) log.parentElement?.scrollTo({ top: log.parentElement.scrollHeight });
  }

  async function act(path, body) {
    const typing = el("li", { class: "line account typing" }, avatar(official.name, "square oa"), el("p", { class: "bubble" }, el("i"), el("i"), el("i")));
    const sent = sandbox.post(`/users/${user.id}/${path}`, body);
    await refresh();
    log.append(typing);
    log.parentElement?.scrollTo({ top: log.parentElement.scrollHeight });
    try {
      return await sent;
    } finally {
      typing.remove();
      await refresh();
    }
  }

  await refresh();
  const foot = user.following
    ? footer({ menu: official.menu, act, open: (address) => open(address, user) })
    : el("div", { class: "foot" }, el("a", { class: "primary wide", href: `#/u/${user.id}/search` }, "关注公众号"));
  const polling = setInterval(() => refresh().catch(() => {}), POLL_MS);
  const node = screen({ title: official.name, back: `#/u/${user.id}`, action: actions(user), body: log, foot, kind: "chat-screen" });
  const bottom = () => { log.parentElement.scrollTop = log.parentElement.scrollHeight; };
  return { node, ready: bottom, leave: () => clearInterval(polling) };
}

function actions(user) {
  const home = el("a", { class: "bar-action", href: "/account", target: "_blank", rel: "noopener" }, "主页");
  return el("span", { class: "bar-actions" }, home, leaveButton(user));
}

function leaveButton(user) {
  if (!user.following) return null;
  const button = el("button", { class: "bar-action" }, "取关");
  button.addEventListener("click", busy(() => button, async () => {
    if (!await ask("不再关注公众号？之后收不到每日学习提醒。", "不再关注")) return;
    await sandbox.post(`/users/${user.id}/unfollow`);
    remember(user, false);
    location.hash = `#/u/${user.id}`;
  }));
  return button;
}

function open(address, user) {
  if (!address) return;
  const page = pageOf(address);
  if (page) webView(el("a"), user, page).click();
  else if (/^https?:/.test(address)) window.open(address, "_blank", "noopener");
  else location.hash = miniAddress(user.id, address);
}

function line(bubble, user, official, act) {
  const { sender, type, content } = bubble;
  if (sender === "system") {
    return el("li", { class: `chat-note ${type}`, title: content.reason ?? "" }, content.text);
  }
  const picture = sender === "user" ? avatar(user.name) : avatar(official.name, "square oa");
  if (type === "news" || type === "mpnewsarticle") {
    return el("li", { class: "line account" }, picture, el("div", { class: "cards" }, (content.articles ?? []).map((one, index) => card(one, index, user))));
  }
  if (type === "notice") return el("li", { class: "line account" }, avatar(content.by, "square mini"), notice(content, user));
  const text = el("p", { class: "bubble" }, rich(content.text ?? `［${type}］${content.title ?? ""}`, user, act));
  const note = content.by === "custom_service" ? el("small", { class: "by" }, "客服消息") : null;
  return el("li", { class: `line ${sender}` }, picture, el("div", { class: "bubble-box" }, text, note));
}

// A subscription message: on a real phone it lies in the chat 服务通知.
function notice({ title, text, page, by }, user) {
  const inside = [el("small", {}, `服务通知 · ${by}`), el("b", {}, title), el("span", { class: "lines" }, text)];
  return el("div", { class: "cards" }, el("a", { class: "card", href: miniAddress(user.id, page) }, inside));
}

function card({ title, description, picurl, url }, index, user) {
  const source = picurl?.startsWith("/mmbiz_") ? picurl : siteUrl(picurl);
  const picture = source ? el("img", { src: source, alt: "", loading: "lazy" }) : null;
  picture?.addEventListener("error", () => picture.remove());
  const inside = [index ? null : picture, el("b", {}, title), description ? el("span", {}, description) : null];
  return opening(el("a", { class: "card" }, inside), url, user);
}

// WeChat shows <a href>, <a data-miniprogram-path> and weixin://bizmsgmenu links inside texts.
function rich(text, user, act) {
  const parts = [];
  const pattern = /<a\s([^>]*)>([^<]*)<\/a>|https?:\/\/[^\s<>"，。；）]+/gi;
  let done = 0;
  for (const found of text.matchAll(pattern)) {
    parts.push(text.slice(done, found.index));
    done = found.index + found[0].length;
    parts.push(found[1] === undefined ? anchor(found[0], found[0], user) : tagged(found[1], found[2], user, act));
  }
  parts.push(text.slice(done));
  return parts;
}

function tagged(attributes, label, user, act) {
  const read = (name) => new RegExp(`${name}\\s*=\\s*["']([^"']*)["']`, "i").exec(attributes)?.[1];
  const path = read("data-miniprogram-path");
  if (path !== undefined) return el("a", { href: miniAddress(user.id, path) }, icon("today"), label);
  const href = (read("href") ?? "").replaceAll("&amp;", "&");
  const menu = /^weixin:\/\/bizmsgmenu\?.*msgmenucontent=([^&]*)/.exec(href);
  if (!menu) return anchor(href, label, user);
  const send = () => act("text", { text: decodeURIComponent(menu[1]) }).catch((error) => toast(error.message));
  return el("button", { class: "linklike", onclick: send }, label);
}

function anchor(href, label, user) {
  return safeLink(href) ? opening(el("a", {}, label), href, user) : label;
}

// A page of the service opens signed in, as in WeChat; anything else in a tab.
function opening(link, href, user) {
  const page = pageOf(href);
  if (page) return webView(link, user, page);
  const there = safeLink(href);
  if (there) link.href = there;
  link.target = "_blank";
  link.rel = "noopener";
  return link;
}
