// Judges payloads apart from the page, which stays responsive meanwhile. The page tells it
// what to do, and it tells the page what it found. Payloads stay here; the page gets the
// one that it shows.
import { create } from "./create.js";
import { layout, token } from "./layout.js";
import { groupsOf, Table } from "./rows.js";

const MiB = 1 << 20;
const MAX_PAYLOAD = 32 * MiB;
const MAX_INPUT = 256 * MiB; // of all inputs, after they are unpacked
const MAX_PAYLOADS = 100_000;
const MAX_TABLES = 20, MAX_ROWS = 200, MAX_COLUMNS = 40, MAX_CELL = 500;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ready = load();
ready.then(() => postMessage({ said: "ready" }), (error) => postMessage({ said: "broken", error: error.message }));

async function load() {
  const response = await fetch("runhooks.wasm.gz");
  if (!response.ok) throw new Error(`runhooks.wasm.gz can't be fetched: status ${response.status}`);
  let bytes = await response.arrayBuffer();
  // Some servers say that it is packed, and then the browser has unpacked it.
  if (isGzip(new Uint8Array(bytes))) bytes = await unpack(new Blob([bytes]), 64 * MiB);
  return create(await WebAssembly.compile(bytes));
}

const isGzip = (bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b;

async function unpack(blob, most) {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of read(blob.stream().pipeThrough(new DecompressionStream("gzip")))) {
      if ((size += chunk.length) > most) break;
      chunks.push(chunk);
    }
  } catch (error) { // also of more than one member, which browsers don't take
    throw new Error(`it can't be unpacked here (${error.message}); runhooks check may read it`);
  }
  if (size > most) throw new Error(`it has more than ${Math.floor(most / MiB)} MiB when unpacked; runhooks check reads it`);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function* read(stream) { // not every browser iterates streams
  const reader = stream.getReader();
  for (let next; !(next = await reader.read()).done; ) yield next.value;
}

let round = 0; // the page's: what belongs to an earlier one is over
const post = (message) => postMessage({ ...message, round });
let payloads = []; // {name, bytes, verdict}
let options = {};
let widths = { text: 80, event: 80 };
let answered; // {payload, …}: the last answer, since the one payload is shown next
let shown; // {n, texts: {text, event}}

onmessage = async ({ data }) => {
  const mine = (round = data.round);
  try {
    await ready;
    if (mine === round) await deeds[data.do](data, mine);
  } catch (error) {
    post({ said: "failed", error: error.message });
  }
};

const deeds = {
  async take(data, mine) {
    payloads = [];
    options = data.options;
    const remarks = [...data.remarks];
    let room = MAX_INPUT;
    for (const input of data.inputs) {
      try {
        if (/\.(har|zst)$/i.test(input.name)) throw new Error("runhooks check reads files of this kind");
        const bytes = await bytesOf(input, room);
        room -= bytes.length;
        const found = split(input.name, bytes);
        if (found.length === 0) remarks.push(`${input.name || "The text"} has no payload.`);
        for (const payload of found) {
          if (payloads.length === MAX_PAYLOADS) throw new Error(`there are more than ${MAX_PAYLOADS.toLocaleString("en")} payloads; the rest is left out`);
          if (payload.bytes.length > MAX_PAYLOAD) remarks.push(`${payload.name || "The payload"} is larger than ${MAX_PAYLOAD / MiB} MiB, and is left out: runhooks check reads it.`);
          else payloads.push(payload);
        }
      } catch (error) {
        remarks.push(`${input.name || "The payload"} is left out: ${error.message}.`);
      }
      if (mine !== round) return;
    }
    await judgeAll(mine, remarks);
  },
  async judge(data, mine) {
    options = data.options;
    await judgeAll(mine, []);
  },
  show({ n }) {
    const payload = payloads[n];
    const { judgement, event } = judge(payload);
    const pretty = event === undefined ? undefined : encoder.encode(indent(event));
    shown = { n, texts: { text: payload.bytes, event: pretty } };
    const { findings, ...rest } = judgement;
    post({
      said: "shown", n, name: payload.name, size: payload.bytes.length, ...rest, type: typeOf(judgement),
      findings, marks: marksOf(payload.bytes, findings), ...tablesOf(event === undefined ? {} : JSON.parse(event)),
      texts: laidOut(true),
    });
  },
  layout(data) {
    widths = data.widths;
    if (shown) post({ said: "laid out", n: shown.n, texts: laidOut(false) });
  },
  save({ what, n }) {
    const table = new Table();
    const pieces = [];
    for (const payload of n === undefined ? payloads : [payloads[n]]) {
      if (payload.verdict === "invalid") continue;
      const { event } = judge(payload);
      if (event === undefined) continue;
      if (what === "rows") {
        const parsed = JSON.parse(event);
        if (n !== undefined || parsed.type !== "test") table.add(parsed); // tests are not among the rows of others
      } else pieces.push(event, "\n");
    }
    const blob = what === "rows" ? new Blob(table.csv(), { type: "text/csv" }) : new Blob(pieces, { type: "application/x-ndjson" });
    post({ said: "saved", blob });
  },
};

