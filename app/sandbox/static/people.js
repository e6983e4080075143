// Whose phone it is. The browser remembers its residents, since the stand-in forgets on a restart.

import { sandbox } from "./api.js";
import { avatar, busy, el, empty, icon, screen } from "./dom.js";

const KEY = "residents";
const NAMES = ["杏花大姐", "竹林大叔", "水井婆婆", "稻田老表", "桐子幺妹", "石桥大爷", "菜园嬢嬢", "山坡老师"];
const PAGE = 30;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

export function remember(user, followed = user.following) {
  const all = remembered();
  all[user.openid_base] = { name: user.name, followed };
  localStorage.setItem(KEY, JSON.stringify(all));
}

export async function restoreResidents() {
  const known = new Set((await sandbox.get("/users?limit=5000")).map((user) => user.openid_base));
  for (const [base, { name, followed }] of Object.entries(remembered())) {
    if (!known.has(base)) await sandbox.post("/users", { name, openid_base: base, followed });
  }
}

export async function peopleScreen() {
  const users = await sandbox.get("/users?limit=5000");
  const list = el("ul", { class: "rows" });
  const search = el("input", { type: "search", placeholder: "按姓名查找", "aria-label": "按姓名查找", oninput: fill });

  function fill() {
    const found = users.filter((user) => user.name.includes(search.value.trim()));
    const rows = found.slice(0, PAGE).map(row);
    if (found.length > PAGE) rows.push(el("li", { class: "hint" }, `还有 ${found.length - PAGE} 位，请输入姓名查找`));
    if (!found.length) rows.push(el("li", {}, empty(users.length ? "没有这个名字的居民" : "还没有居民，先新建一位")));
    list.replaceChildren(...rows);
  }

  fill();
  const body = [
    newResident(users),
    el("h2", { class: "group" }, `居民（${users.length}）`),
    users.length > 6 ? el("div", { class: "searchbox" }, icon("search"), search) : null,
    list,
  ];
  return { node: screen({ title: "这是谁的手机？", body }) };
}

function row(user) {
  return el(
    "li",
    {},
    el(
      "a",
      { class: "row", href: `#/u/${user.id}` },
      avatar(user.name),
      el("span", { class: "row-text" }, el("b", {}, user.name), el("small", {}, user.duty ?? (user.following ? "已关注公众号" : "未关注"))),
      icon("chevron"),
    ),
  );
}

function newResident(users) {
  const taken = new Set(users.map((user) => user.name));
  const suggestion = NAMES.find((name) => !taken.has(name)) ?? "";
  const input = el("input", { name: "name", maxlength: "64", value: suggestion, "aria-label": "姓名", autocomplete: "off" });
  const button = el("button", { class: "primary" }, "新建居民");
  const submit = busy(() => button, async () => {
    const name = input.value.trim();
    if (!name) throw new Error("请先填写姓名");
    const user = await sandbox.post("/users", { name });
    remember(user);
    location.hash = `#/u/${user.id}`;
  });
  return el(
    "form",
    { class: "new-resident", onsubmit: submit },
    el("p", {}, "选一位居民，或者新建一位，拿起他的手机。"),
    el("div", { class: "field-row" }, input, button),
  );
}
