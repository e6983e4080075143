// The editor: Quill over the text area. What it holds goes to the server as HTML and is cleaned
// there; untouched, the text stays as it was written.
"use strict";

const box = document.querySelector("[data-editor]");
const form = box.closest("form");
const area = box.querySelector("[data-markdown]");
const html = box.querySelector("[data-html]");
const format = box.querySelector("[data-format]");
const complaint = box.querySelector("[data-editor-said]");
const preview = document.querySelector("[data-preview]");
const token = form.elements.csrf.value;
const HTML_MAX = 900000; // A part of a form; with pictures inside it would be more.
let quill = null;
let dirty = false;
let leaving = false;

const complain = (text) => {
  complaint.textContent = text;
  complaint.hidden = !text;
};

async function send(file) {
  const data = new FormData();
  data.append("csrf", token);
  data.append("file", file, "picture");
  const answer = await fetch(box.dataset.upload, { method: "POST", body: data });
  const isJson = answer.headers.get("content-type")?.includes("json");
  if (answer.ok && isJson) return (await answer.json()).url;
  throw new Error(isJson ? (await answer.json()).said : answer.status === 413 ? "图片太大，最多 10 MB" : "图片没有传上去，请再试一次");
}

async function put(range, files) {
  complain("");
  for (const file of files) {
    try {
      const url = await send(file);
      quill.insertEmbed(range.index, "image", url, "user");
      range.index += 1;
      quill.setSelection(range.index, 0, "user"); // What is typed next comes after it.
    } catch (error) {
      complain(error.message || "图片没有传上去，请再试一次");
    }
  }
}

const asFile = async (address) => new File([await (await fetch(address)).blob()], "picture");

function choosePicture() {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = "image/*";
  chooser.addEventListener("change", () => put(quill.getSelection(true), [...chooser.files]));
  chooser.click();
}

function start() {
  const Embed = Quill.import("blots/block/embed");
  class Rule extends Embed {}
  Rule.blotName = "rule";
  Rule.tagName = "hr";
  Quill.register(Rule);
  const place = box.querySelector("[data-quill]");
  const toolbar = box.querySelector("[data-toolbar]");
  place.hidden = toolbar.hidden = false;
  quill = new Quill(place, {
    theme: "snow",
    formats: ["header", "bold", "italic", "list", "blockquote", "link", "image", "indent", "table", "rule"],
    modules: {
      table: true,
      toolbar: { container: toolbar, handlers: { image: choosePicture } },
      uploader: { mimetypes: ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"], handler: put },
      clipboard: { matchVisual: false },
      // The key Tab leads on to the next field; there are buttons for what it does in an editor.
      keyboard: { bindings: Object.fromEntries(["tab", "indent", "outdent", "remove tab", "table tab",
        "indent code-block", "outdent code-block"].map((name) => [name, null])) },
    },
  });
  const Delta = Quill.import("delta");
  // A picture inside pasted HTML: ours stays, one of the clipboard's own is sent up, a foreign one
  // would be refused by the platform.
  quill.clipboard.addMatcher("IMG", (node, delta) => {
    const source = node.getAttribute("src") || "";
    if (source.includes("/uploads/")) return delta;
    if (source.startsWith("data:image/")) {
      asFile(source).then((file) => put(quill.getSelection(true), [file])).catch(() => complain("有一张图片没能带进来"));
    } else complain("网页上的图片没有带进来，请存下来再用“插入图片”。");
    return new Delta();
  });
  quill.setContents(quill.clipboard.convert({ html: html.value }), "silent");
  quill.history.clear();
  quill.root.setAttribute("aria-labelledby", "body-label");
  quill.root.setAttribute("role", "textbox");
  quill.root.setAttribute("aria-multiline", "true");
  area.hidden = true;
  box.querySelector("[data-plain-hint]").hidden = true;
  document.getElementById("body-label").removeAttribute("for");
  quill.on("text-change", (_delta, _old, source) => {
    if (source === "user") dirty = true;
    later();
  });
}

function settle() {
  if (!quill || !dirty) return true;
  html.value = quill.getSemanticHTML();
  format.value = "html";
  if (html.value.length < HTML_MAX) return true;
  complain("正文太长了，请分成几篇");
  return false;
}

let waiting = 0;
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(look, 500);
}
async function look() {
  if (!preview || !settle()) return;
  const data = new URLSearchParams({ csrf: token, preview: box.dataset.previewKind });
  for (const name of ["a_title", "a_author", "title", "kind", "format", format.value === "html" ? "html" : "markdown"])
    if (form.elements[name]) data.set(name, form.elements[name].value);
  try {
    const answer = await fetch(box.dataset.previewTo, { method: "POST", body: data });
    if (!answer.ok) return;
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
    preview.replaceChildren(...shown.body.childNodes);
    const count = preview.querySelector("[data-count-body]")?.dataset.countBody;
    if (count) box.querySelector("[data-body-count]").textContent = count;
  } catch {
    // The next letter asks again.
  }
}

if ("rich" in box.dataset && window.Quill) start();
form.addEventListener("input", () => {
  dirty = dirty || !quill;
  later();
});
form.addEventListener("submit", (event) => {
  if (!settle()) event.preventDefault();
  else leaving = true;
});
addEventListener("beforeunload", (event) => {
  if (dirty && !leaving) event.preventDefault();
});
look();
