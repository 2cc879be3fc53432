//! The remark on the thresholds of dirty memory, which are shares of it or bytes.

use crate::key::Key;

/// That the background threshold is not below the limit, and what the kernel makes of it. Both are
/// in bytes where they are in two units.
pub fn background_halved(
    background: &(Key, String),
    limit: &(Key, String),
    share_bytes: Option<i128>,
) -> String {
    let told = |(key, text): &(Key, String), about: &str| match share_bytes {
        Some(bytes) if key.leaf().ends_with("_ratio") => {
            format!("{key} ({text} %, here {about} {bytes} bytes)")
        }
        Some(_) => format!("{key} ({text} bytes)"),
        None => format!("{key} ({text})"),
    };
    let half = limit.1.parse::<u64>().map(|limit| match limit % 2 {
        0 => (limit / 2).to_string(),
        _ => format!("{}.5", limit / 2),
    });
    let unit = match share_bytes {
        Some(_) if limit.0.leaf().ends_with("_ratio") => " %",
        Some(_) => " bytes",
        None => "",
    };
    format!(
        "{} is not below {}: the kernel then starts background writeback at half the limit, \
         {}{unit}",
        told(background, "at least"),
        told(limit, "at most"),
        half.unwrap_or_default()
    )
}
