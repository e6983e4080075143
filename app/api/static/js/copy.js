// "Copy" appears only where it works: a long press on the text always does.
const copyWithout = (node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  return document.execCommand("copy");
};
const offerCopies = () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.parentElement.querySelector("[data-copy-hint]").hidden = true;
  }
};
offerCopies();
document.addEventListener("shown", offerCopies);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const box = button.parentElement;
  const source = box.querySelector("[data-copy-source]");
  let done = false;
  try {
    await navigator.clipboard.writeText(source.textContent);
    done = true;
  } catch {
    done = copyWithout(source);
  }
  box.querySelector(done ? "[data-copied]" : "[data-copy-hint]").hidden = false;
});
