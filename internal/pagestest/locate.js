// Finds what a person would point at: by what it says, not by how it is made.
(kind, name, exactly) => {
  const squash = text => (text || "").replace(/\s+/g, " ").trim()
  const modal = [...document.querySelectorAll("dialog:modal")].pop()
  const root = modal || document
  const shown = e => e.getClientRects().length > 0 && e.checkVisibility({visibilityProperty: true})
  const named = e => squash(e.getAttribute("aria-label")
    || (e.getAttribute("aria-labelledby") || "").split(" ").map(id => document.getElementById(id)?.innerText).join(" ").trim()
    || (e.labels?.length ? [...e.labels].map(l => l.innerText).join(" ") : "")
    || (e.tagName === "INPUT" ? e.value : e.innerText))
  const kinds = {
    control: "button, a[href], summary, input[type=submit], [role=button], [role=tab]",
    field: "input:not([type=hidden], [type=submit]), textarea, select",
  }
  const all = [...root.querySelectorAll(kinds[kind])].filter(e => shown(e) || e.labels && [...e.labels].some(shown))
    .sort((a, b) => (a.tagName === "A") - (b.tagName === "A")) // buttons before links
  const found = all.find(e => named(e) === name)
    || !exactly && (all.find(e => named(e).startsWith(name)) || all.find(e => named(e).includes(name)))
  if (!found) return null
  const target = shown(found) ? found : [...found.labels].find(shown)
  target.scrollIntoView({block: "center", behavior: "instant"})
  const box = target.getClientRects()[0]
  const x = box.left + box.width / 2, y = box.top + box.height / 2
  const hit = document.elementFromPoint(x, y)
  if (!hit || !(target.contains(hit) || hit.contains(target) || found.labels && [...found.labels].some(l => l.contains(hit)))) return null
  if (found.disabled) return null
  if (kind === "field" && found.type !== "checkbox" && found.type !== "radio") {
    found.focus()
    if (found.select) found.select()
  }
  return {x, y, tag: found.tagName, type: found.type || "", checked: !!found.checked}
}
