// The judge of bench/mutants that is ajv. On stdin it is told the schemas, as one
// line: {"schemas": [...], "layers": [the $id of each layer's own]}; then it is sent
// payloads, one a line. It answers each with a digit, whose bits are the layers
// that accept it, and an empty line with a line feed.
import Ajv2020 from "ajv/dist/2020.js";

// dateTime is date-time as jsonschema/v5 has it, which is the contract's judge.
// That of ajv-formats is another one: it takes a space for the T, and offsets
// like +02 and +0200; and it does not take +5:53:15, which both of Go's take.
function dateTime(text) {
  const m = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d|[+-]\d):(\d\d|[+-]\d):(\d\d|[+-]\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d|[+-]\d):(\d\d|[+-]\d))$/.exec(text);
  if (m === null) return false;
  const [, year, month, day, hour, minute, second] = m.map(Number);
  const days = [31, year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
  if (!(hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60)) return false;
  let utc = hour * 60 + minute;
  if (m[7] !== undefined) {
    const [h, min] = [Number(m[8]), Number(m[9])];
    if (!(h >= 0 && h <= 23 && min >= 0 && min <= 59)) return false;
    utc += (m[7] === "+" ? -1 : 1) * (h * 60 + min);
    if (utc < 0) utc += 24 * 60;
  }
  return second < 60 || utc === 23 * 60 + 59;
}

let validators;

function compile({ schemas, layers }) {
  const ajv = new Ajv2020.default({ strict: false, formats: { "date-time": dateTime } });
  ajv.addSchema(schemas);
  validators = layers.map((id) => ajv.getSchema(id));
}

function judge(line) {
  const value = JSON.parse(line);
  return validators.reduce((bits, validate, i) => (validate(value) ? bits | (1 << i) : bits), 0);
}

let rest = "";
process.stdin.setEncoding("utf8");
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  let answers = "";
  for (const line of lines) {
    if (line === "") answers += "\n";
    else if (validators === undefined) compile(JSON.parse(line));
    else answers += judge(line);
  }
  if (answers !== "" && !process.stdout.write(answers)) await new Promise((resolve) => process.stdout.once("drain", resolve));
}
