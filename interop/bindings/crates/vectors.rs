//! Prints what the crate says of each vector, a line of JSON each. The argument is vectors/.

use std::error::Error;
use std::{env, fs};

use runhooks::{CheckOptions, ParseOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let vectors = env::args().nth(1).ok_or("usage: vectors FOLDER")?;
    for verdict in ["conforms", "deviates", "invalid"] {
        for entry in fs::read_dir(format!("{vectors}/{verdict}"))? {
            let name = entry?.file_name().into_string().map_err(|_| "no UTF-8")?;
            let Some(vector) = name.strip_suffix(".expect.json") else {
                continue;
            };
            let payload = fs::read(format!("{vectors}/{verdict}/{vector}.json"))?;
            let each = CheckOptions {
                each: true,
                ..Default::default()
            }; // as vectors list findings
            let checked = runhooks::check(&payload, &each)?;
            let parsed = runhooks::parse(&payload, &ParseOptions::default())?;
            let codes: Vec<_> = checked.findings.into_iter().map(|f| f.code).collect();
            let (vector, verdict) = (
                serde_json::to_string(vector)?,
                serde_json::to_string(&checked.verdict)?,
            );
            let codes = serde_json::to_string(&codes)?;
            let event = match parsed.event {
                Some(event) => format!(r#","event":{}"#, serde_json::to_string(&event)?),
                None => String::new(),
            };
            println!(r#"{{"vector":{vector},"verdict":{verdict},"codes":{codes}{event}}}"#);
        }
    }
    Ok(())
}
