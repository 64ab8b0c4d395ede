//! Tests of the crate, as it is unpacked from what is published.

use std::error::Error as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use runhooks::{Against, CheckOptions, Error, ParseOptions, Reason, Role, Verdict, VerifyOptions};
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn vector(name: &str) -> Vec<u8> {
    fs::read(format!(
        "{}/../../../vectors/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

fn payload() -> Vec<u8> {
    vector("deviates/dialect.local-time")
}

/// payload() with another member in front.
fn with(member: &str) -> String {
    String::from_utf8(payload())
        .unwrap()
        .replacen('{', &format!("{{{member},"), 1)
}

fn sign(body: &[u8], at: SystemTime) -> Vec<(&'static str, String)> {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let signature = Webhook::new(SECRET)
        .unwrap()
        .sign("evt_1", seconds, body)
        .unwrap();
    vec![
        ("webhook-id", "evt_1".into()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ]
}

fn options<T: Default>() -> T {
    T::default()
}

#[test]
fn bytes_and_text_are_the_same() {
    let text = String::from_utf8(payload()).unwrap();
    assert_eq!(
        runhooks::check(&text, &options()),
        runhooks::check(payload(), &options())
    );
    let events = [
        runhooks::parse(&text, &options()),
        runhooks::parse(&payload()[..], &options()),
    ];
    let [a, b] = events.map(|p| serde_json::to_string(&p.unwrap().event).unwrap());
    assert_eq!(a, b);
}

#[test]
fn no_payload_is_an_error() {
    for (body, code) in [
        (vec![], "json.syntax"),
        (b"\"\xff\"".to_vec(), "json.invalid-utf8"),
        (br#"{"\ud800":1}"#.to_vec(), "json.lone-surrogate"),
        (vec![b'['; 100_000], "json.too-deep"),
        (vec![0; 1000], "json.syntax"),
    ] {
        let checked = runhooks::check(&body, &options()).unwrap();
        assert_eq!(
            (checked.verdict, checked.passes, &*checked.findings[0].code),
            (Verdict::Invalid, false, code)
        );
        assert!(runhooks::parse(&body, &options()).unwrap().event.is_none());
    }
}

#[test]
fn options_matter() {
    let receiver = CheckOptions {
        role: Role::Receiver,
        ..options()
    };
    let observed = CheckOptions {
        against: Some(Against::Observed),
        ..options()
    };
    for (options, passes) in [(options(), false), (receiver, true), (observed, true)] {
        assert_eq!(runhooks::check(payload(), &options).unwrap().passes, passes);
    }
    let local = ParseOptions {
        zone: "Europe/Berlin".into(),
        locale: "en-US".into(),
        provenance: true,
        ..options()
    };
    let event = runhooks::parse(payload(), &local).unwrap().event.unwrap();
    assert!(
        event
            .run
            .started_at
            .unwrap()
            .instant
            .unwrap()
            .ends_with('Z')
    );
    assert!(event.provenance["/run/id"].starts_with("/data/"));
    let wrong = runhooks::parse(
        payload(),
        &ParseOptions {
            zone: "Atlantis".into(),
            ..options()
        },
    );
    let Err(Error::Options(text)) = wrong else {
        panic!("{wrong:?}")
    };
    assert!(text.contains("Atlantis"));
}

#[test]
fn what_was_sent_stays_as_it_was() {
    let deep = format!("{}{}", "[".repeat(990), "]".repeat(990));
    for value in [
        "1e400",
        "1e-400",
        "0.30000000000000000001",
        &"9".repeat(5000),
        "null",
        r#"{"a":1.0}"#,
        &deep,
    ] {
        let parsed = runhooks::parse(with(&format!(r#""x":{value}"#)), &options()).unwrap();
        let event = parsed.event.unwrap();
        assert_eq!(
            (&*event.extra[0].pointer, event.extra[0].value.get()),
            ("/x", value)
        );
        let text = serde_json::to_string(&event).unwrap();
        let again: runhooks::CanonicalRunEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap().len(), text.len());
    }
}

#[test]
fn verifies() {
    let at = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let now = |seconds: u64| VerifyOptions {
        now: Some(at + Duration::from_secs(seconds)),
        ..options()
    };
    let headers = sign(&payload(), at);
    let verified = runhooks::verify(headers.clone(), payload(), [SECRET], &now(299)).unwrap();
    assert_eq!((&*verified.id, verified.timestamp), ("evt_1", at));
    let map: axum::http::HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        runhooks::verify(
            &map,
            payload(),
            vec![other.to_owned(), SECRET.to_owned()],
            &now(0)
        )
        .unwrap(),
        verified
    );

    let changed = |i: usize, name: &'static str, value: &str| {
        let mut headers = headers.clone();
        headers[i] = (name, value.to_owned());
        headers
    };
    let minute = VerifyOptions {
        tolerance: Some(Duration::from_secs(60)),
        ..now(61)
    };
    for (reason, headers, body, options) in [
        (Reason::HeaderMissing, vec![], payload(), now(0)),
        (
            Reason::HeaderMalformed,
            changed(1, "webhook-timestamp", "\u{fffd}"),
            payload(),
            now(0),
        ),
        (
            Reason::HeaderMalformed,
            changed(2, "Webhook-ID", "evt_1"),
            payload(),
            now(0),
        ),
        (Reason::TooOld, headers.clone(), payload(), options()),
        (Reason::TooOld, headers.clone(), payload(), minute),
        (
            Reason::TooNew,
            headers.clone(),
            payload(),
            VerifyOptions {
                now: Some(UNIX_EPOCH),
                ..options()
            },
        ),
        (Reason::Mismatch, headers.clone(), b"{}".to_vec(), now(0)),
    ] {
        match runhooks::verify(headers, body, [SECRET], &options) {
            Err(Error::NotGenuine {
                reason: got,
                message,
            }) => assert_eq!(got, reason, "{message}"),
            other => panic!("{other:?}, and should be {reason:?}"),
        }
    }
    for secrets in [vec![], vec!["hunter2"], vec![SECRET, "whsec_"]] {
        let wrong = runhooks::verify(headers.clone(), payload(), secrets, &now(0)).unwrap_err();
        assert!(
            matches!(wrong, Error::Options(_)) && !wrong.to_string().contains("hunter2"),
            "{wrong}"
        );
        assert!(wrong.source().is_none());
    }
}

#[test]
fn threads() {
    let want = runhooks::check(payload(), &options()).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..50)
                    .for_each(|_| assert_eq!(runhooks::check(payload(), &options()).unwrap(), want))
            });
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_bounded() {
    for _ in 0..2 {
        let checked = runhooks::check(vec![0; 300 << 20], &options()).unwrap();
        assert_eq!(checked.findings[0].code, "json.syntax");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(
        kilobytes < 250 << 10,
        "an instance that has grown is kept: {kilobytes} kB"
    );
}

#[test]
fn the_first_example_of_the_readme() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_readme"))
        .env("PORT", port.to_string())
        .env("RUNHOOKS_SECRET", SECRET)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut post = |body: &[u8], headers: &[(&str, String)]| {
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(e) => assert!(
                    receiver.try_wait().unwrap().is_none(),
                    "it doesn't start: {e}"
                ),
            }
        };
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        write!(stream, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n").unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let (body, now) = (vector("deviates/dialect.lists-array"), SystemTime::now());
    assert_eq!(post(&body, &sign(&body, now)), "204");
    assert_eq!(post(b"{}", &sign(b"{}", now)), "422");
    assert_eq!(post(&body, &sign(b"{}", now)), "401");
    assert_eq!(post(&body, &[]), "401");
    receiver.kill().unwrap();
    let mut line = String::new();
    BufReader::new(receiver.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    receiver.wait().unwrap();
    assert!(
        line.starts_with("evt_1 ") && line.contains(" list_0 "),
        "{line}"
    );
}
