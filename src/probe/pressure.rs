//! Pressure stall information: how much of the time tasks wait for memory.

use std::path::Path;

use super::text;

/// Share of the last 10 s in which some task of the host below `root` waited for memory, in
/// percent; `None` where the kernel does not tell.
pub fn memory_pressure(root: &Path) -> Option<f64> {
    some_avg10(&text(root, "proc/pressure/memory").ok()?)
}

/// `some avg10=0.12 avg60=0.05 avg300=0.01 total=81342`
fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let share = line.split(' ').find_map(|field| field.strip_prefix("avg10="))?;
    share.parse().ok().filter(|share: &f64| (0.0..=100.0).contains(share))
}

#[cfg(test)]
mod tests {
    use super::some_avg10;

    #[test]
    fn the_share_of_the_last_ten_seconds_is_read() {
        let text = "some avg10=1.53 avg60=0.87 avg300=0.73 total=1088168194\n\
                    full avg10=0.00 avg60=0.18 avg300=0.13 total=1005\n";
        assert_eq!(some_avg10(text), Some(1.53));
        for text in ["", "full avg10=1.00\n", "some avg10=NaN\n", "some avg60=1\n"] {
            assert_eq!(some_avg10(text), None, "{text:?}");
        }
    }
}
