// Reading a lesson: the server's clock counts, the page only tells it that somebody is here.

import { safeLink, siteUrl } from "./api.js";
import { el, icon, toast } from "./dom.js";
import { KINDS, minutes } from "./mini-learn.js";
import { questionForm } from "./mini-questions.js";

// 15 seconds of the service's clock, which may run faster while one develops.
const BEAT_MS = Number(document.body.dataset.beatMs);

export async function lessonPage(app, frame, id) {
  const lesson = await app.api.get(`/lessons/${encodeURIComponent(id)}`);
  const meter = progress(lesson);
  const text = el("div", { class: "prose" }, prose(lesson.html ?? ""));
  const ask = lesson.questions?.length
    ? questionForm(lesson, (answers) => app.api.post(`/lessons/${lesson.id}/answers`, { answers }), (answer) => {
      meter.show({ ...answer, seconds: undefined });
      cheer(answer.awards);
    })
    : el("p", { class: "quiet" }, "这一课没有题目，学够时间即可。");
  frame.title.textContent = "学习";
  frame.body.replaceChildren(
    meter.node,
    el(
      "article",
      { class: "lesson" },
      el("h2", {}, lesson.title),
      el("p", { class: "quiet" }, [lesson.platform, KINDS[lesson.kind] ?? lesson.kind].filter(Boolean).join(" · ")),
      media(lesson),
      text,
    ),
    el("section", { class: "quiz" }, el("h2", {}, "答一答"), ask),
  );
  frame.onLeave(beats(app, lesson, meter));
}

// One beat at once, and then every 15 seconds while the page is looked at.
function beats(app, lesson, meter) {
  let running = true;
  async function beat() {
    if (!running || document.hidden) return;
    try {
      const answer = await app.api.post(`/lessons/${lesson.id}/beats`);
      if (!running) return;
      meter.show(answer);
      cheer(answer.awards);
    } catch (error) {
      if (running) toast(error.message);
    }
  }
  const timer = setInterval(beat, BEAT_MS);
  const wake = () => beat();
  document.addEventListener("visibilitychange", wake);
  beat();
  return () => {
    running = false;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", wake);
  };
}

function cheer(awards) {
  const lines = (awards ?? []).map(({ amount, text }) => (amount?.amount > 0 ? `+${amount.text}　${text}` : text));
  if (lines.length) toast(lines.join("\n"));
}

function progress(lesson) {
  const bar = el("progress", { max: String(lesson.required_seconds || 1), value: "0", "aria-label": "学习进度" });
  const words = el("span");
  const node = el("div", { class: "meter" }, bar, words);

  function show({ seconds, required_seconds: required = lesson.required_seconds, completed }) {
    if (seconds !== undefined) bar.value = Math.min(seconds, required);
    if (completed) bar.value = bar.max;
    const shown = seconds ?? Math.round(bar.value);
    const left = Math.max(0, required - shown);
    node.classList.toggle("done", Boolean(completed));
    const text = completed ? "已学完" : left ? `已学 ${minutes(shown)}，还差 ${minutes(left)}` : "时间够了，请答题";
    words.replaceChildren(...(completed ? [icon("check"), text] : [text]));
  }

  show({ seconds: lesson.progress?.seconds ?? 0, completed: Boolean(lesson.progress?.completed_at) });
  return { node, show };
}

function media(lesson) {
  if (!lesson.media_url) return null;
  const own = siteUrl(lesson.media_url);
  if (own) return el(lesson.kind === "audio" ? "audio" : "video", { src: own, controls: true, preload: "metadata" });
  const link = safeLink(lesson.media_url);
  return link ? el("a", { class: "notice", href: link, target: "_blank", rel: "noopener" }, lesson.kind === "audio" ? "在新窗口收听" : "在新窗口观看", icon("chevron")) : null;
}

// The service has sanitised it; parsed aside, nothing in it runs or loads before it is mended.
function prose(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const image of body.querySelectorAll("img[src]")) {
    const own = siteUrl(image.getAttribute("src"));
    if (own) image.src = own;
    else image.replaceWith(el("span", { class: "quiet" }, image.alt || "［网络图片］"));
  }
  for (const link of body.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener";
  }
  return [...body.childNodes];
}
