// A weak network loses nothing: a form marked data-retry is sent again, under the same key, until
// the server has answered. The key is the form's hidden field "once".
const WAITS = [1, 2, 4, 8, 15, 30];
const place = () => location.pathname + location.search;
let shown = place();
const offline = () => document.querySelector("[data-offline]");
const pause = (seconds) =>
  new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", () => (clearTimeout(timer), done()), { once: true });
  });
async function sendUntilAnswered(address, options) {
  for (let tried = 0; ; tried++) {
    try {
      const answer = await fetch(address, options);
      if (![429, 502, 503, 504].includes(answer.status) || tried >= WAITS.length) return answer;
    } catch (error) {
      if (tried >= 40) throw error;
      offline().hidden = false;
    }
    await pause(WAITS[Math.min(tried, WAITS.length - 1)]);
  }
}
// A resident's web view may be closed, or the session may end, before the answer comes: what was
// typed waits in this tab, and stands in the same form when it is opened again.
const drawer = (form) => `typed ${new URL(form.action).pathname}`;
function keepTyped(form) {
  if (!document.documentElement.classList.contains("resident")) return;
  const typed = [...form.elements].filter((one) => one.name && !["hidden", "file"].includes(one.type));
  const kept = typed.filter((one) => !["radio", "checkbox"].includes(one.type) || one.checked);
  if (kept.length) sessionStorage.setItem(drawer(form), JSON.stringify(kept.map((one) => [one.name, one.value])));
}
function refill() {
  for (const form of document.querySelectorAll("form[data-retry]")) {
    for (const [name, value] of JSON.parse(sessionStorage.getItem(drawer(form)) ?? "[]")) {
      for (const one of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (["radio", "checkbox"].includes(one.type)) one.checked ||= one.value === value;
        else one.value = value;
      }
    }
    sessionStorage.removeItem(drawer(form));
  }
}
async function sendForm(form, submitter) {
  const data = new FormData(form);
  if (submitter?.name) data.append(submitter.name, submitter.value);
  const texts = [...data].filter(([, value]) => typeof value === "string");
  const whole = form.enctype === "multipart/form-data" ? data : new URLSearchParams(texts);
  const headers = { Accept: "text/html" };
  if (data.get("once")) headers["Idempotency-Key"] = data.get("once");
  const address = submitter?.getAttribute("formaction") || form.action;
  keepTyped(form);
  const answer = await sendUntilAnswered(address, { method: "POST", body: whole, headers });
  if (![401, 403].includes(answer.status) && answer.status < 500) sessionStorage.removeItem(drawer(form));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.redirected) history.pushState(null, "", answer.url);
  shown = place();
  document.title = page.title;
  document.body.replaceWith(page.body);
  scrollTo(0, 0);
  document.getElementById("main").focus();
  document.dispatchEvent(new Event("shown"));
}
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-retry]");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  event.submitter?.classList.add("busy");
  try {
    await sendForm(form, event.submitter);
  } finally {
    delete form.dataset.sending;
    event.submitter?.classList.remove("busy");
    offline().hidden = true;
  }
});
refill();
// Back from a page that was put in place of its form; a jump within a page is none.
addEventListener("popstate", () => place() === shown || location.reload());
