//! The payloads of the vectors.

use std::error::Error;
use std::fs;

use report::ROOT;
use serde_json::Value;

use crate::{caught, json};

pub struct Payload {
    pub name: String,
    pub conforms: bool,
    /// What it says, or why the parser refuses it.
    pub value: Result<Value, String>,
}

impl Payload {
    /// The text of a member.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.value.as_ref().ok()?[member].as_str()
    }
}

pub fn all() -> Result<Vec<Payload>, Box<dyn Error>> {
    read(|file| {
        let name = file.strip_suffix(".json")?;
        (!name.ends_with(".expect") && !name.ends_with(".canonical")).then_some(name)
    })
}

/// The canonical form of each vector that has one.
pub fn canonical() -> Result<Vec<Payload>, Box<dyn Error>> {
    read(|file| file.strip_suffix(".canonical.json"))
}

/// Reads the files of which `name` has a name.
fn read(name: impl Fn(&str) -> Option<&str>) -> Result<Vec<Payload>, Box<dyn Error>> {
    let mut payloads = Vec::new();
    for folder in ["conforms", "deviates", "invalid"] {
        for entry in fs::read_dir(format!("{ROOT}/vectors/{folder}"))? {
            let path = entry?.path();
            let file = path.file_name().and_then(|name| name.to_str());
            let Some(name) = file.and_then(&name) else {
                continue;
            };
            let text = fs::read(&path)?;
            payloads.push(Payload {
                name: name.to_owned(),
                conforms: folder == "conforms",
                value: caught(|| Ok(json::parse(&text)?)),
            });
        }
    }
    payloads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(payloads)
}
