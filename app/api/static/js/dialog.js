// A link that leads to a question opens the same question here, where the browser can.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog?.showModal) {
    event.preventDefault();
    dialog.showModal();
  } else if (event.target.nodeName === "DIALOG") {
    event.target.close(); // The backdrop.
  }
});
