"use strict"
// What the page can do with a script: mark where one is, filter, copy, and print what is
// folded.
const links = [...document.querySelectorAll(".index a")].map((link) => ({ link, target: document.getElementById(link.hash.slice(1)) }))
function mark() {
  const passed = links.filter(({ target }) => target.checkVisibility() && target.getBoundingClientRect().top < innerHeight / 4)
  for (const { link } of links) link.removeAttribute("aria-current")
  passed.at(-1)?.link.setAttribute("aria-current", "location")
}
addEventListener("scroll", mark, { passive: true })
mark()

// Members, rulings and codes are items. A group with none that is shown is hidden.
const filter = document.getElementById("filter")
const items = [...document.querySelectorAll("[data-item]")].map((element) => ({ element, text: element.textContent.toLowerCase() }))
function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
  for (const { element, text } of items) element.hidden = !words.every((word) => text.includes(word))
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = words.length > 0 && !group.querySelector("[data-item]:not([hidden])")
  }
  const found = items.filter(({ element }) => !element.hidden).length
  document.getElementById("filtered").textContent = words.length ? `${found} of ${items.length}` : ""
}
filter.addEventListener("input", show)

// A link leads to what the filter hides, too.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!target?.closest("[hidden]")) return
  filter.value = ""
  show()
  target.scrollIntoView()
})

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]")
  if (!button) return
  const from = document.getElementById(button.dataset.copy)
  const before = button.dataset.text ??= button.textContent
  try {
    await navigator.clipboard.writeText(from.textContent)
    button.textContent = "Copied"
  } catch {
    // Not allowed: selected, it can be copied by hand.
    getSelection().selectAllChildren(from)
    button.textContent = "Selected"
  }
  setTimeout(() => { button.textContent = before }, 1500)
})

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true }))
