//! Times as reports have them: RFC 3339 in UTC, as microseconds since 1970.

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;

/// What `text`, such as `2026-11-26T12:30:00Z` or with a fraction, means; `None` where it is no
/// such time, or one before 1970.
pub fn micros(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let number = |from: usize, digits: usize| {
        bytes
            .get(from..from + digits)?
            .iter()
            .try_fold(0_u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let fraction = text.get(19..)?.strip_suffix('Z')?;
    let micros = match fraction.strip_prefix('.') {
        None if fraction.is_empty() => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            number(20, digits.len())?;
            digits
                .bytes()
                .chain(std::iter::repeat(b'0'))
                .take(6)
                .fold(0, |n, b| n * 10 + u64::from(b - b'0'))
        }
        _ => return None,
    };
    // A leap second counts as the one behind it.
    if year < 1970
        || hour > 23
        || minute > 59
        || second > 60
        || day == 0
        || day > length(year, month)?
    {
        return None;
    }
    let months: u64 = (1..month).filter_map(|m| length(year, m)).sum();
    let days = (year - 1970) * 365 + leap_days(year) - leap_days(1970) + months + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * SECOND + micros)
}

/// Leap days before that year's begin.
fn leap_days(year: u64) -> u64 {
    let before = year - 1;
    before / 4 - before / 100 + before / 400
}

/// Days of a month, from 1.
fn length(year: u64, month: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    Some(match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// That time in words, `2026-11-26T12:30:00Z`, without the fraction.
pub fn text(micros: u64) -> String {
    let seconds = micros / SECOND;
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    loop {
        let length = 365 + leap_days(year + 1) - leap_days(year);
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    while let Some(length) = length(year, month).filter(|l| days >= *l) {
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", days + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_jiff(second in 0..253_402_300_799_i64, nanos in 0..1_000_000_000_i32) {
            let time = jiff::Timestamp::new(second, nanos).unwrap();
            let expected = u64::try_from(time.as_microsecond()).unwrap();
            prop_assert_eq!(micros(&time.to_string()), Some(expected));
            let whole = jiff::Timestamp::from_second(second).unwrap();
            prop_assert_eq!(text(expected), whole.to_string());
        }

        #[test]
        fn never_panics(text in "\\PC{0,30}") {
            let _ = micros(&text);
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2026-11-26",
            "2026-11-26T12:30:00",
            "2026-11-26 12:30:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:00.1xZ",
            "2026-01-01T00:00:00Zü",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(micros("2000-02-29T00:00:00.5Z"), Some(951_782_400_500_000));
    }
}
