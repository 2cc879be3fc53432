//! Values in every form that a file or the kernel gives them, and when two of them agree.
#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

#[test]
fn blanks_do_not_count_e7() {
    assert!(agrees(Shape::Numbers(3), "4096 131072 6291456", "4096\t131072\t6291456\n"));
    assert!(!agrees(Shape::Numbers(3), "4096 131072 6291456", "4096\t87380\t6291456"));
    assert_eq!(
        canonical(Shape::Numbers(3), "4096,131072,6291456"),
        Err(NotAValue::Commas("4096,131072,6291456".into()))
    );
}

#[test]
fn a_partial_array_asks_for_its_own_fields_e8() {
    assert!(agrees(Shape::Numbers(3), "4096", "4096\t87380\t6291456"));
    assert!(!agrees(Shape::Numbers(3), "5000", "4096\t87380\t6291456"));
    // From a file: the fields beyond the third are dropped by the kernel.
    assert!(agrees(Shape::Numbers(3), "1 2 3 4", "1 2 3"));
    // The kernel passes over ASCII's blanks alone.
    assert!(canonical(Shape::Number, "\u{a0}30").is_err());
    // The other way round a file that sets one field leaves two unknown.
    assert!(!agrees(Shape::Numbers(3), "1 2 3", "1"));
}

#[test]
fn numbers_are_read_as_the_kernel_reads_them_e9() {
    assert_eq!(kernel_number("0x10"), Some(16));
    assert_eq!(kernel_number("010"), Some(8));
    assert_eq!(kernel_number("0"), Some(0));
    assert_eq!(kernel_number("-5"), Some(-5));
    for refused in ["+7202", "7200.5", "7204junk", "60,", "60#c", "1G", "", "-", "0x", "08", "--1"]
    {
        assert_eq!(kernel_number(refused), None, "{refused}");
    }
    assert!(agrees(Shape::Number, "7203 junk", "7203"));
    assert!(agrees(Shape::Number, "60 # c", "60"));
    assert!(agrees(Shape::Number, "0x10", "16"));
}

#[test]
fn unsigned_64_bit_survives_e15() {
    assert!(agrees(Shape::Number, "18446744073692774399", "18446744073692774399"));
    assert!(!agrees(Shape::Number, "18446744073692774399", "18446744073692774400"));
    assert_eq!(kernel_number("18446744073709551615"), Some(18_446_744_073_709_551_615));
    assert_eq!(kernel_number("18446744073709551616"), None);
}

#[test]
fn bitmaps_compare_as_sets_e18() {
    let same = |a, b| agrees(Shape::Bitmap, a, b);
    assert!(same("8082,8080,8081,9000-9002", "8080-8082,9000-9002"));
    assert!(same("8080,8081", "8080-8081"));
    assert!(same("", "\n"));
    assert!(!same("8080", "8080-8081"));
    assert!(canonical(Shape::Bitmap, "9-8").is_err());
    assert!(canonical(Shape::Bitmap, "a").is_err());
}

#[test]
fn texts_words_addresses_and_masks() {
    assert!(agrees(Shape::Text(128), "|/usr/bin/dump %p", "|/usr/bin/dump %p\n"));
    assert!(!agrees(Shape::Text(128), "a  b", "a b"));
    assert!(agrees(Shape::Words, "reno cubic", "cubic reno"));
    assert!(agrees(Shape::Names, "mem,tasks", "tasks,mem\n"));
    assert!(!agrees(Shape::Names, "mem,tasks", "mem"));
    assert!(agrees(Shape::Names, "", "\n"));
    let full = "2001:0db8:0000:0000:0000:0000:0000:0001";
    assert!(agrees(Shape::Ipv6, "2001:db8::1", full));
    assert!(agrees(Shape::CpuMask, "3", "00000000,00000003"));
    // Each group is 32 bits, however few digits it has; the kernel takes none of more.
    assert!(agrees(Shape::CpuMask, "1,2", "00000001,00000002\n"));
    assert!(!agrees(Shape::CpuMask, "1,2", "00000000,00000012"));
    assert!(agrees(Shape::CpuMask, "0,00", "0\n") && agrees(Shape::CpuMask, ",A,", "0000000a"));
    for none in ["", ",", "0x3", "000000003", "g"] {
        assert!(canonical(Shape::CpuMask, none).is_err(), "{none:?}");
    }
    assert!(agrees(Shape::HexGroups, "ABCD-1-0-02", "0000abcd-00000001-00000000-00000002"));
    assert!(!agrees(Shape::HexGroups, "ABCD-1-0-2", "0000abcd-00000001-00000000-00000003"));
    assert!(agrees(Shape::Bitmap, "0x50,0120-82", "80-82"));
}

