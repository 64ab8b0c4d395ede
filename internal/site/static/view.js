// A view of a text of any size: only the rows that can be seen are on the page.
import { decode, parts, rowOf, show, visible } from "./layout.js";

const ROW = 21; // px; site.css has it, too
export const severities = { error: "bad", warning: "warn", info: "info" };
const MAX_HEIGHT = 8_000_000; // px; browsers have a limit

export class TextView {
  #node;
  #sizer = document.createElement("div");
  #rows = document.createElement("div");
  #text = { bytes: new Uint8Array(), starts: new Uint32Array(2), lines: new Uint32Array(1), quoted: new Uint8Array(1) };
  #marks = [];
  #drawn = "";
  #current;
  #picked;

  /** Shows texts in a node that scrolls. The function is called with the number of a finding whose mark is clicked. */
  constructor(node, picked = () => {}) {
    this.#node = node;
    this.#picked = picked;
    this.#sizer.className = "sizer";
    this.#rows.className = "rows";
    this.#sizer.append(this.#rows);
    node.append(this.#sizer);
    node.addEventListener("scroll", () => this.#draw(), { passive: true });
    node.addEventListener("click", (event) => {
      const mark = event.target.closest("mark");
      if (mark && getSelection().isCollapsed) this.#picked(Number(mark.dataset.finding));
    });
    new ResizeObserver(() => this.#draw()).observe(node);
  }

  /** Shows a text; without bytes, the same one in other rows. */
  set(text, marks = []) {
    const anchor = text.bytes ? 0 : this.#text.starts[this.#first()];
    this.#text = { ...text, bytes: text.bytes ?? this.#text.bytes };
    if (text.bytes) {
      this.#marks = marks;
      this.#current = undefined;
    }
    const digits = String(this.#text.lines.at(-1)).length;
    this.#node.style.setProperty("--digits", Math.max(3, digits));
    this.#sizer.style.height = this.#height() + "px";
    this.#drawn = "";
    this.#scrollTo(rowOf(this.#text.starts, anchor), 0);
  }

  /** How many columns a row has room for. */
  columns() {
    const probe = document.createElement("span");
    probe.className = "probe";
    probe.textContent = "0".repeat(100);
    this.#node.append(probe);
    const one = probe.getBoundingClientRect().width / 100;
    probe.remove();
    return Math.max(16, Math.floor((this.#node.clientWidth - 52) / one) - 4);
  }

  /** Scrolls to the mark of a finding, and sets it off from the others. */
  goTo(at) {
    this.#current = at;
    this.#drawn = "";
    this.#scrollTo(rowOf(this.#text.starts, at), Math.floor(this.#seen() / 3));
  }

  get #count() {
    return this.#text.starts.length - 1;
  }

  #height() {
    return Math.min(this.#count * ROW, MAX_HEIGHT);
  }

  #seen() {
    return Math.max(1, Math.ceil(this.#node.clientHeight / ROW));
  }

  // Rows may be more than fit into the height: then a pixel stands for more of them.
  #scale() {
    const all = this.#count * ROW, height = this.#height();
    return all === height ? 1 : (all - this.#node.clientHeight) / Math.max(1, height - this.#node.clientHeight);
  }

  #first() {
    return Math.min(Math.max(0, this.#count - 1), Math.floor((this.#node.scrollTop * this.#scale()) / ROW));
  }

  #scrollTo(row, above) {
    this.#node.scrollTop = (Math.max(0, row - above) * ROW) / this.#scale();
    this.#draw();
  }

  #draw() {
    const first = Math.max(0, this.#first() - 4), last = Math.min(this.#count, this.#first() + this.#seen() + 5);
    const key = `${first} ${last}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    const rows = [];
    for (let row = first; row < last; row++) rows.push(this.#row(row));
    this.#rows.replaceChildren(...rows);
    const top = this.#scale() === 1 ? first * ROW : this.#node.scrollTop - (this.#first() - first) * ROW;
    this.#rows.style.transform = `translateY(${Math.max(0, Math.min(top, this.#height() - (last - first) * ROW))}px)`;
  }

  #row(n) {
    const { bytes, starts, lines, quoted } = this.#text;
    const from = starts[n];
    let to = starts[n + 1];
    if (bytes[to - 1] === 10 && --to > from && bytes[to - 1] === 13) to--;
    const row = document.createElement("div");
    row.className = "line";
    const number = document.createElement("span");
    number.className = "no";
    if (n === 0 || lines[n] !== lines[n - 1]) number.textContent = lines[n];
    const text = document.createElement("span");
    text.className = "of";
    row.append(number, text);

    // The parts of the row, cut where marks start and end.
    let i = this.#after(from);
    for (let [start, end, kind] of parts(bytes, from, to, quoted[n] === 1)) {
      while (start < end) {
        while (i < this.#marks.length && this.#marks[i].to <= start) i++;
        const mark = this.#marks[i];
        const inside = mark && mark.from <= start;
        const until = !mark || mark.from >= end ? end : inside ? Math.min(end, mark.to) : mark.from;
        const span = document.createElement(inside ? "mark" : "span");
        span.className = kind;
        if (inside) {
          span.classList.add(severities[mark.severity]);
          span.classList.toggle("current", mark.from === this.#current);
          span.dataset.finding = mark.finding;
          span.title = visible(mark.words.slice(0, 2000));
        }
        show(span, decode(bytes.subarray(start, until)));
        text.append(span);
        start = until;
      }
    }
    const end = this.#marks.at(-1);
    if (n === this.#count - 1 && end && end.from >= bytes.length) { // after the last byte
      const span = document.createElement("mark");
      span.className = "odd " + severities[end.severity];
      span.classList.toggle("current", end.from === this.#current);
      span.dataset.finding = end.finding;
      span.textContent = "(end)";
      text.append(span);
    }
    return row;
  }

  // after returns the number of the first mark that ends after a place.
  #after(at) {
    let low = 0, high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#marks[middle].to <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
