//! Runs typify and progenitor over each input. What they generate goes to `generated/`, where
//! the matrix compiles it; what they can't take is a row here.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use row::{ROOT, Row};
use schemars::schema::{RootSchema, Schema};
use typify::{TypeSpace, TypeSpaceSettings};

/// A generator takes no second; typify never ends on the observed schemas, and takes ever more memory.
const LIMIT: Duration = Duration::from_secs(5);

/// Each tool, its input, and the file it generates.
const JOBS: &[(&str, &str, &str)] = &[
    ("typify", "openapi/dist/receiver-3.0.json", "typify.rs"),
    (
        "typify",
        "openapi/dist/json-schema-2020-12/run-failed.json",
        "typify_2020_12.rs",
    ),
    (
        "typify",
        "openapi/dist/json-schema-draft-07/run-failed.json",
        "typify_draft_07.rs",
    ),
    (
        "typify",
        "openapi/dist/json-schema-2020-12/run-completed.json",
        "-",
    ),
    (
        "typify",
        "openapi/dist/json-schema-2020-12/run-event.json",
        "-",
    ),
    (
        "typify",
        "openapi/dist/json-schema-draft-07/run-event.json",
        "-",
    ),
    (
        "typify",
        "openapi/dist/json-schema-2020-12/observed-run-event.json",
        "-",
    ),
    (
        "progenitor",
        "openapi/dist/receiver-3.0.json",
        "progenitor.rs",
    ),
    ("progenitor", "openapi/dist/receiver.json", "-"),
    ("progenitor", "openapi/dist/webhooks.json", "-"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [tool, input] = arguments.as_slice() {
        match generate(tool, &fs::read_to_string(format!("{ROOT}/{input}"))?) {
            Ok(code) => print!("{code}"),
            Err(why) => {
                eprintln!("{why}");
                process::exit(1);
            }
        }
        return Ok(());
    }
    let [generated] = arguments.as_slice() else {
        return Err("usage: generate FOLDER".into());
    };
    for &(tool, input, file) in JOBS {
        match run(tool, input)? {
            Ok(code) if file == "-" => {
                // Good news, but nothing compiles it: the jobs have to be told.
                let note = format!("generates {} bytes now: give it a file", code.len());
                Row::new("generator", tool, input).print("compiles", 0, 1, note);
            }
            Ok(code) => fs::write(format!("{generated}/{file}"), code)?,
            Err(_) if file != "-" => return Err(format!("{tool} takes {input} no longer").into()),
            Err(why) => Row::new("generator", tool, input).print("compiles", 0, 1, why),
        }
    }
    Ok(())
}

/// Generates in a process of its own, since generators panic and may not end.
fn run(tool: &str, input: &str) -> Result<Result<String, String>, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?)
        .args([tool, input])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut out, mut err) = (
        child.stdout.take().ok_or("no pipe")?,
        child.stderr.take().ok_or("no pipe")?,
    );
    let code = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let said = thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });

    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!(
                "does not end: stopped after {} s",
                LIMIT.as_secs()
            )));
        }
        thread::sleep(Duration::from_millis(20));
    };
    let code = code.join().map_err(|_| "no output")??;
    let said = said.join().map_err(|_| "no output")??;
    if status.success() {
        return Ok(Ok(code));
    }
    let mut lines = said
        .lines()
        .filter(|line| !line.is_empty() && !line.contains("panicked at"));
    let first = lines.next().unwrap_or("failed, and said nothing");
    Ok(Err(first.trim_end_matches(['{', ':', ' ']).to_owned()))
}

fn generate(tool: &str, text: &str) -> Result<String, Box<dyn Error>> {
    let code = if tool == "progenitor" {
        let document: openapiv3::OpenAPI = serde_json::from_str(text)?;
        progenitor::Generator::default().generate_tokens(&document)?
    } else {
        let mut types = TypeSpace::new(&TypeSpaceSettings::default());
        let mut document: serde_json::Value = serde_json::from_str(text)?;
        match document.pointer_mut("/components/schemas") {
            Some(schemas) => {
                let schemas: BTreeMap<String, Schema> = serde_json::from_value(schemas.take())?;
                types.add_ref_types(schemas)?;
            }
            None => {
                let schema: RootSchema = serde_json::from_value(document)?;
                types.add_root_schema(schema)?;
            }
        }
        types.to_stream()
    };
    Ok(prettyplease::unparse(&syn::parse2(code)?))
}