async function bytesOf(input, room) {
  if (input.text !== undefined) return encoder.encode(input.text);
  const { file } = input;
  if (file.size > room) throw new Error(`the files have more than ${MAX_INPUT / MiB} MiB; runhooks check reads them`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  return isGzip(bytes) ? unpack(new Blob([bytes]), room) : bytes;
}

// split returns the payloads of an input: one a line, if it is NDJSON by its name or, if
// that doesn't tell, by its first line.
function split(name, bytes) {
  const plain = name.replace(/\.gz$/i, "");
  if (/\.(ndjson|jsonl)$/i.test(plain) && bytes[0] === 0xff && bytes[1] === 0xfe) { // as Windows PowerShell writes
    bytes = encoder.encode(new TextDecoder("utf-16le").decode(bytes));
  }
  let end = bytes.indexOf(10);
  const first = decoder.decode(bytes.subarray(0, Math.max(0, end))).trim();
  let many = /\.(ndjson|jsonl)$/i.test(plain) && first !== "{" && first !== "["; // that is one payload on several lines
  if (!many && !/\.(json|ndjson|jsonl)$/i.test(plain) && first && end < bytes.length - 1) {
    try {
      JSON.parse(first);
      many = bytes.subarray(end).some((b) => b > 32);
    } catch { /* its first line is not a payload */ }
  }
  if (!many) return [{ name, bytes }];
  const found = [];
  for (let at = 0, line = 1; at < bytes.length; line++, at = end + 1) {
    end = bytes.indexOf(10, at);
    if (end < 0) end = bytes.length;
    let from = at, to = end;
    if (line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) from = 3;
    while (to > from && bytes[to - 1] <= 32) to--;
    while (from < to && bytes[from] <= 32) from++;
    if (from < to) found.push({ name: `${name || "line "}${name ? ":" : ""}${line}`, bytes: bytes.subarray(from, to) });
  }
  return found;
}

async function judgeAll(mine, remarks) {
  answered = shown = undefined;
  post({ said: "begun", count: payloads.length, size: payloads.reduce((sum, p) => sum + p.bytes.length, 0), remarks });
  let told = [], since = performance.now();
  for (const payload of payloads) {
    const { judgement } = judge(payload);
    payload.verdict = judgement.verdict;
    let places = 0;
    for (const f of judgement.findings) places += f.count ?? 1;
    told.push({ name: payload.name, size: payload.bytes.length, verdict: judgement.verdict, type: typeOf(judgement), findings: places });
    if (performance.now() - since > 100) {
      post({ said: "judged", payloads: told });
      told = [];
      await new Promise((resolve) => setTimeout(resolve)); // for what the page asks meanwhile
      if (mine !== round) return;
      since = performance.now();
    }
  }
  post({ said: "judged", payloads: told, done: true });
}

const typeOf = ({ event_type, findings }) => event_type.slice(0, 100) || (findings.some((f) => f.code === "json.syntax") ? "not JSON" : "no event_type");

let runhooks;
ready.then((made) => { runhooks = made; }, () => {});

// judge returns what the module says of a payload, and the event as the JSON text that it
// is: parsed and written again, its large numbers would be others.
function judge(payload) {
  if (answered?.payload === payload) return answered;
  const said = runhooks.answer("parse", options, payload.bytes);
  // The event is the last member, and in the strings before it a quote has a backslash.
  const at = said.indexOf(',"event":');
  answered = {
    payload,
    judgement: JSON.parse(at < 0 ? said : said.slice(0, at) + "}"),
    event: at < 0 ? undefined : said.slice(at + ',"event":'.length, -1),
  };
  return answered;
}

// marksOf returns the places that findings are about, each with the numbers of its
// findings, the first of which names it.
function marksOf(bytes, findings) {
  const rank = { error: 0, warning: 1, info: 2 };
  const marks = [];
  const order = findings.map((f, n) => ({ ...f, n })).sort((a, b) => a.offset - b.offset || a.n - b.n);
  for (const { offset, severity, message, n } of order) {
    const last = marks.at(-1);
    if (last?.from === offset) {
      last.words += "\n" + message;
      if (rank[severity] < rank[last.severity]) last.severity = severity;
    } else {
      if (last) last.to = Math.min(last.to, offset);
      marks.push({ from: offset, to: offset + token(bytes, offset), severity, words: message, finding: n });
    }
  }
  return marks;
}

// laidOut returns the rows of both texts; with the texts themselves for a page that has
// not got them yet.
function laidOut(withBytes) {
  const texts = {};
  for (const [name, bytes] of Object.entries(shown.texts)) {
    if (bytes) texts[name] = { ...layout(bytes, widths[name]), bytes: withBytes ? bytes.slice() : undefined };
  }
  return texts;
}

// tablesOf returns what can be shown as tables: the captured rows, and the pages and
// results of crawls and searches.
function tablesOf(event) {
  const captured = groupsOf(event);
  const found = (kind, of, columns, rows) => (of ?? []).filter((g) => g[rows]?.length).map((g) => ({ kind, name: g.name, columns, rows: g[rows] }));
  const groups = [
    ...captured,
    ...found("crawl", event.content?.crawls, ["url", "title", "status_code", "depth", "language", "description"], "pages"),
    ...found("search", event.content?.searches, ["position", "title", "url", "description"], "results"),
  ];
  const tables = groups.slice(0, MAX_TABLES).map(({ kind, name, columns, rows }) => ({
    kind, name, size: rows.length, moreColumns: Math.max(0, columns.length - MAX_COLUMNS),
    columns: columns.slice(0, MAX_COLUMNS),
    rows: rows.slice(0, MAX_ROWS).map((row) => columns.slice(0, MAX_COLUMNS).map((column) => {
      if (!Object.hasOwn(row, column)) return undefined;
      return row[column] === null ? null : String(row[column]).slice(0, MAX_CELL + 1);
    })),
  }));
  return { tables, moreTables: groups.length - tables.length, rows: captured.reduce((sum, g) => sum + g.rows.length, 0) };
}

// indent returns JSON that has no white space with two spaces a level. Numbers and texts
// stay as they are written.
function indent(json) {
  const out = [];
  let depth = 0, from = 0;
  const flush = (to) => {
    if (to > from) out.push(json.slice(from, to));
  };
  const line = () => out.push("\n" + "  ".repeat(depth));
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '"':
        for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
        break;
      case "{":
      case "[":
        if (json[at + 1] === "}" || json[at + 1] === "]") {
          at++;
          break;
        }
        flush(at + 1);
        from = at + 1;
        depth++;
        line();
        break;
      case "}":
      case "]":
        flush(at);
        from = at;
        depth--;
        line();
        break;
      case ",":
        flush(at + 1);
        from = at + 1;
        line();
        break;
      case ":":
        flush(at);
        from = at + 1;
        out.push(": ");
    }
  }
  flush(json.length);
  return out.join("");
}
