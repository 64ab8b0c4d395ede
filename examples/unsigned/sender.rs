//! Knows a server that signs nothing by a secret in the URL, or a password.

use std::hint::black_box;

/// Tells a sender by the password of HTTP Basic (which the framework has decoded), by the path's
/// last segment, or by `?secret=`.
pub fn is_known(secret: &str, password: Option<&str>, path: &str, query_secret: Option<&str>) -> bool {
    let segment = path.rsplit('/').next().unwrap_or("");
    // All of them, whichever it was.
    same(secret, password.unwrap_or("")) | same(secret, segment) | same(secret, query_secret.unwrap_or(""))
}

/// Compares in a time that tells nothing of the secret but its length, which is not secret: 32
/// characters, as `openssl rand -hex 16` makes them.
fn same(secret: &str, given: &str) -> bool {
    if secret.is_empty() || secret.len() != given.len() {
        return false;
    }
    let mut differ = 0;
    for (a, b) in secret.bytes().zip(given.bytes()) {
        differ |= black_box(a ^ b);
    }
    differ == 0
}

#[cfg(test)]
mod tests {
    use super::is_known;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn knows_senders() {
        assert!(is_known(SECRET, Some(SECRET), "/events/", None));
        assert!(is_known(SECRET, None, "/events/0123456789abcdef0123456789abcdef", None));
        assert!(is_known(SECRET, None, "/events/", Some(SECRET)));
    }

    #[test]
    fn knows_nobody_else() {
        assert!(!is_known(SECRET, None, "/events/", None));
        assert!(!is_known(SECRET, Some("0123456789abcdef0123456789abcdee"), "/events/", None));
        assert!(!is_known(SECRET, None, "/0123456789abcdef0123456789abcdef/events", None));
        assert!(!is_known(SECRET, None, "/events/0123456789abcdef", Some("")));
        assert!(!is_known("", Some(""), "/events/", Some("")));
    }
}
