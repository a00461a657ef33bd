// A battle: one box to every side, replies as they come, nothing typed lost.

import { draftFor } from "./raters-drafts.js";
import { keepPlace } from "./raters-place.js";

const POLL_MS = 1000;
// While nothing is being written, a strike may still come: soon after a message, or hardly.
const IDLE_MS = 8000;
const IDLE_AT_MOST_MS = 64000;

export function startBattle(root) {
  const find = (selector) => root.querySelector(selector);
  const form = find("[data-write]");
  const box = form.elements.text;
  const send = form.querySelector("button");
  const turns = find(".turns");
  const refusal = find("[data-refusal]");
  const draft = draftFor(root, "message");
  const told = startTelling(form);
  // Every sentence comes with the page, in the language that it speaks.
  const { wordsGone, wordsWrong, wordsGoOn, wordsAnswered, wordsUnanswered } = root.dataset;
  const strikes = document.querySelector("[data-strikes]");
  let isWriting = root.dataset.writing === "yes";
  let isSending = false;
  let source = null;
  let poll = null;
  let idle = IDLE_MS;
  // What was asked for before something newer happened is not to be shown any more.
  let round = 0;

  // She looks at the end of the conversation, so that is where a strike is shown, and a warning.
  find(".dock").before(strikes);
  const place = document.querySelector("[data-place]");
  if (place) find(".dock").prepend(place);
  strikes.firstElementChild?.scrollIntoView({ block: "nearest" });
  find("[data-show-replies]").hidden = true;
  // The line may have dropped after the server had the message: then it stands above already.
  const said = turns.lastElementChild?.querySelector("[data-text]")?.textContent;
  if (said !== undefined && said === draft.read().trim()) draft.write("");
  if (!box.value) box.value = draft.read();
  box.addEventListener("input", () => draft.write(box.value));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendMessage();
  });
  // Enter sends; with Shift it is a new line, and never in the middle of composing a character.
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (!matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    form.requestSubmit();
  });
  turns.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-retry]")) return;
    event.preventDefault();
    retry(event.target);
  });
  const sides = startSides(root);
  setWriting(isWriting);
  if (isWriting) watch();
  else idleAWhile();

  async function sendMessage() {
    if (isSending || isWriting || !box.value.trim()) return;
    isSending = true;
    send.disabled = true;
    stop();
    told.write();
    const answer = await post(form);
    isSending = false;
    send.disabled = isWriting;
    if (!answer) {
      idleAWhile();
      return;
    }
    idle = IDLE_MS;
    told.forget();
    draft.write("");
    box.value = "";
    find(".empty").hidden = true;
    if (!turns.querySelector(`.turn[data-turn="${answer.number}"]`)) {
      turns.insertAdjacentHTML("beforeend", answer.html);
    }
    applyPage(answer.page);
    box.focus();
    turns.lastElementChild.scrollIntoView({ block: "start" });
    if (isWriting) watch();
    else refresh();
  }

  async function retry(retryForm) {
    const button = retryForm.querySelector("button");
    button.disabled = true;
    const answer = await post(retryForm);
    button.disabled = false;
    if (!answer) return;
    answer.replies.forEach(apply);
    applyPage(answer.page);
    // The button that had the focus is gone with the failure.
    box.focus();
    if (isWriting) watch();
  }

  // The answer as data, or null after telling what went wrong.
  async function post(sent) {
    tell("");
    let response;
    try {
      response = await fetch(sent.action, {
        method: "POST",
        body: new FormData(sent),
        headers: { "X-Requested-With": "fetch" },
        redirect: "error",
      });
    } catch {
      tell(wordsGone);
      return null;
    }
    return understand(response);
  }

  async function understand(response) {
    let answer = null;
    try {
      answer = await response.json();
    } catch {
      tell(wordsWrong);
      return null;
    }
    if (response.ok) return answer;
    tell(answer.error ?? wordsGone, answer.go_to);
    return null;
  }

  function tell(words, goTo) {
    refusal.textContent = words;
    refusal.hidden = !words;
    if (!goTo) return;
    const link = document.createElement("a");
    link.href = goTo;
    link.textContent = wordsGoOn;
    refusal.append(" ", link);
  }

  // Streams where the server can, asks every second where it can't.
  function watch() {
    stop();
    source = new EventSource(root.dataset.stream);
    source.addEventListener("reply", (event) => {
      apply(JSON.parse(event.data));
      if (!turns.querySelector('.reply[data-state="writing"]')) refresh();
    });
    source.addEventListener("done", refresh);
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) refresh();
    });
  }

  function stop() {
    source?.close();
    source = null;
    clearTimeout(poll);
    round += 1;
  }

  async function refresh() {
    stop();
    if (document.hidden && !isWriting) {
      idleAWhile();
      return;
    }
    const asked = round;
    let response;
    try {
      response = await fetch(root.dataset.replies, {
        headers: { "X-Requested-With": "fetch" },
        redirect: "error",
      });
    } catch {
      if (asked === round) poll = setTimeout(refresh, POLL_MS * 3);
      return;
    }
    if (asked !== round) return;
    // It asked by itself: what may pass in a moment is not worth a word.
    if (response.status >= 500) {
      poll = setTimeout(refresh, POLL_MS * 3);
      return;
    }
    const answer = await understand(response);
    if (!answer || asked !== round) return;
    answer.replies.forEach(apply);
    applyPage(answer.page);
    if (isWriting) poll = setTimeout(refresh, POLL_MS);
    else idleAWhile();
  }

  // Asked ever more rarely, until she writes.
  function idleAWhile() {
    poll = setTimeout(refresh, idle);
    idle = Math.min(2 * idle, IDLE_AT_MOST_MS);
  }

  function apply(reply) {
    const shown = turns.querySelector(
      `.reply[data-turn="${reply.turn}"][data-side="${reply.side}"]`,
    );
    if (!shown) return;
    const before = shown.dataset.state;
    // What is shown whole stays, also while the other side is tried again.
    if (before === "finished") return;
    // A stream may bring text that the next answer to a poll does not hold yet.
    if (reply.html || reply.state === "failed") {
      const body = shown.querySelector(".reply-body");
      if (body.innerHTML !== reply.html) {
        body.innerHTML = reply.html;
        sides.note(reply.side);
      }
    } else if (before === "failed") {
      shown.querySelector(".reply-body").textContent = "";
    }
    shown.dataset.state = reply.state;
    if (before !== reply.state) announce();
  }

  // Once every side is through, and not with each word.
  function announce() {
    const replies = [...turns.lastElementChild.querySelectorAll(".reply")];
    const are = (state) => replies.every((reply) => reply.dataset.state === state);
    let words = "";
    if (replies.length === 2 && are("finished")) words = wordsAnswered;
    else if (replies.length === 2 && are("failed")) words = wordsUnanswered;
    else if (!replies.some((reply) => reply.dataset.state === "writing")) {
      words = replies.map(({ dataset }) => (
        dataset.state === "finished" ? dataset.answered : dataset.unanswered
      )).join(" ");
    }
    find("[data-announce]").textContent = words;
  }

  function applyPage(page) {
    form.elements.number.value = page.next_number;
    form.hidden = !page.can_write;
    find("[data-progress]").textContent = page.progress;
    find("[data-compare]").hidden = !page.can_judge;
    find("[data-replace]").hidden = !page.is_stuck;
    document.querySelector("[data-strike-count]").textContent = page.strikes;
    addStrikes(page.cards);
    keepPlace(page.place);
    setWriting(page.is_writing, page.is_stuck);
  }

  // Those that stand stay as they are: she may be writing in one of them.
  function addStrikes(html) {
    const sent = document.createElement("template");
    sent.innerHTML = html;
    for (const card of sent.content.querySelectorAll("[data-strike]")) {
      if (strikes.querySelector(`[data-strike="${card.dataset.strike}"]`)) continue;
      strikes.append(card);
      card.scrollIntoView({ block: "nearest" });
    }
  }

  function setWriting(value, isStuck = !find("[data-replace]").hidden) {
    isWriting = value;
    send.disabled = isSending || isWriting || isStuck;
  }
}

