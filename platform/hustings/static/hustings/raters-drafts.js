// What a rater has typed, kept in her browser until the server has it.

const PREFIX = "hustings-draft";

export function draftFor(root, kind) {
  const key = [PREFIX, root.dataset.study, root.dataset.key, kind].join("/");
  // A browser may refuse storage, in a private window for instance: then there are no drafts.
  return {
    read() {
      try {
        return localStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    write(text) {
      try {
        if (text) localStorage.setItem(key, text);
        else localStorage.removeItem(key);
      } catch {
        // Nothing is kept.
      }
    },
  };
}
