//! What one tool makes of one file, as `interop/matrix/report.go` reads it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The repository's root, from which files are named.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");

#[derive(Default, Serialize)]
pub struct Report<'a> {
    pub kind: &'a str,
    pub tool: &'a str,
    pub version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub input: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiles: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrows: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoded: Option<BTreeMap<String, Decoded>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helps: Option<Answer>,
}

#[derive(Serialize)]
pub struct Answer {
    pub ok: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A payload that was decoded and encoded again, or why it couldn't be.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decoded {
    Json(String),
    Error(String),
}

impl<'a> Report<'a> {
    /// A report of a crate.
    pub fn new(kind: &'a str, tool: &'a str) -> Self {
        Report {
            kind,
            tool,
            version: version(tool),
            ..Report::default()
        }
    }

    pub fn print(&self) {
        println!(
            "{}",
            serde_json::to_string(self).expect("texts and booleans")
        );
    }
}

/// The first line of a text, if it is short.
pub fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(199)
        .collect()
}

/// The version of a crate, as Cargo.lock pins it, here or where the receiver is built.
pub fn version(name: &str) -> &'static str {
    let locks = [
        include_str!("../../Cargo.lock"),
        include_str!("../../../bindings/crates/Cargo.lock"),
    ];
    let entry = format!("name = \"{name}\"\nversion = \"");
    let found = locks.iter().find_map(|lock| lock.split_once(&entry));
    found
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or_default()
}
