// Which screen is shown: the address after # decides, so the browser's Back works as on a phone.

import { health, sandbox } from "./api.js";
import { chatScreen } from "./chat.js";
import { deskScreen, searchScreen } from "./desk.js";
import { empty, screen, toast } from "./dom.js";
import { startInspector } from "./inspector.js";
import { miniScreen } from "./mini.js";
import { peopleScreen, restoreResidents } from "./people.js";
import { scanScreen } from "./scan.js";

const view = document.getElementById("view");
const SCREENS = [
  [/^\/u\/(\w+)\/chat$/, chatScreen],
  [/^\/u\/(\w+)\/scan$/, scanScreen],
  [/^\/u\/(\w+)\/search$/, searchScreen],
  [/^\/u\/(\w+)\/mini(?:\/(.*))?$/, miniScreen],
  [/^\/u\/(\w+)$/, deskScreen],
];

let leave = null;
let turn = 0;

async function show() {
  const mine = ++turn;
  const address = location.hash.slice(1) || "/";
  leave?.();
  leave = null;
  try {
    const shown = await screenFor(address);
    if (mine !== turn) {
      shown.leave?.();
      return;
    }
    view.replaceChildren(shown.node);
    leave = shown.leave ?? null;
    shown.ready?.();
  } catch (error) {
    if (mine !== turn) return;
    toast(error.message);
    const kind = error.status === 404 && address.startsWith("/u/") && !address.includes("/mini");
    if (kind) location.hash = "#/";
    else view.replaceChildren(screen({ title: "出错了", back: "#/", body: empty(error.message) }));
  }
}

async function screenFor(address) {
  const [path, query] = address.split("?");
  for (const [pattern, make] of SCREENS) {
    const found = pattern.exec(path);
    if (!found) continue;
    const user = await sandbox.get(`/users/${found[1]}`);
    document.cookie = `sandbox_user=${user.id}; path=/; SameSite=Lax`;
    return make(user, found[2] ?? "", new URLSearchParams(query));
  }
  return peopleScreen();
}

async function tick() {
  try {
    const { now } = await health();
    const options = { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hour12: false };
    document.getElementById("clock").textContent = new Intl.DateTimeFormat("zh-CN", options).format(new Date(now));
  } catch {
    document.getElementById("clock").textContent = "--:--";
  }
}

window.addEventListener("hashchange", show);
await restoreResidents().catch((error) => toast(error.message));
await show();
startInspector();
tick();
setInterval(tick, 5000);
