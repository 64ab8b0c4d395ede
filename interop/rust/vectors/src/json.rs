//! Parses payloads as strictly as the contract: serde_json takes two members of one name, and
//! stops at 128 levels or, told not to, nowhere.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Deserializer, Error, Value};

const MAX_LEVELS: usize = 1_000;

/// The stack of a thread that parses: serde_json works by recursion, which takes up to 4 KiB a
/// level in a debug build.
pub const STACK_BYTES: usize = 16 << 20;

pub fn parse(payload: &[u8]) -> Result<Value, Error> {
    let (levels, colons) = count(payload);
    if levels > MAX_LEVELS {
        return Err(Error::custom(format!("more than {MAX_LEVELS} levels")));
    }
    let mut json = Deserializer::from_slice(payload);
    json.disable_recursion_limit();
    let value = Value::deserialize(&mut json)?;
    json.end()?;
    // Of two members of one name, the value has the last.
    if members(&value) < colons {
        return Err(Error::custom("two members of one name"));
    }
    Ok(value)
}

/// Counts the brackets that are open at once, at most, and the colons, but for those in strings.
fn count(payload: &[u8]) -> (usize, usize) {
    let (mut open, mut levels, mut colons) = (0_usize, 0, 0);
    let (mut string, mut escaped) = (false, false);
    for byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            _ if string => {}
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b':' => colons += 1,
            _ => {}
        }
        levels = levels.max(open);
    }
    (levels, colons)
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}
