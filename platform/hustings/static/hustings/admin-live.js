// Refreshes the parts of a study's live page where they stand, so that nobody loses her place.

const EVERY_MS = 15000;
const trouble = document.querySelector("[data-live-trouble]");
const stop = document.querySelector("[data-live-switch]");
const parts = () => [...document.querySelectorAll("[data-live-part]")];
let isStopped = false;

async function refresh() {
  const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) {
    throw new Error(answer.status);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts()) {
    const fresh = page.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
    if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
      replace(part, fresh);
    }
  }
}

// Wide tables stay where they were scrolled to.
function replace(part, fresh) {
  const scrolled = [...part.querySelectorAll(".hustings-table")].map((table) => table.scrollLeft);
  part.innerHTML = fresh.innerHTML;
  part.querySelectorAll(".hustings-table").forEach((table, n) => {
    table.scrollLeft = scrolled[n] ?? 0;
  });
}

async function beat() {
  if (isStopped || document.hidden) {
    return;
  }
  try {
    await refresh();
    trouble.textContent = "";
  } catch {
    trouble.textContent = trouble.dataset.words;
  }
}

stop.hidden = false;
stop.addEventListener("click", () => {
  isStopped = !isStopped;
  stop.setAttribute("aria-pressed", String(isStopped));
  beat();
});
document.addEventListener("visibilitychange", beat);
setInterval(beat, EVERY_MS);
