// A file dropped anywhere on the box lands in its field.
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const box = event.target.closest?.("[data-drop]");
    if (!box) return;
    box.classList.toggle("over", kind === "dragover");
    if (kind !== "dragleave") event.preventDefault();
    if (kind === "drop") box.querySelector("input").files = event.dataTransfer.files;
  });
}
