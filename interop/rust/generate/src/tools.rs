//! The generators, each run in a process of its own, since they panic and may not end.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use report::first_line;
use schemars::schema::{RootSchema, Schema};
use serde_json::Value;
use typify::{TypeSpace, TypeSpaceSettings};

/// A generator takes no second, or has been seen not to end while it takes ever more memory.
const LIMIT: Duration = Duration::from_secs(5);

/// What a tool generates from a file, or the first line of why it can't.
pub type Code = Result<String, String>;

/// Runs a tool over a document.
pub fn run(tool: &str, document: &str) -> Result<Code, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--tool", tool])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads to the end before it does anything.
    let mut input = child.stdin.take().ok_or("no pipe")?;
    input.write_all(document.as_bytes())?;
    drop(input);
    let code = read(child.stdout.take().ok_or("no pipe")?);
    let said = read(child.stderr.take().ok_or("no pipe")?);

    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!("does not end within {LIMIT:?}")));
        }
        thread::sleep(Duration::from_millis(20));
    };
    let code = code.join().map_err(|_| "no output")??;
    let said = said.join().map_err(|_| "no output")??;
    if status.success() {
        return Ok(Ok(code));
    }
    let said = said
        .lines()
        .find(|line| !line.is_empty() && !line.contains("panicked at"))
        .unwrap_or("fails, and says nothing");
    Ok(Err(first_line(said.trim_end_matches(['{', ':', ' ']))))
}

/// Reads a pipe in a thread, so that neither of two fills up.
fn read(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<std::io::Result<String>> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    })
}

/// Generates from a document, which is JSON or YAML, in this process.
pub fn generate(tool: &str, document: &str) -> Result<String, Box<dyn Error>> {
    let mut document: Value = yaml_serde::from_str(document)?;
    let code = if tool == "progenitor" {
        let document: openapiv3::OpenAPI = serde_json::from_value(document)?;
        progenitor::Generator::default().generate_tokens(&document)?
    } else {
        let mut types = TypeSpace::new(&TypeSpaceSettings::default());
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
