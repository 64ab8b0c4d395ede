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
    pub fn event_type(&self) -> Option<&str> {
        self.value.as_ref().ok()?["event_type"].as_str()
    }
}

pub fn all() -> Result<Vec<Payload>, Box<dyn Error>> {
    let mut payloads = Vec::new();
    for folder in ["conforms", "deviates", "invalid"] {
        for entry in fs::read_dir(format!("{ROOT}/vectors/{folder}"))? {
            let path = entry?.path();
            let file = path.file_name().and_then(|name| name.to_str());
            let name = file.and_then(|file| file.strip_suffix(".json"));
            let Some(name) = name.filter(|name| !name.ends_with(".expect")) else {
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
