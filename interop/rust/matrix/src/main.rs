//! Holds the validator, the generated types and the receiver to the vectors, and prints rows.
//! Its one argument is the receiver's program; RUNHOOKS names the program that sends to it.

mod receiver;
mod types;
mod vectors;

use std::error::Error;
use std::{env, fs, thread};

use row::{ROOT, Row};

/// Values nest up to 1,000 levels, and are decoded and dropped by recursion.
const STACK: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let program = env::args().nth(1).ok_or("usage: matrix RECEIVER")?;
    let runhooks = env::var("RUNHOOKS")?;
    let held = thread::Builder::new()
        .stack_size(STACK)
        .spawn(|| -> Result<(), String> {
            let vectors = vectors::all().map_err(|e| e.to_string())?;
            let of = vectors.len();
            for (dialect, file, want) in [
                (
                    "documented",
                    "json-schema-2020-12/run-event.json",
                    "conforms",
                ),
                (
                    "documented",
                    "json-schema-draft-07/run-event.json",
                    "conforms",
                ),
                (
                    "observed",
                    "json-schema-2020-12/observed-run-event.json",
                    "",
                ),
            ] {
                let input = format!("openapi/dist/{file}");
                let mut row = Row::new("validator", "jsonschema", &input);
                let wrong = verdicts(&input, want, &vectors).map_err(|e| e.to_string())?;
                let note = match wrong.as_slice() {
                    [] => format!("{dialect}; with formats and arbitrary-precision"),
                    wrong => format!("otherwise: {}", wrong.join(", ")),
                };
                row.print("verdicts", of - wrong.len(), of, note);
            }
            types::run(&vectors);
            Ok(())
        })?;
    held.join().map_err(|_| "the checks panicked")??;
    receiver::run(&program, &runhooks)
}

/// The vectors on which a schema disagrees: it has to accept those of the verdict `want`, or
/// for "" all but the invalid ones.
fn verdicts(
    input: &str,
    want: &str,
    vectors: &[vectors::Vector],
) -> Result<Vec<String>, Box<dyn Error>> {
    let schema = serde_json::from_slice(&fs::read(format!("{ROOT}/{input}"))?)?;
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)?;
    let disagrees = |vector: &&vectors::Vector| {
        let accept = if want.is_empty() {
            vector.verdict != "invalid"
        } else {
            vector.verdict == want
        };
        // A vector that the parser refuses is a vector that is not accepted.
        vector
            .value
            .as_ref()
            .is_ok_and(|value| validator.is_valid(value))
            != accept
    };
    Ok(vectors
        .iter()
        .filter(disagrees)
        .map(|vector| vector.name.clone())
        .collect())
}
