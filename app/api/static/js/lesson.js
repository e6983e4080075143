// Reading a lesson: while the page is looked at, the server is told so, and its clock alone counts.
// A beat that fails is sent again under the same key; a page put in place of this one starts anew.
"use strict";

const AGAIN_MS = 4000;
const PATIENCE_MS = 10000;
const LATER = [408, 425, 429, 500, 502, 503, 504];
const WORDS = {
  offline: "现在没有网络。已经学的时间都在，连上网自动接着记。",
  busy: "网络不太好，正在重新连接……已经学的时间都在。",
  over: "登录已过期。刷新页面重新登录，已经学的时间都在。",
  gone: "这一课已经更新或下架，请返回首页看看。",
  enough: "时间够了，答对下面的题就学完。",
  done: "学完了，学分已经记上。",
};
let stop = () => {};

function begin() {
  stop();
  const meter = document.querySelector("[data-beat]");
  stop = meter ? keepBeat(meter) : () => {};
  offerVoice();
  offerPlace(meter);
  holdButton();
  document.querySelector("[data-look-here]")?.closest(".notice").scrollIntoView({ block: "start" });
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function keepBeat(meter) {
  const every = Number(meter.dataset.beatMs);
  const say = (words) => { meter.querySelector("[data-beat-said]").textContent = words; };
  const usual = meter.querySelector("[data-beat-said]").textContent;
  let key = null, timer = null, running = true, under = false;
  meter.querySelector("[data-by-hand]").hidden = true;

  const later = (wait) => {
    clearTimeout(timer);
    if (running && !document.hidden) timer = setTimeout(beat, wait);
  };
  async function beat() {
    if (!running || under || document.hidden) return;
    under = true;
    key ??= newKey();
    const patience = new AbortController();
    const cut = setTimeout(() => patience.abort(), PATIENCE_MS);
    try {
      const token = meter.querySelector("input[name=csrf]").value;
      const headers = { Accept: "application/json", "X-CSRF-Token": token, "Idempotency-Key": key };
      const answer = await fetch(meter.dataset.beat, { method: "POST", headers, redirect: "error", signal: patience.signal });
      if (answer.ok) {
        key = null;
        const told = await answer.json();
        say(usual);
        show(meter, told, say);
        if (told.completed) running = false;
        later(every);
      } else if (LATER.includes(answer.status)) {
        say(WORDS.busy);
        later(Math.max(Number(answer.headers.get("Retry-After")) * 1000, AGAIN_MS));
      } else {
        running = false;
        say([401, 403].includes(answer.status) ? WORDS.over : WORDS.gone);
      }
    } catch {
      say(navigator.onLine ? WORDS.busy : WORDS.offline);
      later(Math.min(AGAIN_MS, every));
    } finally {
      clearTimeout(cut);
      under = false;
    }
  }
  const wake = () => (document.hidden ? clearTimeout(timer) : beat());
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  const offline = () => say(WORDS.offline);
  addEventListener("offline", offline);
  beat();
  return () => {
    running = false;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", wake);
    removeEventListener("offline", offline);
  };
}

function show(meter, told, say) {
  const share = Math.min(told.seconds / told.required_seconds, 1);
  const fill = meter.querySelectorAll(".ring circle")[1];
  const around = 2 * Math.PI * fill.r.baseVal.value;
  fill.setAttribute("class", share ? "fill" : "none");
  fill.setAttribute("stroke-dasharray", `${share * around} ${(1 - share) * around}`);
  meter.querySelector(".ring b").textContent = `${Math.floor(share * 100)}%`;
  meter.querySelector(".ring title").textContent = `学习进度：${Math.floor(share * 100)}%`;
  meter.querySelector("[data-time]").textContent = told.said;
  if (told.completed) {
    say(WORDS.done);
    meter.querySelector("[data-done]").hidden = false;
  } else if (share === 1 && !told.passed) say(WORDS.enough);
}

// How far down one had read, on this phone; as a share, since the size of the text may change.
const readUpTo = `read ${location.pathname}`;
const pageHeight = () => document.documentElement.scrollHeight;
function keepPlace() {
  if (document.querySelector("[data-beat]") && scrollY > innerHeight / 2) localStorage.setItem(readUpTo, scrollY / pageHeight());
}
function offerPlace(meter) {
  const share = Number(localStorage.getItem(readUpTo));
  if (!meter) localStorage.removeItem(readUpTo);
  else if (share && scrollY < innerHeight / 2) {
    const box = meter.querySelector("[data-resume]");
    box.hidden = false;
    box.querySelector("button").addEventListener("click", () => scrollTo(0, share * pageHeight()));
  }
}
addEventListener("pagehide", keepPlace);
document.addEventListener("visibilitychange", keepPlace);

// Reads in pieces: long texts fall silent after some seconds in some browsers.
function offerVoice() {
  const box = document.querySelector("[data-voice]");
  const text = document.querySelector("[data-read]");
  if (!box || !text || !("speechSynthesis" in window)) return;
  speechSynthesis.cancel();
  box.hidden = false;
  document.querySelector("[data-voice-word]").hidden = false;
  const button = box.querySelector("button"), label = button.querySelector("span");
  const reset = () => { speechSynthesis.cancel(); label.textContent = "读给我听"; };
  button.addEventListener("click", () => {
    if (speechSynthesis.speaking) return reset();
    label.textContent = "停下来";
    const pieces = text.innerText.split(/(?<=[。！？；\n])/).map((one) => one.trim()).filter(Boolean);
    pieces.forEach((piece, index) => {
      const said = new SpeechSynthesisUtterance(piece);
      said.lang = "zh-CN";
      said.rate = 0.9;
      if (index === pieces.length - 1) said.onend = reset;
      speechSynthesis.speak(said);
    });
  });
  addEventListener("pagehide", () => speechSynthesis.cancel(), { once: true });
}

// After a failed attempt the next one waits; the server sees to it, this only says how long.
function holdButton() {
  const note = document.querySelector("[data-wait-ms]");
  if (!note) return;
  const button = note.closest("form").querySelector("button[type=submit]");
  const left = note.querySelector("[data-wait-left]"), whole = Number(left.textContent);
  const each = Number(note.dataset.waitMs) / Math.max(whole, 1);
  let count = whole;
  button.disabled = true;
  const tick = setInterval(() => {
    count -= 1;
    left.textContent = count;
    if (count > 0 && note.isConnected) return;
    clearInterval(tick);
    button.disabled = false;
    note.hidden = true;
  }, each);
}

begin();
document.addEventListener("shown", begin);
