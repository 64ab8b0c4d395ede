//! A row of the result: one tool, one input, one check.

use serde::Serialize;

/// The repository's root, from which inputs are named.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");

#[derive(Serialize)]
pub struct Row<'a> {
    pub language: &'static str,
    pub tool: &'a str,
    pub version: String,
    pub kind: &'a str,
    pub input: &'a str,
    pub check: &'a str,
    pub ok: bool,
    pub passed: usize,
    pub of: usize,
    pub note: String,
}

impl<'a> Row<'a> {
    /// A row of `tool`, which is a crate or several, as "axum + jsonschema".
    pub fn new(kind: &'a str, tool: &'a str, input: &'a str) -> Self {
        let versions: Vec<_> = tool.split(" + ").map(version).collect();
        Row {
            language: "Rust",
            tool,
            version: versions.join(", "),
            kind,
            input,
            check: "",
            ok: false,
            passed: 0,
            of: 0,
            note: String::new(),
        }
    }

    /// Prints the row with what came of one check.
    pub fn print(&mut self, check: &'a str, passed: usize, of: usize, note: impl Into<String>) {
        self.check = check;
        self.ok = passed == of;
        self.passed = passed;
        self.of = of;
        self.note = note.into();
        println!(
            "{}",
            serde_json::to_string(self).expect("strings and numbers")
        );
    }
}

/// The version of a crate, as Cargo.lock pins it.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let Some((_, rest)) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")) else {
        return "";
    };
    rest.split('"').next().unwrap_or("")
}
