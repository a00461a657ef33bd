// A rater's place is kept for a time: she is told before it runs out, and one press keeps it
// longer. What she does keeps it as well; whoever sends it says so by `keepPlace`.

const LOOK_EVERY_MS = 1000;
const KEPT = "hustings:place-kept";

// The server has said for how many seconds more her place is kept.
export function keepPlace(place) {
  if (place) document.dispatchEvent(new CustomEvent(KEPT, { detail: place }));
}

export function startPlace(root) {
  const said = root.querySelector("[data-place-words]");
  const form = root.querySelector("form");
  const { wordsEnding, wordsOver, wordsGone, wordsGoOn } = root.dataset;
  const warnedMs = 1000 * root.dataset.warnedS;
  let until = Date.now() + 1000 * root.dataset.leftS;
  let isTold = false;
  let isOver = false;
  let isAsking = false;
  // Where she was before she came to the button, and goes on.
  let before = null;

  form.hidden = true;
  document.addEventListener("focusin", (event) => {
    if (!root.contains(event.target)) before = event.target;
  });
  document.addEventListener(KEPT, (event) => hear(event.detail));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stay();
  });
  look();
  setInterval(look, LOOK_EVERY_MS);

  // By the clock: a computer that slept has counted nothing.
  function look() {
    const left = until - Date.now();
    if (left <= 0 && !isOver) {
      isOver = true;
      warn(wordsOver);
    } else if (left <= warnedMs && !isTold) {
      warn(wordsEnding);
    }
  }

  function warn(words) {
    isTold = true;
    said.textContent = words;
    form.hidden = false;
    root.classList.add("is-ending");
  }

  // What she does keeps it, and is no news: only a warning that no longer holds is taken back.
  function hear(place) {
    until = Date.now() + 1000 * place.left_s;
    isOver = false;
    if (isTold && until - Date.now() > warnedMs) calm(place.words);
  }

  function calm(words) {
    isTold = false;
    said.textContent = words;
    if (root.contains(document.activeElement)) (before ?? document.body).focus();
    form.hidden = true;
    root.classList.remove("is-ending");
  }

  async function stay() {
    // To disable the button would take the focus away from it.
    if (isAsking) return;
    isAsking = true;
    let response;
    let answer = null;
    try {
      response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Requested-With": "fetch" },
        redirect: "error",
      });
      answer = await response.json();
    } catch {
      // Told below.
    }
    isAsking = false;
    if (!response?.ok || !answer) {
      tell(answer);
      return;
    }
    hear(answer);
    // After the tenth time there may be hardly more to have.
    said.textContent = answer.words;
  }

  function tell(answer) {
    said.textContent = answer?.error ?? wordsGone;
    if (!answer?.go_to) return;
    const link = document.createElement("a");
    link.href = answer.go_to;
    link.textContent = wordsGoOn;
    said.append(" ", link);
  }
}