#[test]
fn unknown_parameters_compare_as_normalised_text() {
    let same = |a, b| agrees(Shape::Unknown, a, b);
    assert!(same("1  2", "1\t2\n"));
    assert!(same("0x10", "16"));
    assert!(same("010", "8"));
    assert!(same("8080,8081", "8080-8081"));
    assert!(!same("8080,8082", "8080-8081"));
    assert!(!same("16", "0x10"), "the kernel prints decimals; this is another text");
    assert!(!same("1 2", "1"));
    assert!(!same("on", "off"));
    // A write of the leading numbers leaves the others as they are (case E8).
    assert!(same("256 256", "256\t256\t32\t0\t0") && !same("256 255", "256\t256\t32"));
    assert!(!same("256 256 32", "256\t256") && !same("", "256") && !same("cubic", "cubic 1"));
}

#[test]
fn what_the_kernel_rounds_is_no_difference_e21() {
    let kept = |rounding| move |w: &str, l: &str| agrees(Shape::Rounded(rounding), w, l);
    let ms = kept(Rounding::Milliseconds);
    assert!(ms("30001", "30004") && ms("30001", "30001") && ms("30001", "30010"));
    assert!(!ms("30001", "30020") && !ms("30001", "30000"));
    let cs = kept(Rounding::Centiseconds);
    assert!(cs("101", "100") && cs("101", "101") && cs("1", "0") && cs("0", "0"));
    assert!(!cs("101", "102") && !cs("101", "99") && !cs("0", "-1"));
    let switch = kept(Rounding::Switch);
    assert!(switch("7", "1") && switch("1", "1") && switch("0", "0") && switch("-1", "1"));
    assert!(!switch("7", "0") && !switch("0", "1") && !switch("1", "7"));
    let power = kept(Rounding::PowerOfTwo);
    assert!(power("100000", "131072") && power("4096", "4096") && power("0", "0"));
    assert!(!power("100000", "65536") && !power("100000", "262144") && !power("0", "1"));
    assert!(!power("18446744073709551615", "0") && !power("-3", "4"));
    let pages = kept(Rounding::WholePages);
    assert!(pages("100000", "100352") && pages("100000", "106496") && pages("65536", "65536"));
    assert!(!pages("100000", "99840") && !pages("100000", "100864") && !pages("0", "512"));
}

#[test]
fn texts_are_compared_as_far_as_the_kernel_keeps_them_e17() {
    let long = "a".repeat(70);
    assert!(agrees(Shape::Text(64), &long, &long[..64]));
    assert!(!agrees(Shape::Text(64), &long, &long[..63]));
    assert!(agrees(Shape::Text(3), "aé", "aé") && agrees(Shape::Text(2), "aé", "a"));
}

#[test]
fn sizes_need_an_unambiguous_unit() {
    let parse = Size::parse;
    assert_eq!(parse("512MiB").unwrap().unwrap().bytes, 512 << 20);
    assert_eq!(parse("64 KiB").unwrap().unwrap().bytes, 65536);
    assert_eq!(parse("512").unwrap(), None);
    assert_eq!(
        parse("512M"),
        Err(QuantityError::Ambiguous { written: "512M".into(), instead: "512MiB".into() })
    );
    for (written, instead) in [
        ("1.5GiB", "1536MiB"),
        ("0.5 KiB", "512B"),
        ("2.0MiB", "2MiB"),
        ("512mib", "512MiB"),
        ("0.25TiB", "256GiB"),
    ] {
        let (written, instead) = (written.to_owned(), instead.to_owned());
        assert_eq!(parse(&written), Err(QuantityError::Misspelt { written, instead }));
    }
    assert!(parse("0.3GiB").is_err() && parse("1.GiB").is_err() && parse("1.5").is_err());
    assert_eq!(parse("4parsec"), Err(QuantityError::UnknownUnit("parsec".into())));
    assert!(matches!(parse("99999999999TiB"), Err(QuantityError::TooLarge(_))));
    assert_eq!(Size { bytes: 512 << 20 }.to_string(), "512MiB");
    assert_eq!(Size { bytes: 1536 }.to_string(), "1536B");
}

#[test]
fn percentages_are_exact() {
    let p = Percent::parse("0.78").unwrap();
    assert_eq!(p.of(24_684_084), 192_535);
    assert_eq!(p.to_string(), "0.78 %");
    assert_eq!(Percent::parse("5%").unwrap().of(100), 5);
    assert_eq!(Percent::parse("100").unwrap().of(u64::MAX), u64::MAX);
    for wrong in ["", "%", "-1", "1e3", ".5", "5.", "101", "0.0000001", "five"] {
        assert!(Percent::parse(wrong).is_err(), "{wrong}");
    }
}