// What a reviewer may weigh, and never more than two numbers: signs that were pasted into the box,
// and how often the page was left, since her last message.
function startTelling(form) {
  let pasted = 0;
  let away = 0;
  form.elements.text.addEventListener("paste", (event) => {
    pasted += event.clipboardData?.getData("text/plain").length ?? 0;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) away += 1;
  });
  return {
    write() {
      form.elements.pasted_signs.value = Math.min(pasted, 1_000_000);
      form.elements.times_away.value = Math.min(away, 1_000_000);
    },
    forget() {
      pasted = 0;
      away = 0;
    },
  };
}

// On a phone one side is shown at a time; a mark tells of news on the other.
function startSides(root) {
  const choice = root.querySelector(".side-switch");
  // Where one assistant answers there is nothing to switch.
  if (!choice) return { note() {} };
  const buttons = [...choice.querySelectorAll("button")];
  choice.hidden = false;
  root.classList.add("has-switch");
  show("a");
  buttons.forEach((button) => button.addEventListener("click", () => show(button.dataset.show)));

  let start = null;
  const turns = root.querySelector(".turns");
  turns.addEventListener("touchstart", (event) => {
    start = event.touches.length === 1 ? event.touches[0] : null;
  }, { passive: true });
  turns.addEventListener("touchend", (event) => {
    if (!start) return;
    const across = event.changedTouches[0].clientX - start.clientX;
    const down = event.changedTouches[0].clientY - start.clientY;
    if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(down)) show(across < 0 ? "b" : "a");
    start = null;
  }, { passive: true });

  function show(side) {
    root.dataset.show = side;
    for (const button of buttons) {
      const isShown = button.dataset.show === side;
      button.setAttribute("aria-pressed", String(isShown));
      if (isShown) button.querySelector(".news").hidden = true;
    }
  }

  return {
    note(side) {
      const button = buttons.find((each) => each.dataset.show === side);
      if (root.dataset.show !== side) button.querySelector(".news").hidden = false;
    },
  };
}
