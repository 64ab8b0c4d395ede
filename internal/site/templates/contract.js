"use strict"
// What the page can do with a script: mark where one is, and print what is folded.
const links = new Map([...document.querySelectorAll(".index a")].map((a) => [a.hash.slice(1), a]))
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue
    for (const a of links.values()) a.removeAttribute("aria-current")
    links.get(target.id)?.setAttribute("aria-current", "location")
  }
}, { rootMargin: "0px 0px -80% 0px" })
for (const id of links.keys()) {
  const target = document.getElementById(id)
  if (target) seen.observe(target)
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true }))
