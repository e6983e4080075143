// The chosen size shows at once and is kept by the same form; without this a button sends it.
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-text-size]");
  if (!form) return;
  document.documentElement.dataset.text = event.target.value;
  fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => {});
});
