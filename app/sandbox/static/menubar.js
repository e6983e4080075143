// The foot of the chat: the account's menu, or the input line; a button changes between them.

import { busy, el, icon, toast } from "./dom.js";

export function footer({ menu, act, open }) {
  const foot = el("div", { class: "foot" });
  const buttons = menu?.button ?? [];

  function writing() {
    const input = el("input", { class: "say", maxlength: "600", "aria-label": "发消息", placeholder: "发消息", autocomplete: "off" });
    const send = el("button", { class: "send" }, "发送");
    const submit = busy(() => send, async () => {
      const text = input.value.trim();
      if (!text) return;
      input.value = "";
      await act("text", { text });
      input.focus();
    });
    const change = buttons.length ? toggle("list", "切换到菜单", tapping) : null;
    foot.replaceChildren(el("form", { class: "write", onsubmit: submit }, change, input, send));
  }

  function tapping() {
    const columns = buttons.map((button, column) => top(button, column));
    foot.replaceChildren(el("div", { class: "menubar" }, toggle("keyboard", "切换到键盘", writing), columns));
  }

  function toggle(name, label, action) {
    return el("button", { class: "toggle", type: "button", "aria-label": label, onclick: action }, icon(name));
  }

  async function tap(path) {
    closeAll();
    try {
      const outcome = await act("menu", { path });
      open(outcome.opens);
    } catch (error) {
      toast(error.message);
    }
  }

  function top(button, column) {
    const children = button.sub_button ?? [];
    const label = children.length ? el("span", {}, icon("list"), button.name) : button.name;
    const main = el("button", { class: "menu-top", type: "button" }, label);
    const box = el("div", { class: "menu-column" }, main);
    if (!children.length) {
      main.addEventListener("click", () => tap([column]));
      return box;
    }
    const rows = children.map((child, row) =>
      el("button", { class: "menu-sub", type: "button", onclick: () => tap([column, row]) }, child.name));
    const pop = el("div", { class: "menu-pop", hidden: true }, rows);
    main.setAttribute("aria-expanded", "false");
    main.addEventListener("click", () => {
      const opening = pop.hidden;
      closeAll();
      pop.hidden = !opening;
      main.setAttribute("aria-expanded", String(opening));
    });
    box.append(pop);
    return box;
  }

  function closeAll() {
    for (const pop of foot.querySelectorAll(".menu-pop")) pop.hidden = true;
    for (const main of foot.querySelectorAll("[aria-expanded]")) main.setAttribute("aria-expanded", "false");
  }

  if (buttons.length) tapping();
  else writing();
  return foot;
}