/// Texts that are often nearly a value of some shape.
fn nearly_a_value() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[0-9]{1,3}",
        "0x[0-9a-fA-F]{1,2}",
        "0[0-7]{1,2}",
        "-[0-9]{0,2}",
        "[0-9]-[0-9]",
        "[a-f]{1,2}",
        "[0-9a-f]{1,2},[0-9a-f]{1,2}",
        "0?[1-3]-0?1-0?1-0?[1-3]",
        Just("0".to_owned()),
        Just(String::new()),
        Just("::1".to_owned()),
        Just("0:0::0:1".to_owned()),
        Just("é".to_owned()),
    ];
    let divider = prop_oneof![Just(" "), Just("\t"), Just(","), Just("  "), Just("\n"), Just(", ")];
    prop::collection::vec((token, divider), 0..5)
        .prop_map(|parts| parts.into_iter().flat_map(|(t, d)| [t, d.to_owned()]).collect())
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Number),
        Just(Shape::Bool),
        Just(Shape::Numbers(3)),
        Just(Shape::Rounded(Rounding::Milliseconds)),
        Just(Shape::Rounded(Rounding::Switch)),
        Just(Shape::Text(4)),
        Just(Shape::Bitmap),
        Just(Shape::CpuMask),
        Just(Shape::Words),
        Just(Shape::Names),
        Just(Shape::Text(64)),
        Just(Shape::Ipv6),
        Just(Shape::HexGroups),
        Just(Shape::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_expected_value_agrees_as_ever(
        shape in any_shape(),
        wanted in nearly_a_value(),
        live in nearly_a_value(),
    ) {
        let expected = Expected::new(shape, &wanted);
        for live in [&live, &wanted, &wanted.replace(' ', "\t"), &format!("{wanted} {live}")] {
            prop_assert_eq!(
                expected.agrees(live), agrees(shape, &wanted, live), "{:?} {:?} {:?}", shape, wanted, live
            );
            let number = match canonical(shape, live) {
                Ok(Canonical::Numbers(numbers)) => numbers.first().copied(),
                _ => None,
            };
            if shape != Shape::Unknown {
                prop_assert_eq!(single_number(shape, live), number, "{:?} {:?}", shape, live);
            }
        }
    }
}

proptest! {
    #[test]
    fn comparison_is_reflexive_for_every_shape(text in "[ -~]{0,24}") {
        for shape in [Shape::Number, Shape::Numbers(3), Shape::Bitmap, Shape::Words, Shape::Names, Shape::Text(64),
                      Shape::Unknown, Shape::Ipv6, Shape::CpuMask, Shape::HexGroups,
                      Shape::Rounded(Rounding::Centiseconds)] {
            prop_assert!(agrees(shape, &text, &text), "{:?}", shape);
        }
    }

    #[test]
    fn what_the_kernel_prints_agrees_with_what_was_written(n in any::<u64>()) {
        let (hex, octal, decimal) = (format!("0x{n:x}"), format!("0{n:o}"), n.to_string());
        prop_assert!(agrees(Shape::Number, &hex, &decimal));
        // The kernel looks at 20 characters.
        prop_assert_eq!(agrees(Shape::Number, &octal, &decimal), octal.len() <= 20);
    }

    #[test]
    fn different_numbers_never_agree(a in any::<u64>(), b in any::<u64>()) {
        prop_assume!(a != b);
        prop_assert!(!agrees(Shape::Number, &a.to_string(), &b.to_string()));
        prop_assert!(!agrees(Shape::Unknown, &a.to_string(), &b.to_string()));
    }

    #[test]
    fn a_bitmap_equals_any_order_of_its_members(mut set in prop::collection::vec(0u64..200, 1..20), seed in any::<u64>()) {
        let one = set.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let at = usize::try_from(seed % 7).unwrap() % set.len();
        set.rotate_left(at);
        set.reverse();
        let two = set.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        prop_assert!(agrees(Shape::Bitmap, &one, &two));
    }

    #[test]
    fn a_share_is_never_more_than_the_whole(amount in any::<u64>(), whole in 0u32..=100, fraction in 0u32..999_999) {
        if let Ok(p) = Percent::parse(&format!("{whole}.{fraction:06}")) {
            prop_assert!(p.of(amount) <= amount);
        }
    }
}
