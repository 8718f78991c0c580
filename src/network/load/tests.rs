use std::fs;

use proptest::prelude::*;

use super::text::LineFault;
use super::*;

fn of_text(text: &str) -> Result<Ranges, Fault> {
    text::ranges(text.as_bytes(), 100)
}

fn look(text: &str) -> impl Fn(&str) -> Option<u32> {
    let ranges = of_text(text).unwrap();
    let table = Table::of(About { origin: Origin::BuiltIn, date: None }, ranges);
    move |address| table.number(address.parse().unwrap())
}

fn line_fault(text: &str) -> (usize, LineFault) {
    match of_text(text) {
        Err(Fault::Line { line, what }) => (line, what),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn every_published_form_of_text_gives_the_same_answers() {
    let forms = [
        // ip-location-db, addresses and numbers
        "192.0.2.0,192.0.2.127,64496,\"Example, One\"\n2001:db8:1::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,64496,x\n",
        "3221225984,3221226111,64496,\"Example, One\"\n\
         42540766411283801782723599580828532736,42540766411285010708543214210003238911,64496,x\n",
        // iptoasn.com
        "192.0.2.0\t192.0.2.127\t64496\tZZ\tEXAMPLE, One\n2001:db8:1::\t2001:db8:1:ffff:ffff:ffff:ffff:ffff\t64496\tZZ\tx",
        // MaxMind, with names of columns, a byte order mark and Windows's line ends
        "\u{feff}network,autonomous_system_number,autonomous_system_organization\r\n\
         192.0.2.0/25,64496,\"Example \"\"One\"\"\"\r\n2001:db8:1::/48,64496,x\r\n",
        // Quoted, with spaces, remarks and the letters
        "# mine\n\n \"192.0.2.0/25\" , \"AS64496\"\n2001:db8:1::/48, as64496\n",
    ];
    for form in forms {
        let number = look(form);
        assert_eq!([number("192.0.1.255"), number("192.0.2.0")], [None, Some(64496)], "{form}");
        assert_eq!([number("192.0.2.127"), number("192.0.2.128")], [Some(64496), None], "{form}");
        assert_eq!([number("2001:db8:1::"), number("2001:db8:0:ffff::")], [Some(64496), None], "{form}");
        assert_eq!([number("2001:db8:1:ffff::9"), number("2001:db8:2::")], [Some(64496), None], "{form}");
    }
    // Names may hold any bytes.
    let bytes = b"192.0.2.0,192.0.2.127,64496,\xff\xfe caf\xe9\n";
    assert_eq!(text::ranges(bytes, 9).unwrap().len(), 1);
}

#[test]
fn a_line_that_is_no_range_is_named() {
    assert_eq!(line_fault("192.0.2.0/25,64496\nnonsense\n"), (2, LineFault::Shape));
    assert_eq!(line_fault("a,b,c\nd,e,f\n"), (2, LineFault::Shape), "only one line may be names");
    assert_eq!(line_fault("192.0.2.0,192.0.2.9\n192.0.2.0,192.0.2.9\n"), (2, LineFault::Shape));
    assert_eq!(line_fault("192.0.2.9,192.0.2.0,1"), (1, LineFault::Backwards));
    assert_eq!(line_fault("192.0.2.0,2001:db8::,1"), (1, LineFault::Mixed));
    for number in ["-1", "+1", "4294967296", "AS", "", "1.5", "AS AS1", "Example"] {
        assert_eq!(line_fault(&format!("192.0.2.0/25,{number}")), (1, LineFault::Number), "{number}");
    }
    assert_eq!(line_fault("192.0.2.0/25,1\n192.0.2.0/33,1"), (2, LineFault::Shape));
    assert!(matches!(
        text::ranges(b"192.0.2.0/25,1\n192.0.2.0/26,1\n192.0.2.0/27,1", 2),
        Err(Fault::TooMany(2))
    ));
}

proptest! {
    #[test]
    fn any_text_is_ranges_or_a_fault(text in "([0-9a-f:./,\t\"AS\n-]|\\PC){0,80}") {
        drop(of_text(&text));
    }

    #[test]
    fn any_bytes_behind_the_mark_are_a_table_or_a_fault(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200), tail in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        bytes.extend(MMDB_MARK);
        bytes.extend(tail);
        drop(mmdb(&bytes));
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/networks").join(name)
}

#[test]
fn mmdb_files_of_each_maker_are_read() {
    for (name, wide) in [("maxmind-asn", true), ("maxmind-asn-ipv4", false), ("ipinfo-lite", true)] {
        let table = table(&fixture(&format!("{name}.mmdb"))).unwrap();
        let number = |address: &str| table.number(address.parse().unwrap());
        let wide = |number| if wide { Some(number) } else { None };
        assert_eq!(table.about().date, Some(jiff::civil::date(2026, 11, 1)), "{name}");
        assert_eq!([number("192.0.2.0"), number("192.0.2.127")], [Some(64496); 2], "{name}");
        assert_eq!([number("192.0.1.255"), number("192.0.2.128")], [None; 2], "{name}");
        assert_eq!([number("198.51.100.200"), number("203.0.113.31")], [Some(64497), Some(65551)], "{name}");
        assert_eq!(number("::ffff:192.0.2.1"), Some(64496), "{name}");
        assert_eq!(
            [number("2001:db8:1:ff::"), number("2001:db8:2::1")],
            [wide(64496), wide(65551)],
            "{name}"
        );
        assert_eq!([number("2001:db8:2:1::"), number("::192.0.2.1")], [None; 2], "{name}");
    }
    let error = table(&fixture("country.mmdb")).unwrap_err();
    assert!(matches!(&error, Fault::NoNumbers(kind) if kind == "country"), "{error}");
}

#[test]
fn a_damaged_mmdb_is_a_fault_or_a_table_and_nothing_worse() {
    let whole = fs::read(fixture("maxmind-asn.mmdb")).unwrap();
    for length in 0..whole.len() {
        drop(mmdb(&whole[..length]));
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            drop(mmdb(&bytes));
        }
    }
}

#[test]
fn awss_list_is_read_whole_or_not_at_all() {
    let ranges = aws_ranges(
        br#"{"syncToken": "1", "createDate": "2026-11-20-19-33-09",
        "prefixes": [{"ip_prefix": "192.0.2.0/24", "region": "eu-west-1", "service": "EC2"},
                     {"ip_prefix": "192.0.2.0/25", "region": "eu-west-1", "service": "S3"}],
        "ipv6_prefixes": [{"ipv6_prefix": "2001:db8:9::/48", "region": "eu-west-1", "service": "EC2"}]}"#,
    );
    let ranges = ranges.unwrap();
    let has = |text: &str| ranges.contains(text.parse().unwrap());
    assert!(has("192.0.2.200") && has("::ffff:192.0.2.1") && has("2001:db8:9::1"));
    assert!(!has("192.0.3.0") && !has("2001:db8:8::1"));

    let of = |prefix: &str| {
        let text = format!(r#"{{"prefixes": [{{"ip_prefix": "{prefix}"}}], "ipv6_prefixes": []}}"#);
        aws_ranges(text.as_bytes())
    };
    assert!(matches!(of("192.0.2.0"), Err(Fault::Network(_))));
    // One of these would make everyone an AWS address, and hide every call from outside.
    for wide in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/7", "::/0", "2000::/3", "2001::/19"] {
        assert!(matches!(of(wide), Err(Fault::TooWide(_))), "{wide}");
    }
    assert!(matches!(aws_ranges(br#"{"prefixes": [], "ipv6_prefixes": []}"#), Err(Fault::Empty)));
    for text in ["", "{}", "[]", r#"{"prefixes": [{}], "ipv6_prefixes": []}"#, r#"{"prefixes": []}"#] {
        assert!(matches!(aws_ranges(text.as_bytes()), Err(Fault::Json(_))), "{text}");
    }
}
