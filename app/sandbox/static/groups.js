// Every group of the stand-in as its members see it; owners confirm, robots are thrown out.

import { safeLink, sandbox, siteUrl } from "./api.js";
import { busy, el, toast, when } from "./dom.js";

const KINDS = {
  ordinary: "普通群 · 人工转发",
  wecom_robot: "企业微信群 · 机器人",
  wecom_customer_group: "企业微信客户群",
  qq_bot: "QQ 群 · 机器人",
};
const LINK = /https?:\/\/[^\s<>"'）)\]，。；]+/g;
const POLL_MS = 2000;
const groupsBox = document.getElementById("groups");
const tasksBox = document.getElementById("tasks");

let shown = "";

async function refresh() {
  const [groups, tasks, members] = await Promise.all([
    sandbox.get("/groups"),
    sandbox.get("/wecom/tasks?state=waiting"),
    sandbox.get("/wecom/members"),
  ]);
  const chats = await Promise.all(groups.map((group) => sandbox.get(`/groups/${group.id}/messages`)));
  const state = JSON.stringify([groups, tasks, members, chats]);
  // Somebody is writing: leave the page alone until they have sent it.
  if (state === shown || (document.activeElement?.tagName === "INPUT" && document.activeElement.value)) return;
  shown = state;
  tasksBox.replaceChildren(...tasks.map((task) => taskRow(task, members)));
  const rooms = groups.map((group, index) => room(group, chats[index], members));
  rooms.push(...members.filter((member) => member.messages.length).map(memberRoom));
  groupsBox.replaceChildren(...(rooms.length ? rooms : [el("p", { class: "none" }, "还没有群。演示数据载入后，或用管理接口 POST /_sandbox/groups 新建。")]));
  for (const list of document.querySelectorAll(".said")) list.scrollTop = list.scrollHeight;
}

function taskRow(task, members) {
  const sender = nameOf(task.sender, members);
  const links = task.attachments.filter((one) => one.link).map((one) => card({ title: one.link.title, url: one.link.url, description: one.link.desc }));
  return el(
    "article",
    { class: "task" },
    el("p", {}, el("b", {}, `${sender} 有一条群发等待确认`), `（${Object.keys(task.results).length} 个群）\n`, ...linked(task.text)),
    ...links,
    act("确认发送", () => sandbox.post(`/wecom/tasks/${task.msg_id}/confirm`), "primary"),
    act("不发送", () => sandbox.post(`/wecom/tasks/${task.msg_id}/refuse`)),
  );
}

function nameOf(userid, members) {
  return members.find((member) => member.userid === userid)?.name ?? userid;
}

function room(group, chat, members) {
  const people = group.members.length ? `${group.members.length} 位成员` : "";
  const owner = group.owner ? `群主 ${nameOf(group.owner, members)}` : "";
  return el(
    "section",
    { class: `room ${group.kind}${group.removed ? " removed" : ""}`, "aria-label": group.name },
    el(
      "header",
      {},
      el("h2", {}, group.name),
      el("span", { class: "tag" }, group.removed ? gone(group) : KINDS[group.kind]),
      el("small", {}, [people, owner].filter(Boolean).join(" · ")),
    ),
    messages(group, chat),
    el("footer", {}, writer(group), group.kind === "ordinary" ? null : toggle(group)),
  );
}

function gone(group) {
  return group.kind === "wecom_customer_group" ? "群已解散" : "机器人已被移除";
}

function toggle(group) {
  const [remove, restore] = group.kind === "wecom_customer_group" ? ["解散群", "恢复群"] : ["移除机器人", "恢复机器人"];
  const path = group.removed ? "restore" : "remove";
  return act(group.removed ? restore : remove, () => sandbox.post(`/groups/${group.id}/${path}`));
}

// A member forwards by hand: the only way into an ordinary group.
function writer(group) {
  const input = el("input", { "aria-label": `在${group.name}里发言`, placeholder: group.members[0] ? `以${group.members[0]}的身份发言` : "以群成员的身份发言" });
  input.addEventListener("keydown", async (event) => {
    const text = input.value.trim();
    if (event.key !== "Enter" || event.isComposing || !text) return;
    input.value = "";
    await done(() => sandbox.post(`/groups/${group.id}/forward`, { user: group.members[0] ?? "群成员", text }));
  });
  return input;
}

function memberRoom(member) {
  return el(
    "section",
    { class: "room wecom_member", "aria-label": member.name },
    el("header", {}, el("h2", {}, member.name), el("span", { class: "tag" }, "企业微信 · 应用消息"), el("small", {}, member.userid)),
    messages(null, member.messages),
  );
}

function messages(group, chat) {
  const rows = chat.map((said) =>
    el("li", { class: said.by }, el("small", {}, `${said.sender} ${when(said.at)}`), ...body(group, said)));
  return el("ol", { class: "said" }, rows.length ? rows : el("li", { class: "none" }, "还没有消息"));
}

function body(group, { id, type, content }) {
  const parts = [];
  if (type === "image") parts.push(el("div", {}, el("img", { src: `/_sandbox/groups/${group.id}/messages/${id}/image`, alt: "图片" })));
  if (type === "file" || type === "voice") parts.push(el("div", { class: "bubble" }, `［文件］${content.text}`));
  else if (content.text) parts.push(el("div", { class: "bubble" }, ...(type === "markdown" ? marked(content.text) : linked(content.text))));
  for (const article of content.articles ?? []) parts.push(card(article));
  return parts;
}

function card({ title, url, description, picurl }) {
  const source = siteUrl(picurl);
  const picture = source ? el("img", { src: source, alt: "", loading: "lazy" }) : null;
  picture?.addEventListener("error", () => picture.remove());
  const inside = [picture, el("b", {}, title), description ? el("span", {}, description) : null, el("u", {}, "打开学习")];
  return el("a", { class: "card-link", href: safeLink(url), target: "_blank", rel: "noreferrer" }, inside);
}

function anchor(url, text) {
  const href = safeLink(url);
  return href ? el("a", { href, target: "_blank", rel: "noreferrer" }, text) : text;
}

function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(end, found.index), anchor(found[0], found[0]));
    end = found.index + found[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

// Of WeCom's markdown: links, bold, coloured font; the rest stays as it was written.
function marked(text) {
  const parts = [];
  let end = 0;
  const plain = text.replace(/<\/?font[^>]*>/g, "").replace(/^#{1,6} /gm, "").replace(/^> ?/gm, "");
  for (const found of plain.matchAll(/\[([^\]]+)\]\(([^)]+)\)|\*\*([^*]+)\*\*/g)) {
    parts.push(...linked(plain.slice(end, found.index)), found[3] ? el("b", {}, found[3]) : anchor(found[2], found[1]));
    end = found.index + found[0].length;
  }
  parts.push(...linked(plain.slice(end)));
  return parts;
}

function act(label, work, kind = "") {
  const button = el("button", { class: kind }, label);
  button.addEventListener("click", busy(() => button, () => done(work)));
  return button;
}

async function done(work) {
  try {
    await work();
    await refresh();
  } catch (error) {
    toast(error.message);
  }
}

async function poll() {
  await refresh().catch(() => {});
  setTimeout(poll, POLL_MS);
}

await poll();
