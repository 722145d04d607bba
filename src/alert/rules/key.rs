//! What incidents are known by elsewhere.

use sha2::{Digest, Sha256};

/// So many characters PagerDuty takes.
const LONGEST: usize = 255;

/// So many digits tell long keys apart.
const DIGITS: usize = 16;

/// The key of an incident: of a canary as a whole, `suite/location/canary`, or of something within it,
/// `suite/location/canary/sign_up`.
///
/// It is the same for ever, has at most 255 characters, and no two steps share one: a name has letters, digits, `_`,
/// `-` and `.` only, so that the colon for the space in `fixture workspace` stands in no other title. Keys of the
/// canary's own, such as `~missed`, begin with what no name begins with.
#[must_use]
pub fn key(prefix: &str, within: Option<&str>) -> String {
    let whole = match within {
        None => prefix.to_owned(),
        Some(within) => format!("{prefix}/{}", within.replace(' ', ":")),
    };
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let start: String = whole.chars().take(LONGEST - DIGITS - 1).collect();
    let digest = Sha256::digest(whole.as_bytes());
    digest.iter().take(DIGITS / 2).fold(start + "#", |key, byte| key + &format!("{byte:02x}"))
}
