// Building elements. Texts become text nodes only, so a name with markup stays a name.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, facts = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  back: "M15 4 7 12l8 8",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6 6 18",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10",
  list: "M4 7h16M4 12h16M4 17h16",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  chevron: "M9 5l7 7-7 7",
  today: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4M9 15l2 2 4-4",
  book: "M4 5c3-1 6-1 8 1 2-2 5-2 8-1v13c-3-1-6-1-8 1-2-2-5-2-8-1zM12 6v13",
  coin: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 9l4 4 4-4M12 13v5M9 15h6",
  rank: "M5 20v-7h4v7M10 20V6h4v14M15 20v-10h4v10",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-5 4-7 8-7s8 2 8 7",
  check: "M5 13l5 5L20 7",
  plus: "M12 5v14M5 12h14",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// One colour for one name, out of six that stand well beside each other.
export function avatar(name, kind = "") {
  const hue = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;
  const letters = name.match(/[\p{L}\p{N}]/gu) ?? ["?"];
  return el("span", { class: `avatar hue${hue} ${kind}`, "aria-hidden": "true" }, letters.slice(-2).join(""));
}

export function screen({ title, back, action, body, foot, kind = "" }) {
  return el(
    "div",
    { class: `screen ${kind}` },
    el(
      "header",
      { class: "bar" },
      back ? el("a", { class: "bar-back", href: back, "aria-label": "返回" }, icon("back")) : el("span"),
      el("h1", {}, title),
      action ?? el("span"),
    ),
    el("div", { class: "body" }, body),
    foot,
  );
}

export function empty(text) {
  return el("p", { class: "empty" }, text);
}

export function when(instant) {
  const options = { timeZone: "Asia/Shanghai", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false };
  return new Intl.DateTimeFormat("zh-CN", options).format(new Date(instant));
}

let fading;
export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { box.hidden = true; }, 3200);
}

// A question that must be answered; resolves to true for the first button.
export function ask(question, yes) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { class: "ask", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      el("p", {}, question),
      el(
        "form",
        { method: "dialog" },
        el("button", { value: "no", class: "plain" }, "取消"),
        el("button", { value: "yes", class: "danger" }, yes),
      ),
    );
    document.querySelector(".phone").append(dialog);
    dialog.showModal();
  });
}

// Never two at once: the button waits for the answer.
export function busy(button, work) {
  return async (event) => {
    event?.preventDefault();
    if (button().disabled) return;
    button().disabled = true;
    try {
      await work(event);
    } catch (error) {
      toast(error.message);
    } finally {
      button().disabled = false;
    }
  };
}
