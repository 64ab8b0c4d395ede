//! Gives the vectors to the validator and to the generated types, and reports what they make
//! of them. Standard input is what cargo said of the generated types, as JSON.

mod json;
mod payloads;
mod rules;
mod types;
mod validator;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{io, thread};

use report::{Report, first_line, version};

fn main() -> Result<(), Box<dyn Error>> {
    let work = thread::Builder::new()
        .stack_size(json::STACK_BYTES)
        .spawn(|| run().map_err(|why| why.to_string()))?;
    Ok(work.join().map_err(|_| "panicked")??)
}

fn run() -> Result<(), Box<dyn Error>> {
    let said = io::read_to_string(io::stdin())?;
    let mut payloads = payloads::all()?;
    validator::report(&payloads)?;
    payloads.retain(|payload| payload.conforms);
    types::report(&payloads, &payloads::canonical()?, &said)?;
    Report {
        input: "docs/languages/rust.md",
        note: "with the crate runhooks".to_owned(),
        ..Report::new("receiver", "axum")
    }
    .print();
    rules::report()
}

/// Makes a short text of an error, or of a panic.
fn caught<T>(of: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(of)) {
        Ok(result) => result.map_err(|why| first_line(&why.to_string())),
        Err(panic) => {
            let why = panic.downcast_ref::<String>().map(String::as_str);
            let why = why.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(first_line(&format!("panics: {}", why.unwrap_or_default())))
        }
    }
}
