
"use strict";
const form = document.getElementById("filter");
if (form) {
  const payloads = [...document.querySelectorAll("details.payload")];
  const {text, verdict, all} = form.elements;
  const output = form.querySelector("output");
  const apply = () => {
    const needle = text.value.trim().toLowerCase();
    let shown = 0;
    for (const p of payloads) {
      p.hidden = verdict.value && p.dataset.verdict !== verdict.value ||
        needle && !p.textContent.toLowerCase().includes(needle);
      if (!p.hidden) shown++;
    }
    output.textContent = shown === payloads.length ? "" : shown + " of " + payloads.length + " shown";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (e) => e.preventDefault());
  all.addEventListener("click", () => {
    const open = all.textContent === "Unfold all";
    for (const p of payloads) p.open = open;
    all.textContent = open ? "Fold all" : "Unfold all";
  });
  form.hidden = false;
}
