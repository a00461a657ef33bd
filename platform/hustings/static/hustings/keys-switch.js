// Keys of one letter or digit can be turned off: who speaks to the computer, or leans on a key,
// sets one off unawares. The choice is kept in this browser.

export function startSwitch(button, name) {
  let areOn = true;
  // A browser may refuse storage, in a private window for instance: then it counts for the page.
  try {
    areOn = localStorage.getItem(name) !== "off";
  } catch {
    // On.
  }
  button.addEventListener("click", () => {
    areOn = !areOn;
    show();
    try {
      localStorage.setItem(name, areOn ? "on" : "off");
    } catch {
      // Nothing is kept.
    }
  });
  show();

  function show() {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(areOn));
  }

  return () => areOn;
}
