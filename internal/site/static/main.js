// The page that checks payloads. What it does with them happens in worker.js; this shows it.
import { cut, show, visible } from "./layout.js";
import { severities, TextView } from "./view.js";

const $ = (id) => document.getElementById(id);
const worker = new Worker("worker.js", { type: "module" });
let round = 0; // of what was taken in: answers to an earlier one come too late
const tell = (message) => worker.postMessage({ ...message, round });

const LARGE = 200_000; // characters, from which on a text area is slow
const PAGE = 100; // payloads, or findings, at once
const MAX_FILES = 10_000;
const LINK = 16_000; // characters of a link

const meanings = {
  conforms: ["good", "It is as the contract documents it."],
  deviates: ["warn", "It differs from what is documented in ways that servers are known to. A receiver takes it; its sender should change it."],
  invalid: ["bad", "It breaks the contract in a way that no known server does. A receiver refuses it."],
};

let payloads = []; // what there is to say of each
let expected = 0;
let selected = -1;
let scrolls = false; // to the one that is selected
let from = 0; // the first of the payloads that are listed
let source; // the text that can be edited
let result; // of the payload that is shown
let texts = {};

const text = new TextView($("text"), (n) => {
  listFindings(n + 1);
  const item = $("finding-" + n);
  item.scrollIntoView({ block: "nearest" });
  item.querySelector("button").focus();
  for (const other of document.querySelectorAll(".findings .current")) other.classList.remove("current");
  item.classList.add("current");
});
const eventText = new TextView($("event-text"));

// Texts that come from payloads are only ever made nodes of text here.
function node(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  for (const child of children) {
    if (child instanceof Node) made.append(child);
    else show(made, String(child));
  }
  return made;
}
const chip = (kind, said) => node("span", { className: "chip " + kind }, said);
const bdi = (said, most = 300) => node("bdi", {}, cut(said, most));
const number = (n) => n.toLocaleString("en");
const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
const size = (n) => (n < 1000 ? n + " B" : n < 1e6 ? (n / 1e3).toPrecision(3) + " KB" : (n / 1e6).toPrecision(3) + " MB");

function settings() {
  const of = (id) => $(id).value.trim() || undefined;
  return { as: $("as").value, zone: of("zone"), locale: of("locale"), provenance: $("provenance").checked };
}

// layout has the worker make rows that fit. What is hidden has no width.
function layout() {
  const hidden = [$("result"), $("event")].filter((part) => part.hidden);
  for (const part of hidden) part.hidden = false;
  tell({ do: "layout", widths: { text: text.columns(), event: eventText.columns() } });
  for (const part of hidden) part.hidden = true;
}

// take has the worker judge inputs: files, or texts.
function take(inputs, edited, remarks = []) {
  source = edited;
  next();
  if (location.hash) history.replaceState(null, "", location.pathname + location.search); // it is of another payload
  layout();
  tell({ do: "take", inputs, remarks, options: settings() });
  $("status").className = "muted";
  $("status").textContent = inputs.length > 0 ? "Reading…" : "";
}

function next() {
  round++;
  saving.length = 0; // what it waits for comes no more
}

const takeFiles = (files) => take(Array.from(files, (file) => ({ name: file.name, file })));

