// Signing in: a computer waits for the phone; a mini-program's web view enters without a tap.
"use strict";

const EVERY_MS = 2000;
const waiting = document.querySelector("[data-scan]");
const atOnce = document.querySelector("form[data-at-once]");

async function look() {
  let state = waiting.dataset.scanState;
  try {
    const answer = await fetch(waiting.dataset.scan, { cache: "no-store" });
    if (answer.ok) state = (await answer.json()).state;
  } catch {
    // No network for a moment: the next look may have it.
  }
  if (state === waiting.dataset.scanState) setTimeout(look, EVERY_MS);
  else location.replace(waiting.dataset.scanThen);
}

if (waiting) setTimeout(look, EVERY_MS);
if (atOnce) atOnce.submit();
