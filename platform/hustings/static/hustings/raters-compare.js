// Comparing or rating: one question a step, a key for each answer, back always possible, sent
// all at once.

import { startSwitch } from "./keys-switch.js";
import { draftFor } from "./raters-drafts.js";

export function startCompare(form) {
  const steps = [...form.querySelectorAll("[data-step]")];
  const last = steps.length - 1;
  const back = form.querySelector("[data-back]");
  const next = form.querySelector("[data-next]");
  const submit = form.querySelector("[data-submit]");
  const place = form.querySelector("[data-place]");
  const keys = form.querySelector("[data-keys]");
  const areKeysOn = startSwitch(keys.querySelector("button"), "hustings-rater-keys");
  const draft = draftFor(form, "answers");
  let current = 0;
  let advance = null;

  restore();
  place.hidden = false;
  // Steps that are not shown can't be pointed at by the browser's own check.
  form.noValidate = true;
  const open = steps.findIndex((step) => !isAnswered(step));
  show(open < 0 ? last : open, false);

  back.addEventListener("click", () => show(current - 1));
  next.addEventListener("click", () => isAnswered(steps[current]) && show(current + 1));
  form.addEventListener("change", () => {
    keep();
    next.disabled = !isAnswered(steps[current]);
  });
  form.addEventListener("input", keep);
  // A pointer's choice goes on at once; arrow keys only move the choice (their clicks count 0).
  form.addEventListener("click", (event) => {
    if (!event.target.closest(".answer") || event.detail === 0) return;
    const from = current;
    clearTimeout(advance);
    advance = setTimeout(() => current === from && show(from + 1), 150);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches("textarea, input:not([type=radio])");
    const answers = steps[current].querySelectorAll("input[type=radio]");
    const isDigit = areKeysOn() && !isTyping && /^[1-9]$/.test(event.key);
    const chosen = isDigit ? answers[event.key - 1] : undefined;
    if (chosen) {
      chosen.checked = true;
      keep();
      show(current + 1);
      event.preventDefault();
    } else if (event.key === "Enter" && event.target.matches("input[type=radio]")) {
      // Enter in a radio would send the form with questions still open.
      event.preventDefault();
      if (isAnswered(steps[current])) show(current + 1);
    }
  });
  form.addEventListener("submit", (event) => {
    const missing = steps.findIndex((step) => !isAnswered(step));
    if (missing >= 0) {
      event.preventDefault();
      show(missing);
    }
  });

  function isAnswered(step) {
    return !step.querySelector("input[type=radio]") || step.querySelector(":checked") !== null;
  }

  function show(step, isFocused = true) {
    current = Math.max(0, Math.min(step, last));
    steps.forEach((each, at) => {
      each.hidden = at !== current;
    });
    back.hidden = current === 0;
    next.hidden = current === last;
    next.disabled = !isAnswered(steps[current]);
    submit.hidden = current !== last;
    keys.hidden = current === last;
    place.textContent = steps[current].dataset.step;
    if (!isFocused) return;
    const target = steps[current].querySelector("legend") ?? steps[current].querySelector("input");
    target.focus();
  }

  function keep() {
    const answers = Object.fromEntries(
      [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken"),
    );
    draft.write(JSON.stringify(answers));
  }

  function restore() {
    let answers = {};
    try {
      answers = JSON.parse(draft.read() || "{}");
    } catch {
      return;
    }
    for (const [name, value] of Object.entries(answers)) {
      const field = form.elements[name];
      if (field && !field.value) field.value = value;
    }
  }
}
