//! The receiver of docs/languages/rust.md, and what it answers.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use row::{ROOT, Row};
use serde_json::Value;
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub fn run(program: &str, runhooks: &str) -> Result<(), Box<dyn Error>> {
    let mut child = Command::new(program)
        .env("RUNHOOKS_SECRET", SECRET)
        .env("ADDRESS", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stderr.take().ok_or("no pipe")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let address = line.trim().trim_start_matches("listening on ").to_owned();
    thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr()));

    let rows = check(&address, runhooks);
    child.kill()?;
    child.wait()?;
    rows
}

fn check(address: &str, runhooks: &str) -> Result<(), Box<dyn Error>> {
    let mut row = Row::new(
        "receiver",
        "axum + standardwebhooks + jsonschema + typify",
        "openapi/dist/receiver-3.0.json",
    );
    let trigger = |secret: &str, arguments: &[&str]| trigger(runhooks, address, secret, arguments);

    print(
        &mut row,
        "signed",
        &[
            ("run_completed", trigger(SECRET, &["run_completed"])?, 204),
            ("run_failed", trigger(SECRET, &["run_failed"])?, 204),
        ],
    );

    let payload = fs::read_to_string(format!("{ROOT}/vectors/conforms/page.run-failed.json"))?;
    let tampered = payload.replace("Test Robot", "Best Robot");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_secs()
        .try_into()?;
    let old = now - 6 * 60;
    let signature = |at| Webhook::new(SECRET)?.sign("evt_1", at, payload.as_bytes());
    print(
        &mut row,
        "tampered",
        &[
            (
                "none of it",
                post(address, &payload, &signature(now)?, now)?,
                204,
            ),
            (
                "another secret, run_completed",
                trigger(OTHER_SECRET, &["run_completed"])?,
                401,
            ),
            (
                "another secret, run_failed",
                trigger(OTHER_SECRET, &["run_failed"])?,
                401,
            ),
            (
                "another payload",
                post(address, &tampered, &signature(now)?, now)?,
                401,
            ),
            ("no signature", trigger("", &["run_completed"])?, 401),
            (
                "no signature's form",
                post(address, &payload, "v1", now)?,
                401,
            ),
            (
                "too old",
                post(address, &payload, &signature(old)?, old)?,
                401,
            ),
        ],
    );

    let invalid = format!("{ROOT}/vectors/invalid/schema.enum.json");
    print(
        &mut row,
        "deviating",
        &[
            (
                "run_completed as maxun",
                trigger(SECRET, &["run_completed", "--as", "maxun"])?,
                204,
            ),
            (
                "run_failed as maxun",
                trigger(SECRET, &["run_failed", "--as", "maxun"])?,
                204,
            ),
            (
                "webhook_test as maxun",
                trigger(SECRET, &["webhook_test", "--as", "maxun"])?,
                204,
            ),
            (
                "no event at all",
                trigger(SECRET, &["--file", &invalid])?,
                422,
            ),
        ],
    );
    Ok(())
}

/// Prints a row of cases, each with the status that came and the one that has to.
fn print<'a>(row: &mut Row<'a>, check: &'a str, cases: &[(&str, u64, u64)]) {
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, got, want)| got != want)
        .map(|(name, got, want)| format!("{name}: {got}, not {want}"))
        .collect();
    row.print(
        check,
        cases.len() - failed.len(),
        cases.len(),
        failed.join("; "),
    );
}

/// Sends an event, and gives the status of the answer, or 0.
fn trigger(
    runhooks: &str,
    address: &str,
    secret: &str,
    arguments: &[&str],
) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new(runhooks);
    command.arg("trigger").args(arguments);
    command.args([
        "--format",
        "json",
        "--to",
        &format!("http://{address}/events"),
    ]);
    command.env_remove("RUNHOOKS_SECRET");
    if !secret.is_empty() {
        command.env("RUNHOOKS_SECRET", secret);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    let attempt: Value = serde_json::from_slice(&output.stdout)?;
    Ok(attempt["status"].as_u64().unwrap_or(0))
}

/// Sends a payload with a signature as it is given, and gives the status of the answer.
fn post(address: &str, payload: &str, signature: &str, at: i64) -> Result<u64, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    let length = payload.len();
    write!(
        stream,
        "POST /events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nwebhook-id: evt_1\r\nwebhook-timestamp: {at}\r\n\
         webhook-signature: {signature}\r\n\r\n{payload}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .ok_or("an answer without a status")?;
    Ok(status.parse()?)
}
