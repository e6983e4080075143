// The person: name, village, what may be shown, and the right to take or erase everything.

import { ask, avatar, busy, el, toast } from "./dom.js";

export async function mePage(app, frame) {
  const [person, villages] = await Promise.all([app.api.get("/me"), villagesOf(app)]);
  const { body } = frame;
  const head = el(
    "section",
    { class: "whoami big" },
    avatar(person.name || "居民"),
    el("span", {}, el("b", {}, person.name || "还没有名字"), el("small", {}, person.org?.name ?? "还没有选择村（社区）")),
  );
  const roles = (person.roles ?? []).map((role) => el("span", { class: "tag" }, typeof role === "string" ? role : `${role.role} · ${role.org?.name ?? role.org_code ?? ""}`));
  body.replaceChildren(
    head,
    roles.length ? el("p", { class: "tags padded" }, roles) : "",
    form(app, frame, person, villages),
    rights(app),
  );
}

// The contract has no list of villages: the village board of all times names those there are.
async function villagesOf(app) {
  const lists = ["/orgs?limit=100", "/rankings/villages?unit=credit&period=all&limit=100"];
  for (const path of lists) {
    try {
      const { items } = await app.api.get(path);
      const found = items.map((item) => (item.org && typeof item.org === "object" ? item.org : item));
      const known = found.filter((org) => org.code && org.name);
      if (known.length) return known;
    } catch {
      // The next source, or the free field.
    }
  }
  return [];
}

function form(app, frame, person, villages) {
  const name = el("input", { maxlength: "32", value: person.name ?? "", autocomplete: "off" });
  const org = villagePicker(person, villages);
  const visible = el("input", { type: "checkbox", checked: Boolean(person.rank_visible), class: "switch", role: "switch" });
  const button = el("button", { class: "primary wide" }, "保存");
  const save = busy(() => button, async () => {
    const changed = { rank_visible: visible.checked };
    if (name.value.trim() && name.value.trim() !== person.name) changed.name = name.value.trim();
    if (org.value.trim() && org.value.trim() !== person.org?.code) changed.org_code = org.value.trim();
    await app.api.patch("/me", changed);
    toast("已保存");
    await mePage(app, frame);
  });
  return el(
    "form",
    { class: "sheet", onsubmit: save },
    el("label", { class: "field" }, "姓名", name),
    el("label", { class: "field" }, "村（社区）", org),
    el("label", { class: "field inline" }, el("span", {}, "在个人排行里显示我", el("small", {}, "不勾选就不会出现在任何个人排行里")), visible),
    button,
  );
}

function villagePicker(person, villages) {
  if (!villages.length) {
    return el("input", { value: person.org?.code ?? "", placeholder: "村（社区）的编号", autocomplete: "off" });
  }
  const choices = villages.map((org) => el("option", { value: org.code, selected: org.code === person.org?.code }, org.name));
  const none = person.org && !villages.some((org) => org.code === person.org.code)
    ? el("option", { value: person.org.code, selected: true }, person.org.name)
    : el("option", { value: "" }, "请选择");
  return el("select", {}, none, choices);
}

function rights(app) {
  const shown = el("pre", { class: "export", hidden: true, tabindex: "0" });
  const take = el("button", { class: "plain wide", type: "button" }, "导出我的全部信息");
  take.addEventListener("click", busy(() => take, async () => {
    const everything = JSON.stringify(await app.api.get("/me/export"), null, 2);
    shown.textContent = everything;
    shown.hidden = false;
    const link = el("a", { href: URL.createObjectURL(new Blob([everything], { type: "application/json" })), download: "我的信息.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  }));
  const erase = el("button", { class: "danger wide", type: "button" }, "注销账号");
  erase.addEventListener("click", busy(() => erase, async () => {
    if (!await ask("注销后姓名等个人信息会被删除，不能恢复。学分账本只保留无法认出您的编号。", "注销")) return;
    await app.api.delete("/me");
    app.api.forget();
    toast("已注销");
    location.hash = `#/u/${app.user.id}`;
  }));
  return el("section", { class: "sheet" }, el("h2", {}, "我的权利"), take, shown, erase);
}
