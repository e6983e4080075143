// Today's lesson, and the list of all of them.

import { busy, el, empty, icon, when } from "./dom.js";

const PLATFORMS = ["干部夜校", "微讲堂", "志愿服务", "远程教育", "开放日", "校园文艺"];
export const KINDS = { article: "图文", video: "视频", audio: "音频" };

export function minutes(seconds) {
  if (seconds < 60) return `${seconds} 秒`;
  return seconds % 60 ? `${Math.floor(seconds / 60)} 分 ${seconds % 60} 秒` : `${seconds / 60} 分钟`;
}

export async function todayPage(app, { body }) {
  const [lesson, person] = await Promise.all([
    app.api.get("/lessons/today").catch((error) => {
      if (error.status === 404) return null;
      throw error;
    }),
    app.api.get("/me"),
  ]);
  const hello = el(
    "section",
    { class: "hello" },
    el("p", {}, person.name ? `${person.name}，您好` : "您好"),
    el("p", { class: "quiet" }, person.org ? person.org.name : "还没有填写村（社区）"),
  );
  const hint = person.org ? null : el("a", { class: "notice", href: `${app.start}/me` }, "填上您的村（社区），学分才能算进村里的排行", icon("chevron"));
  const found = lesson?.lesson ?? lesson;
  body.replaceChildren(hello, ...(hint ? [hint] : []), found?.id ? hero(app, found) : empty("今天还没有安排，去“课程”里看看吧"));
}

function hero(app, lesson) {
  const done = lesson.progress?.completed_at;
  return el(
    "article",
    { class: "hero" },
    el("p", { class: "kicker" }, "今日一学"),
    el("h2", {}, lesson.title),
    lesson.summary ? el("p", { class: "quiet" }, lesson.summary) : null,
    el("p", { class: "tags" }, tags(lesson)),
    el("a", { class: "primary wide", href: `${app.start}/lesson/${lesson.id}` }, done ? "已学完，再看一遍" : lesson.progress?.seconds ? "接着学" : "开始学习"),
  );
}

function tags(lesson) {
  const minute = lesson.required_seconds ? `约 ${minutes(lesson.required_seconds)}` : null;
  return [lesson.platform, KINDS[lesson.kind] ?? lesson.kind, minute].filter(Boolean).map((tag) => el("span", { class: "tag" }, tag));
}

export async function learnPage(app, { body }) {
  const state = { platform: "", q: "", next: null };
  const list = el("ul", { class: "lessons" });
  const more = el("button", { class: "plain wide", hidden: true }, "再看一些");
  const input = el("input", { type: "search", placeholder: "找课程", "aria-label": "找课程" });

  async function load(cursor) {
    const query = new URLSearchParams({ limit: "20" });
    if (state.platform) query.set("platform", state.platform);
    if (state.q) query.set("q", state.q);
    if (cursor) query.set("cursor", cursor);
    const page = await app.api.get(`/lessons?${query}`);
    const rows = page.items.map((lesson) => row(app, lesson));
    if (cursor) list.append(...rows);
    else list.replaceChildren(...(rows.length ? rows : [el("li", {}, empty("没有找到课程"))]));
    state.next = page.next;
    more.hidden = !page.next;
  }

  const chips = ["", ...PLATFORMS].map((platform) => {
    const chip = el("button", { class: "chip", type: "button", "aria-pressed": String(platform === "") }, platform || "全部");
    chip.addEventListener("click", busy(() => chip, async () => {
      state.platform = platform;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      await load();
    }));
    return chip;
  });
  more.addEventListener("click", busy(() => more, () => load(state.next)));
  const go = el("button", { class: "primary" }, "查找");
  const search = busy(() => go, async () => {
    state.q = input.value.trim();
    await load();
  });
  body.replaceChildren(
    el("form", { class: "field-row padded", role: "search", onsubmit: search }, input, go),
    el("div", { class: "chips" }, chips),
    list,
    more,
  );
  await load();
}

function row(app, lesson) {
  const { progress } = lesson;
  const state = progress?.completed_at
    ? el("span", { class: "state done" }, icon("check"), "已学完")
    : progress?.seconds ? el("span", { class: "state" }, `已学 ${minutes(progress.seconds)}`) : null;
  return el(
    "li",
    {},
    el(
      "a",
      { class: "lesson-row", href: `${app.start}/lesson/${lesson.id}`, title: progress?.completed_at ? `学完于 ${when(progress.completed_at)}` : null },
      el("b", {}, lesson.title),
      el("span", { class: "tags" }, tags(lesson), state),
    ),
  );
}
