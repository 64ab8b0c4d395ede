// What pages do in the browser beyond their forms and links. All of it is an addition:
// without it the pages work, but for what is live.
"use strict";
(() => {
  const ago = (ms) => {
    const past = ms >= 0, s = Math.abs(ms) / 1000;
    if (s < 5) return "now";
    const text = s < 60 ? Math.floor(s) + " s" : s < 3600 ? Math.floor(s / 60) + " min"
      : s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " days";
    return past ? text + " ago" : "in " + text;
  };
  const exact = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "long"});
  const set = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const times = () => {
    const now = Date.now();
    for (const t of document.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (t.hasAttribute("data-countdown")) {
        const s = Math.ceil((at - now) / 1000);
        set(t, s <= 0 ? "now" : s < 90 ? "in " + s + " s" : ago(now - at));
      } else {
        set(t, ago(now - at));
      }
      if (!t.dataset.exact) {
        t.dataset.exact = "y";
        t.title = exact.format(at);
      }
    }
  };
  times();
  setInterval(times, 1000);
  document.addEventListener("htmx:after:swap", times);

  // A stream that the service has ended for good.
  document.addEventListener("htmx:sse:close", (event) => {
    if (event.detail.reason !== "message") return;
    for (const note of document.querySelectorAll("[data-ended]")) note.textContent = note.dataset.ended;
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const from = document.querySelector(copy.dataset.copy);
      const text = "value" in from ? from.value : from.textContent;
      const before = copy.dataset.text ??= copy.textContent;
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch {
        // Not allowed, or not by https: selected, it can be copied by hand.
        getSelection().selectAllChildren(from);
        copy.textContent = "Selected";
      }
      setTimeout(() => { copy.textContent = before; }, 1500);
    }
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.querySelector(opener.dataset.dialog);
      if (dialog) {
        event.preventDefault();
        dialog.showModal();
      }
    }
  });

  // What takes long shows that it goes on.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-wait]")) event.submitter?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-wait] [aria-busy]")) button.removeAttribute("aria-busy");
  });

  // Scanners of links follow them, but don't run scripts: so a form that uses
  // something up is sent by a person, or by this.
  const once = document.querySelector("form[data-submit]");
  if (once) {
    once.requestSubmit();
    once.querySelector("button").disabled = true; // a second time, it is used up
  }
})();
