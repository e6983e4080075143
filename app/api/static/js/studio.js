// The studio: counts while one types, the push as the group will read it, a week to drag in.
"use strict";

const counted = (field) => [...field.value].length;
function showCount(field) {
  const most = Number(field.dataset.count);
  let hint = field.parentElement.querySelector("[data-counted]");
  if (!hint) {
    hint = document.createElement("b");
    hint.dataset.counted = "";
    field.parentElement.querySelector(".hint").append(" ", hint);
  }
  const count = counted(field);
  hint.textContent = count > most ? `${count} / ${most}，多了 ${count - most} 字` : `${count} / ${most}`;
  hint.classList.toggle("over", count > most);
}
for (const field of document.querySelectorAll("[data-count]")) {
  showCount(field);
  field.addEventListener("input", () => showCount(field));
}

// A day's push: what is chosen and typed shows in the phone at once.
const push = document.querySelector("[data-push-form]");
const shows = (name, text) => {
  const place = document.querySelector(`[data-shows="${name}"]`);
  if (place) place.textContent = text;
};
if (push) {
  const text = push.elements.text;
  let own = text.value !== "" && ![...push.querySelectorAll("[data-summary]")].some((one) => one.dataset.summary === text.value);
  text.addEventListener("input", () => {
    own = text.value !== "";
    shows("text", text.value);
  });
  push.addEventListener("change", (event) => {
    const { dataset } = event.target;
    if (dataset.said) shows("day", dataset.said);
    if (dataset.title !== undefined) {
      shows("lesson", dataset.title);
      if (!own) {
        text.value = dataset.summary;
        shows("text", text.value);
        showCount(text);
      }
    }
  });
  // Another place has other days: the page is asked again.
  push.elements.org?.addEventListener?.("change", (event) => {
    if (push.querySelector("select[name=org]")) location.search = `?org=${encodeURIComponent(event.target.value)}`;
  });
}

// Only a video or a recording has an address.
const media = document.querySelector("[data-for-media]");
const kind = media?.closest("form").elements.kind;
const showMedia = () => (media.hidden = kind.value === "article");
if (media) {
  showMedia();
  kind.addEventListener("change", showMedia);
}

// A file that is far too large is told of before it travels; the server says so as well.
document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.type !== "file") return;
  const most = field.name === "sheet" ? 2 : 10;
  const large = [...field.files].some((file) => file.size > most * 1024 * 1024);
  field.setCustomValidity(large ? `文件太大，最多 ${most} MB，请换一个小一些的` : "");
  if (large) field.reportValidity();
});

// A push to another day: by pointer or by the arrow keys; both fill in the form that stands there.
const week = document.querySelector("[data-week]");
if (week) {
  const said = document.querySelector("[data-drag-said]");
  const hint = document.querySelector("[data-drag-hint]");
  const free = () => [...week.querySelectorAll("[data-free]")];
  let target = null;
  const aim = (day) => {
    target?.classList.remove("target");
    target = day;
    target?.classList.add("target");
    if (target) said.textContent = `改到${target.dataset.said}，按回车确定`;
  };
  const drop = (grip) => {
    const form = grip.closest("form");
    const day = target?.dataset.day;
    aim(null);
    if (!day) return;
    const field = form.elements.day;
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === day)) field.add(new Option(day, day));
    field.value = day;
    form.requestSubmit(form.querySelector("button[type=submit]"));
  };
  for (const grip of week.querySelectorAll("[data-grip]")) {
    grip.hidden = hint.hidden = false;
    const slot = grip.closest("[data-slot]");
    grip.addEventListener("pointerdown", (event) => {
      grip.setPointerCapture(event.pointerId);
      slot.classList.add("dragged");
      document.body.classList.add("dragging");
    });
    grip.addEventListener("pointermove", (event) => {
      if (!grip.hasPointerCapture(event.pointerId)) return;
      const under = document.elementFromPoint(event.clientX, event.clientY);
      aim(under?.closest("[data-free]") ?? null);
    });
    const end = (event) => {
      slot.classList.remove("dragged");
      document.body.classList.remove("dragging");
      if (event.type === "pointerup") drop(grip);
      else aim(null);
    };
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
    grip.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) {
        const days = free();
        if (!days.length) return;
        const at = days.indexOf(target);
        aim(days[at < 0 ? (step > 0 ? 0 : days.length - 1) : (at + step + days.length) % days.length]);
      } else if (event.key === "Enter" && target) drop(grip);
      else if (event.key === "Escape") aim(null);
      else return;
      event.preventDefault();
    });
  }
}
