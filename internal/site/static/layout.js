// How bytes of text become rows of a view, whatever the bytes are, and which parts of a
// row are what. A row is at most so many columns of a line.

const MAX_ROWS = 2_000_000;

/**
 * Returns the rows of a text: where each starts, in bytes, and where the last one ends; the
 * number of its line; and whether it starts within a string.
 */
export function layout(bytes, width) {
  let starts = new Uint32Array(4096), lines = new Uint32Array(4096), quoted = new Uint8Array(4096);
  let rows = 0, line = 1, column = 0, follow = 0, inside = false, escaped = false;
  const row = (at) => {
    if (rows + 1 === starts.length) {
      const more = (from, to) => (to.set(from), to);
      starts = more(starts, new Uint32Array(2 * rows + 2));
      lines = more(lines, new Uint32Array(2 * rows + 2));
      quoted = more(quoted, new Uint8Array(2 * rows + 2));
    }
    starts[rows] = at;
    lines[rows] = line;
    quoted[rows++] = inside ? 1 : 0;
    column = 0;
  };
  row(0);
  let at = 0;
  for (; at < bytes.length; at++) {
    const b = bytes[at];
    if (b === 10) {
      line++;
      inside = escaped = false; // no string goes on in another line
      if (rows === MAX_ROWS) break;
      row(at + 1);
      continue;
    }
    if ((b & 0xc0) === 0x80 && follow < 3) {
      follow++;
      continue;
    }
    follow = 0;
    // What doesn't print is spelled out, and what is from East Asia is wide.
    const columns = b === 9 ? 4 : b < 32 || b === 127 || isFormat(bytes, at) ? 6 : b < 0xe1 ? 1 : 2;
    if (column + columns > width && column > 0) {
      if (rows === MAX_ROWS) break;
      row(at);
    }
    column += columns;
    if (escaped) escaped = false;
    else if (inside && b === 92) escaped = true;
    else if (b === 34) inside = !inside;
  }
  starts[rows] = at;
  return { starts: starts.slice(0, rows + 1), lines: lines.slice(0, rows), quoted: quoted.slice(0, rows), whole: at === bytes.length };
}

// isFormat says whether one of U+2000 to U+200F, U+2028 to U+202F and U+2060 to U+206F is at
// a place: spaces and what hides in text or reorders it.
function isFormat(bytes, at) {
  if (bytes[at] !== 0xe2 || (bytes[at + 1] | 1) !== 0x81) return false;
  const last = bytes[at + 2] & 0x3f;
  return bytes[at + 1] === 0x80 ? last < 0x10 || (last >= 0x28 && last < 0x30) : last >= 0x20 && last < 0x30;
}

/** Returns the number of the row that a place is in. */
export function rowOf(starts, at) {
  let low = 0, high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return Math.max(low, 0);
}

/** Returns how many bytes a mark at a place has: a string, a number or a word, or one character. */
export function token(bytes, at) {
  const most = Math.min(bytes.length, at + 1024);
  if (bytes[at] === 34) {
    for (let i = at + 1; i < most; i++) {
      if (bytes[i] === 92) i++;
      else if (bytes[i] === 34) return i + 1 - at;
    }
    return most - at;
  }
  let end = at;
  while (end < most && isWord(bytes[end])) end++;
  if (end === at) end++;
  while (end < most && (bytes[end] & 0xc0) === 0x80 && end - at < 4) end++;
  return end - at;
}

const isWord = (b) => (b >= 48 && b <= 57) || (b >= 65 && b <= 90) || (b >= 97 && b <= 122) || b === 43 || b === 45 || b === 46 || b === 95;

/** Returns the parts of bytes[from:to], as [from, to, kind]: name, string, number or nothing. */
export function parts(bytes, from, to, inside) {
  const found = [];
  const add = (end, kind) => {
    if (end > from) found.push([from, end, kind]);
    from = end;
  };
  let at = from;
  while (at < to) {
    if (inside || bytes[at] === 34) {
      add(at, "");
      if (!inside) at++;
      while (at < to && bytes[at] !== 34) at += bytes[at] === 92 ? 2 : 1;
      at = Math.min(at + 1, to);
      inside = false;
      let next = at;
      while (next < to && (bytes[next] === 32 || bytes[next] === 9)) next++;
      add(at, bytes[next] === 58 && next < to ? "name" : "string");
    } else if (isWord(bytes[at])) {
      add(at, "");
      while (at < to && isWord(bytes[at])) at++;
      add(at, "number");
    } else {
      at++;
    }
  }
  add(to, "");
  return found;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the text of bytes. What is not UTF-8 is spelled out, as \x80. */
export function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    if (bytes.length === 1) return "\\x" + bytes[0].toString(16).padStart(2, "0");
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const b = bytes[at];
      let size = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
      try {
        text += decoder.decode(bytes.subarray(at, at + size));
      } catch {
        size = 1;
        text += decode(bytes.subarray(at, at + 1));
      }
      at += size;
    }
    return text;
  }
}

const odd = /([\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+)/u;

/** Returns a text with what doesn't print, or would reorder or hide text, spelled out. */
export const visible = (text) => text.split(odd).map((part, i) => (i % 2 === 0 ? part : Array.from(part, spelled).join(""))).join("");

/** Adds text to a node, as visible returns it. What is spelled out is set off. */
export function show(node, text) {
  text.split(odd).forEach((part, i) => {
    if (i % 2 === 0) {
      if (part) node.append(part);
      return;
    }
    const span = document.createElement("span");
    span.className = "odd";
    span.textContent = Array.from(part, spelled).join("");
    node.append(span);
  });
}

function spelled(c) {
  if (c === "\t") return "    ";
  const hex = c.codePointAt(0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : "\\u" + hex.padStart(4, "0");
}

/** Returns a text of at most so many characters, with … where it was cut. */
export const cut = (text, most) => (text.length > most ? text.slice(0, most).replace(/[\ud800-\udbff]$/, "") + "…" : text);
