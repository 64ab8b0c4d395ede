//! The rules of `runhooks lint` on which the generators break, each shown by its document.

use std::error::Error;
use std::fs;

use report::{Answer, ROOT, Report};

use crate::tools;

/// What a generator does with a rule's document.
enum Sign {
    Fails(&'static str),
    Has(&'static str),
    Lacks(&'static str),
}
use Sign::{Fails, Has, Lacks};

impl Sign {
    fn is_of(&self, code: &tools::Code) -> Answer {
        let (ok, seen) = match (self, code) {
            (Fails(why), Err(error)) => (error.contains(why), error.as_str()),
            (Has(text) | Lacks(text), Ok(code)) => {
                let has = code.contains(text);
                let seen = if has { "has: " } else { "lacks: " };
                return Answer {
                    ok: has == matches!(self, Has(_)),
                    note: format!("{seen}{text}"),
                };
            }
            (_, Err(error)) => (false, error.as_str()),
            (_, Ok(_)) => (false, "generates"),
        };
        Answer {
            ok,
            note: seen.to_owned(),
        }
    }
}

const BREAKS: &[(&str, &str, Sign)] = &[
    (
        "const-without-type",
        "typify",
        Has("pub a: ::serde_json::Value"),
    ),
    (
        "const-without-type",
        "progenitor",
        Has("pub a: ::serde_json::Value"),
    ),
    (
        "type-list",
        "progenitor",
        Fails("invalid type: sequence, expected a string"),
    ),
    (
        "boolean-schema",
        "progenitor",
        Fails("invalid type: boolean `true`"),
    ),
    (
        "exclusive-bound",
        "progenitor",
        Fails("invalid type: integer `0`, expected a boolean"),
    ),
    (
        "pattern-properties",
        "progenitor",
        Has("pub a: ::serde_json::Map<"),
    ),
    (
        "ref-to-file",
        "typify",
        Fails("external references are not supported"),
    ),
    (
        "ref-to-file",
        "progenitor",
        Fails("external references are not supported"),
    ),
    (
        "ref-to-defs",
        "typify",
        Fails("external references are not supported"),
    ),
    (
        "ref-to-defs",
        "progenitor",
        Fails("external references are not supported"),
    ),
    (
        "defs-in-openapi",
        "typify",
        Fails("/$defs/Inner is missing"),
    ),
    ("defs-in-openapi", "progenitor", Fails("/$defs/Inner")),
    ("ref-siblings", "progenitor", Lacks("pub c: ")),
    (
        "nullable-in-3.1",
        "typify",
        Has("pub a: ::std::string::String,"),
    ),
    ("not-in-3.0", "typify", Has("pub a: ::std::string::String,")),
    (
        "not-in-3.0",
        "progenitor",
        Has("pub a: ::std::string::String,"),
    ),
    (
        "condition",
        "typify",
        Fails("if/then/else schemas are not supported"),
    ),
    // As if the condition weren't there.
    (
        "condition",
        "progenitor",
        Has("pub b: ::std::option::Option<"),
    ),
    (
        "no-paths",
        "progenitor",
        Fails("missing field `paths`"),
    ),
    (
        "no-operation-id",
        "progenitor",
        Fails("is missing operation ID"),
    ),
    ("inline-object", "typify", Has("pub struct EventA")),
    ("inline-object", "progenitor", Has("pub struct EventA")),
    ("untitled", "typify", Lacks("pub struct Event ")),
];

pub fn report() -> Result<(), Box<dyn Error>> {
    for (rule, tool, sign) in BREAKS {
        let code = |suffix| -> Result<tools::Code, Box<dyn Error>> {
            let file = format!("{ROOT}/internal/portability/testdata/{rule}{suffix}.yaml");
            let mut document = fs::read_to_string(file)?;
            if *tool == "progenitor" {
                // It refuses 3.1 whole, and nothing of the rule would be seen.
                document = document.replace("openapi: 3.1.1", "openapi: 3.0.3");
            }
            tools::run(tool, &document)
        };
        let fixed = code(".fixed")?;
        let still = sign.is_of(&fixed);
        // What progenitor ignores there can't be written in another way.
        let helps = (*rule, *tool) != ("condition", "progenitor");
        Report {
            rule,
            breaks: Some(sign.is_of(&code("")?)),
            helps: helps.then_some(Answer {
                ok: fixed.is_ok() && !still.ok,
                note: still.note,
            }),
            ..Report::new("rule", tool)
        }
        .print();
    }
    Ok(())
}
