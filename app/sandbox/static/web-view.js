// WeChat's own browser: a page of the service, in a window as large as a phone.

const SIZE = "popup,width=400,height=820";

// The path of an address that is the service's own; null for all others.
export function pageOf(address) {
  try {
    const base = new URL(document.body.dataset.service);
    const url = new URL(address, base);
    return url.origin === base.origin ? `${url.pathname}${url.search}` : null;
  } catch {
    return null;
  }
}

export function webView(link, user, path) {
  link.href = `/web/${user.id}?to=${encodeURIComponent(path)}`;
  link.target = "_blank";
  // Staff work on a computer: their pages get a whole tab.
  if (/^\/(studio|desk)/.test(path)) return link;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (window.open(link.href, "_blank", SIZE)) event.preventDefault();
  });
  return link;
}
