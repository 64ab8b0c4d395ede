// The compiler, with the strictest flags.
import { join } from "node:path";
import ts from "typescript";

const here = import.meta.dirname;

// compile gives a function that lists what tsc has against a file, each with the
// index of the statement that it is in.
export function compile(files) {
  return faults(ts.createProgram(files, options()));
}

// build does the same, and writes JavaScript beside the files.
export function build(files) {
  const program = ts.createProgram(files, { ...options(), noEmit: false });
  program.emit();
  return faults(program);
}

function options() {
  const { config } = ts.readConfigFile(join(here, "tsconfig.json"), ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, here).options;
}

function faults(program) {
  return (file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((d) => ({
      statement: source.statements.findIndex(({ end }) => d.start < end),
      text: ts.flattenDiagnosticMessageText(d.messageText, "\n").split("\n")[0],
    }));
  };
}

// accept is a function that takes an Event, and what JSON Schema allows beside: that
// objects have members that it doesn't name. A type with none but optional members
// would else refuse a literal that has none of them, as it refuses no value.
export const accept = `
type Open<T> = T extends readonly (infer E)[] ? Open<E>[]
  : T extends object ? { [K in keyof T]: Open<T[K]> } & { [member: string]: unknown }
  : T;
declare function accept(event: Open<Event>): void;
`;