// takeEntries takes what was dropped, with the payloads in folders.
async function takeEntries(entries) {
  const inputs = [], remarks = [];
  let others = 0;
  const walk = async (entry, dropped) => {
    if (entry.isDirectory) {
      const reader = entry.createReader();
      for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length > 0; ) {
        for (const child of some) await walk(child);
      }
    } else if (inputs.length === MAX_FILES || (!dropped && !/\.(json|ndjson|jsonl)(\.gz)?$/i.test(entry.name))) {
      others++;
    } else {
      inputs.push({ name: entry.fullPath.slice(1), file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    }
  };
  try {
    for (const entry of entries) await walk(entry, true);
  } catch (error) {
    remarks.push(`Not all can be read: ${error.message}.`);
  }
  if (others > 0) remarks.push(`${count(others, "file")} of the folders ${others === 1 ? "is" : "are"} left out: they have other names than payloads have, or are too many.`);
  take(inputs.sort((a, b) => (a.name < b.name ? -1 : 1)), undefined, remarks);
}

function takeText(said) {
  // A large text is not for a text area.
  const small = said.length <= LARGE;
  $("input").value = small ? said : "";
  take([{ name: "", text: said }], small ? said : undefined);
}

const hears = {
  ready() {
    document.documentElement.dataset.ready = "";
  },
  broken({ error }) {
    trouble(`The module that judges payloads can't be loaded: ${error}`);
  },
  failed({ error }) {
    $("status").textContent = "";
    saving.length = 0;
    trouble(error.replace(/^runhooks: /, ""));
  },
  begun({ count: n, size: bytes, remarks }) {
    trouble();
    payloads = [];
    expected = n;
    selected = -1;
    from = 0;
    result = undefined;
    $("result").hidden = true;
    $("many").hidden = n < 2;
    $("only").value = "";
    $("list").replaceChildren();
    $("remarks").replaceChildren(...remarks.slice(0, 10).map((said) => node("p", {}, cut(said, 300))));
    if (remarks.length > 10) $("remarks").append(node("p", {}, `And ${remarks.length - 10} more.`));
    $("remarks").hidden = remarks.length === 0;
    $("status").textContent = n > 0 ? `Checking ${n === 1 ? size(bytes) : `${count(n, "payload")}, ${size(bytes)}`}…` : "";
    reading(n > 0);
  },
  judged({ payloads: more, done }) {
    payloads.push(...more);
    if (expected > 1) list();
    if (selected < 0 && payloads.length > 0) select(0);
    if (!done) return;
    $("status").classList.toggle("sr", expected === 1); // it can be seen below
    $("status").textContent = expected > 1 ? `Checked ${count(expected, "payload")}.` : expected === 1 ? `The payload ${payloads[0].verdict === "invalid" ? "is invalid" : payloads[0].verdict}: ${count(payloads[0].findings, "finding")}.` : "";
  },
  shown(shown) {
    if (shown.n !== selected) return;
    result = shown;
    texts = shown.texts;
    showResult();
  },
  "laid out"({ n, texts: again }) {
    $("text").removeAttribute("aria-busy");
    if (n !== selected || !result) return;
    text.set(again.text);
    if (again.event) eventText.set(again.event);
  },
  saved({ blob }) {
    saving.shift()(blob);
  },
};
worker.onmessage = ({ data }) => {
  if (data.round === undefined || data.round === round) hears[data.said](data);
};
worker.onerror = (event) => trouble(`The program that judges payloads has failed: ${event.message || "it can't be loaded"}`);

// save returns the events or the rows of one payload, or of all.
const saving = [];
function save(what, n) {
  tell({ do: "save", what, n });
  return new Promise((resolve) => saving.push(resolve));
}

function trouble(said) {
  $("trouble").hidden = said === undefined;
  $("trouble").replaceChildren();
  if (said !== undefined) show($("trouble"), said);
}

// reading shows what was read instead of the text area, or the text area.
function reading(on) {
  $("write").hidden = on;
  $("check").hidden = on;
  $("edit").hidden = !on || source === undefined;
  $("clear").hidden = !on;
  $("intake").classList.toggle("read", on);
  $("private").hidden = on;
  $("about").hidden = on;
}

function select(n, clicked = false) {
  selected = n;
  scrolls = clicked;
  for (const button of $("list").querySelectorAll("button")) button.toggleAttribute("aria-current", Number(button.dataset.n) === n);
  tell({ do: "show", n });
}

// list shows a page of the payloads.
function list() {
  const only = $("only").value;
  const tally = { conforms: 0, deviates: 0, invalid: 0 };
  const chosen = [];
  payloads.forEach((p, n) => {
    tally[p.verdict]++;
    if (!only || p.verdict === only) chosen.push(n);
  });
  const verb = (n, one, more) => `${number(n)} ${n === 1 ? one : more}`;
  $("many-title").textContent = `${count(expected, "payload")}: ${verb(tally.conforms, "conforms", "conform")}, ${verb(tally.deviates, "deviates", "deviate")}, ${number(tally.invalid)} invalid`;
  from = Math.max(0, Math.min(from, chosen.length - 1));
  from -= from % PAGE;
  const page = chosen.slice(from, from + PAGE);
  const key = page.join() + only;
  if ($("list").dataset.key !== key) {
    $("list").dataset.key = key;
    $("list").replaceChildren(...page.map((n) => {
      const p = payloads[n];
      const button = node("button", { type: "button", onclick: () => select(n, true) },
        bdi(p.name || `payload ${n + 1}`, 200),
        node("span", { className: "what" }, node("span", { className: "muted" }, bdi(p.type, 60), p.findings ? ` · ${count(p.findings, "finding")}` : ""), chip(meanings[p.verdict][0], p.verdict)));
      button.dataset.n = n;
      button.toggleAttribute("aria-current", n === selected);
      return node("li", {}, button);
    }));
  }
  $("range").textContent = chosen.length === 0 ? "None." : chosen.length > PAGE ? `${number(from + 1)}–${number(Math.min(from + PAGE, chosen.length))} of ${number(chosen.length)}` : "";
  $("previous").hidden = from === 0;
  $("next").hidden = from + PAGE >= chosen.length;
}

function showResult() {
  const { verdict, findings, tables, rows, type } = result;
  const [kind, means] = meanings[verdict];
  $("result").hidden = false;
  if (scrolls) $("verdict").scrollIntoView({ block: "nearest" });
  $("verdict").className = "notice " + kind;
  const places = findings.reduce((sum, f) => sum + (f.count ?? 1), 0);
  $("verdict-title").replaceChildren(chip(kind, verdict), bdi(type, 60),
    node("span", { className: "muted" }, [result.name && cut(result.name, 100), size(result.size), count(places, "finding"), rows > 0 && count(rows, "row")].filter(Boolean).join(" · ")));
  $("verdict-means").textContent = means;

  text.set(texts.text, result.marks);
  $("text").removeAttribute("aria-busy");
  if (expected === 1 && source === undefined && result.size <= LARGE) {
    try {
      source = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(texts.text.bytes);
      $("edit").hidden = false;
    } catch { /* it is not UTF-8, so that it can't be edited */ }
  }
  $("text-note").hidden = texts.text.whole;
  $("text-note").textContent = "The text goes on; its end is not shown.";
  $("link").hidden = result.size > LARGE;

  $("findings").replaceChildren();
  listFindings(PAGE);
  $("no-findings").hidden = findings.length > 0;
  $("truncated").hidden = !result.truncated;

  $("rows").hidden = tables.length === 0;
  $("copy-rows").hidden = $("download-rows").hidden = rows === 0;
  $("tables").replaceChildren(...tables.map(tableOf));
  const cutOff = result.moreTables > 0 || tables.some((t) => t.size > t.rows.length || t.moreColumns > 0);
  $("rows-note").hidden = !cutOff;
  $("rows-note").textContent = rows > 0 ? "These are the first of them. The CSV has all rows that were captured." : "These are the first of them.";

  $("event").hidden = !texts.event;
  if (texts.event) eventText.set(texts.event);
}

// listFindings lists findings up to a number, at least.
function listFindings(upTo) {
  const have = $("findings").childElementCount;
  const all = result.findings;
  const more = all.slice(have, Math.max(have, upTo)).map((f, i) => {
    const item = node("li", { id: "finding-" + (have + i), className: severities[f.severity] },
      node("p", {}, chip(severities[f.severity], f.severity), " ", bdi(f.message, 2000)));
    if (f.hint) item.append(node("p", { className: "hint" }, bdi(f.hint, 2000)));
    const place = node("button", { type: "button", className: "place", onclick: () => {
      text.goTo(f.offset);
      $("text").focus({ preventScroll: true });
      $("text").scrollIntoView({ block: "nearest" });
    } }, `line ${number(f.line)}, column ${number(f.column)}`);
    item.append(node("p", { className: "meta" }, node("a", { href: "contract.html#" + f.code, target: "_blank", rel: "noopener" }, node("code", {}, f.code)), " · ", place, ...(f.pointer ? [" · ", node("code", {}, bdi(f.pointer))] : [])));
    if (f.count > 1) item.append(node("p", { className: "meta" }, `and ${number(f.count - 1)} more like it`, ...(f.pattern ? [": ", node("code", {}, bdi(f.pattern))] : [])));
    return item;
  });
  $("findings").append(...more);
  const left = all.length - $("findings").childElementCount;
  $("more").hidden = left === 0;
  $("more").textContent = `Show ${Math.min(PAGE, left)} of ${count(left, "more finding")}`;
}

function tableOf(t) {
  const name = [{ text: "Captured texts", list: "Captured list", crawl: "Crawl", search: "Search" }[t.kind], " ", bdi(t.name ?? "", 200)];
  const cell = (value, i) => {
    const made = node("td");
    made.dataset.label = visible(cut(t.columns[i], 100));
    if (value === null) made.append(node("span", { className: "muted" }, "null"));
    else if (value !== undefined) made.append(bdi(value, 500));
    return made;
  };
  const table = node("table", { className: "list" },
    node("caption", {}, ...name, " ", node("span", { className: "muted" }, count(t.size, { crawl: "page", search: "result" }[t.kind] ?? "row"))),
    node("thead", {}, node("tr", {}, ...t.columns.map((column) => node("th", { scope: "col" }, bdi(column, 100))))),
    node("tbody", {}, ...t.rows.map((row) => node("tr", {}, ...row.map(cell)))));
  const scroll = node("div", { className: "scroll", tabIndex: 0, role: "group" }, table);
  scroll.setAttribute("aria-label", "Rows of " + visible(cut(t.name ?? "", 100)));
  return scroll;
}

function download(blob, name) {
  const link = node("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// said shows for a moment on a button what it has done.
function said(button, what) {
  const before = (button.dataset.text ??= button.textContent);
  button.textContent = what;
  setTimeout(() => { button.textContent = before; }, 1500);
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    said(button, "Copied");
  } catch {
    said(button, "Not allowed here");
  }
}

const eventBytes = () => texts.event.bytes;

// A link has the payload behind its #, which no server gets to see.
async function link() {
  const packed = new Blob([texts.text.bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const coded = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return coded.length > LINK ? undefined : location.href.split("#")[0] + "#payload=" + coded;
}

async function takeLink() {
  const coded = location.hash.match(/^#payload=([\w-]+)$/)?.[1];
  if (!coded || coded.length > LINK) return;
  try {
    const bytes = Uint8Array.from(atob(coded.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const chunks = [];
    let room = LARGE;
    for (let next; !(next = await reader.read()).done; ) {
      if ((room -= next.value.length) < 0) throw new Error("it is too large");
      chunks.push(next.value);
    }
    const address = location.href;
    takeText(await new Blob(chunks).text());
    history.replaceState(null, "", address); // to be loaded again
  } catch (error) {
    trouble(`The link has no payload that can be read: ${error.message}`);
  }
}

$("check").onclick = () => takeText($("input").value);
$("input").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("check").click();
});
$("input").addEventListener("paste", (event) => {
  const pasted = event.clipboardData.getData("text/plain");
  const whole = $("input").value.length === 0 || $("input").selectionEnd - $("input").selectionStart === $("input").value.length;
  if (event.clipboardData.files.length > 0) {
    event.preventDefault();
    takeFiles(event.clipboardData.files);
  } else if (whole && pasted.trim()) {
    event.preventDefault();
    takeText(pasted);
  }
});
$("edit").onclick = () => {
  $("input").value = source;
  reading(false);
  $("clear").hidden = false;
  $("input").focus();
};
$("clear").onclick = () => {
  $("input").value = "";
  take([]);
  hears.begun({ count: 0, size: 0, remarks: [] });
  $("input").focus();
};
$("open").onclick = () => $("files").click();
$("files").onchange = () => {
  if ($("files").files.length > 0) takeFiles($("files").files);
  $("files").value = "";
};
for (const id of ["as", "zone", "locale", "provenance"]) {
  $(id).onchange = () => {
    if (expected === 0) return;
    next();
    tell({ do: "judge", options: settings() });
  };
}
$("only").onchange = () => {
  from = 0;
  list();
};
$("previous").onclick = () => { from -= PAGE; list(); };
$("next").onclick = () => { from += PAGE; list(); };
$("more").onclick = () => {
  const have = $("findings").childElementCount;
  listFindings(have + PAGE);
  $("finding-" + have).querySelector("button").focus();
};
$("save-rows").onclick = async () => download(await save("rows"), "rows.csv");
$("save-events").onclick = async () => download(await save("events"), "events.ndjson");
$("copy-rows").onclick = async () => copy($("copy-rows"), await (await save("rows", selected)).text());
$("download-rows").onclick = async () => download(await save("rows", selected), "rows.csv");
$("copy-event").onclick = () => copy($("copy-event"), new TextDecoder().decode(eventBytes()));
$("download-event").onclick = () => download(new Blob([eventBytes(), "\n"], { type: "application/json" }), "event.json");
$("link").onclick = async () => {
  const made = await link();
  if (made) await copy($("link"), made);
  else said($("link"), "Too long for a link");
};

// Files are dropped anywhere.
let over = 0;
addEventListener("dragenter", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  over++;
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => {
  if (over > 0 && --over === 0) document.body.classList.remove("dropping");
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  over = 0;
  document.body.classList.remove("dropping");
  const files = [...event.dataTransfer.files];
  const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (files.length === 0 && event.target === $("input")) return; // a text, which the text area takes
  event.preventDefault();
  if (entries.length === files.length && files.length > 0) takeEntries(entries);
  else if (files.length > 0) takeFiles(files);
  else if (event.dataTransfer.getData("text/plain")) takeText(event.dataTransfer.getData("text/plain"));
});

let resized;
addEventListener("resize", () => {
  if (result) $("text").setAttribute("aria-busy", "true");
  clearTimeout(resized);
  resized = setTimeout(layout, 100);
});
addEventListener("hashchange", takeLink);

const samples = await (await fetch("samples.json")).json();
for (const { group, samples: of } of samples) {
  const options = of.map(({ title, file }) => node("option", { value: file }, title));
  const made = node("optgroup", { label: group });
  made.append(...options);
  $("samples").append(made);
}
$("samples").onchange = async () => {
  const file = $("samples").value;
  $("samples").value = "";
  if (!file) return;
  const response = await fetch(file);
  if (response.ok) takeText(await response.text());
  else trouble(`The sample can't be fetched: status ${response.status}`);
};
for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) $("zones").append(node("option", { value: zone }));
await takeLink();
