#![doc = include_str!("../README.md")]

mod module;

/// The types of the canonical event, generated from its schema.
#[allow(clippy::all, missing_docs)]
pub mod event;

use std::error;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

pub use event::CanonicalRunEvent;

/// A value as it was sent, in JSON: [`RawValue::get`] is its text, for [`serde_json::from_str`].
pub type Sent = Box<RawValue>;

/// Judges a payload by the contract.
pub fn check(payload: impl AsRef<[u8]>, options: &CheckOptions) -> Result<Checked, Error> {
    module::call("check", options, payload.as_ref())
}

/// Returns the event of a payload that conforms or deviates, in its canonical form, and what
/// there is to say of the payload.
pub fn parse(payload: impl AsRef<[u8]>, options: &ParseOptions) -> Result<Parsed, Error> {
    module::call("parse", options, payload.as_ref())
}

/// Returns the id of a request that is genuine, and [`Error::NotGenuine`] for any other.
///
/// The headers are pairs, such as `&http::HeaderMap`; the payload is the exact body. The id is
/// the same in each attempt to deliver an event: forget events whose id you have seen before.
pub fn verify<N: AsRef<str>, V: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = (N, V)>,
    payload: impl AsRef<[u8]>,
    secrets: impl IntoIterator<Item = impl AsRef<str>>,
    options: &VerifyOptions,
) -> Result<Verified, Error> {
    let mut signed = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        let name = name.as_ref().to_ascii_lowercase();
        if name.starts_with("webhook-") {
            let value = String::from_utf8_lossy(value.as_ref()).into_owned();
            signed.entry(name).or_default().push(value);
        }
    }
    let seconds = |t: SystemTime| t.duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = serde_json::json!({
        "headers": signed,
        "secrets": secrets.into_iter().map(|s| s.as_ref().to_owned()).collect::<Vec<_>>(),
        "tolerance_seconds": options.tolerance.map(|d| d.as_secs_f64()),
        "now": options.now.map(|t| seconds(t).as_secs_f64()),
    });
    match module::call("verify", &options, payload.as_ref())? {
        Answer {
            reason: Some(reason),
            text,
            ..
        } => Err(Error::NotGenuine {
            reason,
            message: text,
        }),
        Answer {
            timestamp, text, ..
        } => {
            let timestamp = UNIX_EPOCH + Duration::from_secs(timestamp);
            Ok(Verified {
                id: text,
                timestamp,
            })
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "id", alias = "message")]
    text: String,
    #[serde(default)]
    timestamp: u64,
    reason: Option<Reason>,
}

/// Options of [`check`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckOptions {
    /// Whom the hints are for.
    #[serde(rename = "as")]
    pub role: Role,
    /// What a payload passes by: observed for a receiver by default, or else documented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// List each finding singly, rather than those of one rule in one column as one.
    pub each: bool,
}

/// Options of [`parse`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct ParseOptions {
    /// The time zone of servers that write run times in local time, such as "Europe/Berlin".
    pub zone: String,
    /// The locale of those servers, such as "de-DE".
    pub locale: String,
    /// Other ways in which they write run times: layouts of Go's package time.
    pub layouts: Vec<String>,
    /// Have the event say where in the payload its values come from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub provenance: bool,
}

/// Options of [`verify`].
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// How far the time of an attempt may lie in the past or in the future; 5 minutes by default.
    pub tolerance: Option<Duration>,
    /// The time, for tests.
    pub now: Option<SystemTime>,
}

/// What there is to say of a payload, and whether it passes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Checked {
    pub passes: bool,
    pub verdict: Verdict,
    /// event_type as the payload has it, or empty.
    pub event_type: String,
    pub findings: Vec<Finding>,
    /// There are more findings.
    #[serde(default)]
    pub truncated: bool,
}

/// What there is to say of a payload, and its event, which is absent if it is invalid.
#[derive(Clone, Debug, Deserialize)]
pub struct Parsed {
    pub verdict: Verdict,
    /// event_type as the payload has it, or empty.
    pub event_type: String,
    pub findings: Vec<Finding>,
    /// There are more findings.
    #[serde(default)]
    pub truncated: bool,
    pub event: Option<CanonicalRunEvent>,
}

/// A genuine request.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub id: String,
    /// When the attempt was sent.
    pub timestamp: SystemTime,
}

/// One thing that there is to say of a payload: docs/findings.md lists the codes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    /// The RFC 6901 pointer to what it is about.
    pub pointer: String,
    /// From 1.
    pub line: u64,
    /// From 1, in code points.
    pub column: u64,
    /// In bytes.
    pub offset: u64,
    pub message: String,
    pub hint: Option<String>,
    /// How many findings of one cause it stands for, where that is more than one.
    pub count: Option<u64>,
    /// The pointers of these, with * for indices.
    pub pattern: Option<String>,
    /// Of a check that fails: this is why.
    #[serde(default)]
    pub decides: bool,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$default:meta])* $word:ident),* } $case:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        #[serde(rename_all = $case)]
        pub enum $name { $($(#[$default])* $word),* }
    };
}

words!(#[derive(Default)] Role { #[default] Sender, Receiver } "lowercase");
words!(Against { Documented, Observed } "lowercase");
words!(Verdict { Conforms, Deviates, Invalid } "lowercase");
words!(Severity { Error, Warning, Info } "lowercase");
words!(/** Why a request is not genuine. */ #[non_exhaustive] Reason { HeaderMissing, HeaderMalformed, TooOld, TooNew, Mismatch } "kebab-case");

/// Why there is no answer. No payload is an error of check or parse.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The request is not genuine. The message may be told to its sender.
    NotGenuine { reason: Reason, message: String },
    /// The options make no sense, and what to do.
    Options(String),
    /// The module can't answer, for want of memory, or by an error in it.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGenuine { message, .. } => f.write_str(message),
            Self::Options(text) | Self::Failed(text) => write!(f, "runhooks: {text}"),
        }
    }
}

impl error::Error for Error {}

/// Reads a value that is there, which may be null.
fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sent>, D::Error> {
    Sent::deserialize(deserializer).map(Some)
}
