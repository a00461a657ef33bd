// Keys of the review queue: J and K lead on and back, C confirms, O overturns.

const SWITCH = "hustings-review-keys";
const keys = document.querySelector("[data-review-switch]");
let areOn = localStorage.getItem(SWITCH) !== "off";

// Who speaks to the computer, or leans on a key, can do without them.
function show() {
  keys.hidden = false;
  keys.setAttribute("aria-pressed", String(areOn));
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

keys.addEventListener("click", () => {
  areOn = !areOn;
  localStorage.setItem(SWITCH, areOn ? "on" : "off");
  show();
});

document.addEventListener("keydown", (event) => {
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
  if (!areOn || !isPlain || isTyping(event.target)) {
    return;
  }
  const key = event.key.toLowerCase();
  const wanted = /^[a-z]$/.test(key) && document.querySelector(`[data-review-key="${key}"]`);
  if (wanted) {
    event.preventDefault();
    wanted.click();
  }
});

show();
