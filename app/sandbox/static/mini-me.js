// The person: name, village, what may be shown, and the right to take or erase everything.

import { ask, avatar, busy, el, toast } from "./dom.js";

const ROLES = { admin: "管理员", tutor: "辅导员", volunteer: "志愿者", lecturer: "讲师", editor: "编辑", chief_editor: "总编" };

export async function mePage(app, frame) {
  const [person, villages] = await Promise.all([app.api.get("/me"), villagesOf(app)]);
  const { body } = frame;
  const head = el(
    "section",
    { class: "whoami big" },
    avatar(person.name || "居民"),
    el("span", {}, el("b", {}, person.name || "还没有名字"), el("small", {}, person.org?.name ?? "还没有选择村（社区）")),
  );
  const roles = (person.roles ?? []).map((role) => el("span", { class: "tag" }, typeof role === "string" ? ROLES[role] ?? role : [role.title ?? ROLES[role.role] ?? role.role, role.org?.name].filter(Boolean).join(" · ")));
  body.replaceChildren(
    head,
    roles.length ? el("p", { class: "tags padded" }, roles) : "",
    form(app, frame, person, villages),
    rights(app),
  );
}

async function villagesOf(app) {
  const { items } = await app.api.get("/organisations");
  return items.filter((one) => one.kind === "village" || one.kind === "community");
}

function form(app, frame, person, villages) {
  const name = el("input", { maxlength: "20", value: person.name ?? "", autocomplete: "off" });
  const org = villagePicker(person, villages);
  const visible = el("input", { type: "checkbox", checked: Boolean(person.rank_visible), class: "switch", role: "switch" });
  const button = el("button", { class: "primary wide" }, "保存");
  const save = busy(() => button, async () => {
    const changed = { rank_visible: visible.checked };
    if (name.value.trim() && name.value.trim() !== person.name) changed.name = name.value.trim();
    if (org.code() && org.code() !== person.org?.code) changed.org_code = org.code();
    await app.api.patch("/me", changed);
    toast("已保存");
    await mePage(app, frame);
  });
  return el(
    "form",
    { class: "sheet", onsubmit: save },
    el("label", { class: "field" }, "姓名", name),
    el("label", { class: "field" }, "村（社区）", org.node),
    org.other,
    el("p", { class: "quiet" }, "用“扫一扫”扫村里的二维码，也会自动选好村。"),
    el("label", { class: "field inline" }, el("span", {}, "在个人排行里显示我", el("small", {}, "不勾选就不会出现在任何个人排行里")), visible),
    button,
  );
}

function villagePicker(person, villages) {
  const typed = el("input", { placeholder: "例如 500117126201", autocomplete: "off" });
  const other = el("label", { class: "field" }, "村（社区）的编号", typed);
  const own = person.org && !villages.some((org) => org.code === person.org.code) ? [person.org] : [];
  const choices = [...own, ...villages].map((org) => el("option", { value: org.code, selected: org.code === person.org?.code }, org.name));
  const node = el(
    "select",
    { onchange: () => { other.hidden = node.value !== "other"; } },
    person.org ? null : el("option", { value: "" }, "请选择"),
    choices,
    el("option", { value: "other" }, "没有列出，填写编号"),
  );
  other.hidden = true;
  return { node, other, code: () => (node.value === "other" ? typed.value.trim() : node.value) };
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
