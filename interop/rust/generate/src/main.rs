//! Runs typify and progenitor. What they generate goes to a folder, where `vectors` compiles
//! it; what they can't take, and which rules they break on, is reported here.

mod rules;
mod tools;

use std::error::Error;
use std::{env, fs, io, process};

use report::{ROOT, Report};

/// What progenitor would make a client of.
const SERVICE: &str = "service.json";

/// Each tool, its input in openapi/dist, and the file that it generates.
const JOBS: &[(&str, &str, &str)] = &[
    ("typify", "receiver-3.0.json", "typify.rs"),
    (
        "typify",
        "json-schema-2020-12/canonical-run-event.json",
        "canonical.rs",
    ),
    ("typify", "json-schema-2020-12/run-completed.json", ""),
    ("typify", "json-schema-2020-12/run-event.json", ""),
    ("typify", "json-schema-draft-07/run-event.json", ""),
    ("typify", "json-schema-2020-12/observed-run-event.json", ""),
    ("progenitor", "receiver-3.0.json", "progenitor.rs"),
    ("progenitor", "receiver.json", ""),
    ("progenitor", "webhooks.json", ""),
    ("progenitor", SERVICE, ""),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, tool] if flag == "--tool" => {
            match tools::generate(tool, &io::read_to_string(io::stdin())?) {
                Ok(code) => print!("{code}"),
                Err(why) => {
                    eprintln!("{why}");
                    process::exit(1);
                }
            }
            Ok(())
        }
        [folder] => {
            for &(tool, input, file) in JOBS {
                let kind = if input == SERVICE {
                    "client"
                } else {
                    "generator"
                };
                let input = &format!("openapi/dist/{input}");
                let document = fs::read_to_string(format!("{ROOT}/{input}"))?;
                match tools::run(tool, &document)? {
                    // vectors has to name it.
                    Ok(_) if file.is_empty() => {
                        return Err(format!("{tool} takes {input} now: give it a file").into());
                    }
                    Ok(code) => fs::write(format!("{folder}/{file}"), code)?,
                    Err(why) if !file.is_empty() => {
                        return Err(format!("{tool} takes {input} no longer: {why}").into());
                    }
                    Err(error) => Report {
                        input,
                        error,
                        ..Report::new(kind, tool)
                    }
                    .print(),
                }
            }
            rules::report()
        }
        _ => Err("usage: generate FOLDER".into()),
    }
}
