/* What is wrong with the look of a page at the window's present size, for tests. Each function
   answers a list of sentences; none is the best. Boxes that scroll by themselves may be wide. */
(() => {
  const SCROLLS = ".table-box, .prose table, .copy-body, svg, .skip, dialog, .phone-screen, .ql-tooltip";
  const TARGETS = "a, button, input, select, textarea, summary";
  const named = (one) => one.outerHTML.replace(/\s+/g, " ").slice(0, 110);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && one.getBoundingClientRect().width > 1;

  /* The words of an element, as boxes. */
  function words(one) {
    const range = document.createRange();
    const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    const boxes = [];
    while (walk.nextNode()) {
      if (!walk.currentNode.data.trim() || walk.currentNode.parentElement.closest(".hidden-text")) continue;
      range.selectNodeContents(walk.currentNode);
      boxes.push(...range.getClientRects());
    }
    return boxes;
  }

  function tooWide() {
    const found = all("body *").filter((one) => {
      const box = one.getBoundingClientRect();
      return seen(one) && (box.right > innerWidth + 1 || box.left < -1) && !one.closest(SCROLLS);
    });
    const wide = document.documentElement.scrollWidth - innerWidth;
    return [...(wide > 0 ? [`the page is ${wide}px too wide`] : []), ...found.map(named)];
  }

  /* A link in a sentence is as high as its line (WCAG 2.5.8 excepts it); a choice is its label. */
  const inSentence = (one) => one.matches("a") && one.closest("p, li, dd, td, figcaption, small")
    && getComputedStyle(one).display === "inline"
    && [...one.parentElement.childNodes].some((other) => other.nodeType === 3 && other.data.trim().length > 1);
  const targets = () => all(TARGETS)
    .filter((one) => one.type !== "hidden" && seen(one) && !one.matches(".skip") && !inSentence(one)
      && !one.closest(".ql-tooltip, .phone-screen"))
    .map((one) => [one, (one.closest("label") || one).getBoundingClientRect()]);

  function tooSmall() {
    const small = targets().filter(([, box]) => box.width < 43.5 || box.height < 43.5);
    const low = all(".button.main").filter((one) => seen(one) && one.getBoundingClientRect().height < 59.5);
    return [...small.map(([one]) => one), ...low].map(named);
  }

  /* Words that leave their button, or are cut off by a box that hides what leaves it. */
  function clipped() {
    const out = all(".button, .tab-bar a, .tabs a, .chip, .count, .head-tool, .brand, summary, .tile, .avatar")
      .filter(seen)
      .filter((one) => {
        const box = one.getBoundingClientRect();
        return words(one).some((part) => part.width > 0 && (part.left < box.left - 1
          || part.right > box.right + 1 || part.top < box.top - 4 || part.bottom > box.bottom + 4));
      });
    const cut = all("body *").filter((one) => {
      const style = getComputedStyle(one);
      const hides = ["hidden", "clip"].includes(style.overflowX);
      return hides && seen(one) && style.textOverflow !== "ellipsis" && !one.closest("svg, .hidden-text, .cards thead, .avatar, input")
        && one.scrollWidth > one.clientWidth + 1;
    });
    return [...out, ...cut].map(named);
  }

  /* Two targets on the same place; bars that stay while the page moves lie on top of it. */
  function overlapping() {
    const stays = (one) => one.closest(".tab-bar, .offline, .side, dialog, .sticky");
    const boxes = targets().filter(([one]) => !stays(one)
      && !["sticky", "fixed"].includes(getComputedStyle(one.parentElement).position));
    const found = [];
    boxes.forEach(([one, a], at) => boxes.slice(at + 1).forEach(([other, b]) => {
      if (one.contains(other) || one.closest("label") && one.closest("label") === other.closest("label")) return;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 2) found.push(`${named(one)} lies on ${named(other)}`);
    }));
    return found;
  }

  function head() {
    const root = document.documentElement;
    const titles = all("h1").filter((one) => one.checkVisibility());
    return [
      ...(root.lang === "zh-CN" ? [] : [`lang is ${root.lang}`]),
      ...(titles.length === 1 ? [] : [`${titles.length} h1`]),
      ...(document.title.trim() ? [] : ["no title"]),
      ...(all("[tabindex]").some((one) => one.tabIndex > 0) ? ["a tabindex above 0"] : []),
      ...all("img").filter((one) => one.complete && !one.naturalWidth && seen(one)).map((one) => `not drawn: ${named(one)}`),
    ];
  }

  /* The body's text, and the smallest of the words that stand on a resident's page. */
  function textSizes() {
    const sizes = all("main *").filter((one) => seen(one) && !one.closest("svg, .hidden-text, .size-step")
      && [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim()))
      .map((one) => parseFloat(getComputedStyle(one).fontSize));
    return { body: parseFloat(getComputedStyle(document.body).fontSize), least: Math.min(...sizes, 99) };
  }

  /* Where the keyboard is, and whether one sees it. */
  function focused() {
    const one = document.activeElement;
    const ring = [one, one.closest("label"), one.closest(".drop, .choice, .size-step, .ql-container"), one.nextElementSibling]
      .filter(Boolean).some((part) => {
        const style = getComputedStyle(part);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      });
    const box = one.getBoundingClientRect();
    return {
      name: named(one), ring, skip: one.matches(".skip"), main: one.matches("main .button.main"),
      inside: Boolean(one.closest("main")), nowhere: one === document.body,
      shown: box.bottom > 0 && box.top < innerHeight,
    };
  }

  /* For a picture of the whole page, bars stand where they are written. */
  function still() {
    all(".tab-bar").forEach((one) => { one.style.position = "static"; });
  }

  window.looks = { still, tooWide, tooSmall, clipped, overlapping, head, textSizes, focused };
})();
