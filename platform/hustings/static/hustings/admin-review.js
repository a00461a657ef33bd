// Keys of the review queue: J and K lead on and back, C confirms, O overturns.

import { startSwitch } from "./keys-switch.js";

const areOn = startSwitch(document.querySelector("[data-review-switch]"), "hustings-review-keys");

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
  if (!areOn() || !isPlain || isTyping(event.target)) {
    return;
  }
  const key = event.key.toLowerCase();
  const wanted = /^[a-z]$/.test(key) && document.querySelector(`[data-review-key="${key}"]`);
  if (wanted) {
    event.preventDefault();
    wanted.click();
  }
});
