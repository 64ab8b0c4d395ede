// The rows that events hold, as CSV: as runhooks normalize --rows writes them, so that a
// test can compare the two.

const lead = ["timestamp", "robot_id", "robot_name", "run_id", "run_status", "kind", "list", "row"];

/** Returns the groups of an event that have rows. */
export function groupsOf(event) {
  const groups = (kind, of) => (of ?? []).filter((g) => g.rows?.length).map((g) => ({ kind, name: g.name, columns: g.columns ?? [], rows: g.rows }));
  return [...groups("text", event.texts), ...groups("list", event.lists)];
}

/** A table of the rows of all events that are added. */
export class Table {
  #columns = new Map(); // their numbers, by name
  #rows = [];

  add(event) {
    const run = event.run ?? {};
    for (const group of groupsOf(event)) {
      const from = [event.timestamp?.instant ?? event.timestamp?.raw, run.robot_id, run.robot_name, run.id, run.status, group.kind, group.name];
      for (const name of group.columns) {
        if (!this.#columns.has(name)) this.#columns.set(name, this.#columns.size);
      }
      group.rows.forEach((row, i) => {
        const cells = [];
        for (const name of group.columns) {
          if (Object.hasOwn(row, name) && row[name] !== null) cells.push([this.#columns.get(name), String(row[name])]);
        }
        this.#rows.push([from, i + 1, cells]);
      });
    }
  }

  get size() {
    return this.#rows.length;
  }

  /** Returns the pieces of the CSV: RFC 4180, with a line of names first. */
  csv() {
    const names = [...this.#columns.keys()].map((name) => {
      if (!lead.includes(name)) return name;
      let unique;
      for (let n = 2; unique === undefined || this.#columns.has(unique); n++) unique = `${name}_${n}`;
      return unique;
    });
    const line = (cells) => cells.map(cell).join(",") + "\r\n";
    const pieces = [line([...lead, ...names])];
    for (const [from, n, cells] of this.#rows) {
      const all = Array(names.length).fill("");
      for (const [column, text] of cells) all[column] = text;
      pieces.push(line([...from, n, ...all]));
    }
    return pieces;
  }
}

// White space as Go's unicode.IsSpace has it, at an end of a text.
const space = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const edges = new RegExp(`^${space}|${space}$`);

// A spreadsheet must not take a cell for a formula, as OWASP lists them under "CSV
// Injection": an apostrophe in front makes it a text. A number with a sign is none.
function cell(value) {
  let text = String(value ?? "");
  if (/^ *(?:[=@\t\r\n＝＋－＠]|[+-](?![\d.,]*%?$))/.test(text)) text = "'" + text;
  return /[,;\t"\r\n]/.test(text) || edges.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
