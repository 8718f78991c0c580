use super::table::Ranges;
use super::*;

fn table() -> Arc<Table> {
    let mut ranges = Ranges::default();
    let rows = [
        ("192.0.2.0/25", 64496),
        // Of AWS, by its AS number.
        ("198.51.100.0/24", 16509),
        ("203.0.113.0/24", 8075),
        ("2001:db8:1::/48", 64496),
        ("2001:db8:2::/64", 14618),
    ];
    for (network, number) in rows {
        ranges.add(network.parse().unwrap(), number);
    }
    Arc::new(Table::of(About { origin: Origin::BuiltIn, date: None }, ranges))
}

fn own() -> Vec<IpNet> {
    ["192.0.2.64/26", "2001:db8:1:5::/64", "10.9.0.0/16"].map(|text| text.parse().unwrap()).to_vec()
}

fn networks() -> Networks {
    Networks::new(table(), None, &own()).unwrap()
}

fn address(networks: &Networks, text: &str) -> Address {
    match networks.lookup(text) {
        Place::Address(address) => address,
        other => panic!("{text} is {other:?}"),
    }
}

const UNREAD: Why = Why::NotCollected;

#[test]
fn an_address_has_its_as_and_whose_it_is() {
    let networks = networks();
    let of = |text| {
        let found = address(&networks, text);
        (found.asn, found.aws, found.cloud, found.own)
    };
    use Reading::{Known, Unread};
    assert_eq!(of("192.0.2.1"), (Known(64496), Known(false), Known(false), false));
    assert_eq!(of("192.0.2.100"), (Known(64496), Known(false), Known(false), true));
    assert_eq!(of("198.51.100.255"), (Known(16509), Known(true), Known(true), false));
    assert_eq!(of("203.0.113.0"), (Known(8075), Known(false), Known(true), false));
    assert_eq!(of("2001:db8:1:5::1"), (Known(64496), Known(false), Known(false), true));
    assert_eq!(of("2001:DB8:2::ffff"), (Known(14618), Known(true), Known(true), false));
    // What the table does not list is not AWS's, and its AS is not known.
    assert_eq!(of("192.0.2.128"), (Unread(UNREAD), Known(false), Unread(UNREAD), false));
    assert_eq!(of("2001:db8:2:1::"), (Unread(UNREAD), Known(false), Unread(UNREAD), false));
    // IPv4 in the form of IPv6 is IPv4.
    let mapped = address(&networks, "::ffff:192.0.2.100");
    assert_eq!((mapped.ip.to_string(), mapped.own), ("192.0.2.100".to_owned(), true));
}

#[test]
fn private_addresses_have_no_as_and_may_be_ones_own() {
    let networks = networks();
    let private = [
        "10.0.0.1",
        "10.9.255.255",
        "127.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.1.1",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "::ffff:10.0.0.1",
    ];
    for text in private {
        let found = address(&networks, text);
        assert!(found.private, "{text}");
        assert_eq!((found.asn, found.aws), (Reading::Absent, Reading::Known(false)), "{text}");
        assert_eq!(found.own, text.starts_with("10.9."), "{text}");
    }
    // Their neighbours, and what is reserved for documentation, are public.
    let public = [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "192.0.2.200",
        "2001:db8::1",
        "::2",
        "fbff::1",
        "fe00::1",
        "64:ff9b::1",
    ];
    for text in public {
        let found = address(&networks, text);
        assert!(!found.private && found.aws == Reading::Known(false), "{text}");
    }
}

#[test]
fn services_are_named_and_everything_else_is_not_understood() {
    let networks = networks();
    for text in ["lambda.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn", "ec2-frontend_api.amazonaws.com"] {
        assert_eq!(networks.lookup(text), Place::Service, "{text}");
    }
    assert_eq!(networks.lookup("AWS Internal"), Place::AwsInternal);
    let strange = [
        "",
        " ",
        "AWS internal",
        "192.0.2.1:443",
        "192.0.2.1, 10.0.0.1",
        "192.0.2.256",
        "192.0.2.1/32",
        "[2001:db8::1]",
        "fe80::1%eth0",
        "010.0.0.1",
        "1.2.3",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "ff02::1",
        ".amazonaws.com",
        "x amazonaws.com",
        "evil.example/.amazonaws.com",
        "192.0.2.1\n",
        "amazonaws.com",
        "lambda.amazonaws.com.example.org",
        "HIDDEN_DUE_TO_SECURITY_REASONS",
        "\u{0}",
        "١٩٢.0.2.1",
    ];
    for text in strange {
        assert_eq!(networks.lookup(text), Place::Unparsable, "{text:?}");
    }
}

#[test]
fn awss_own_list_goes_before_as_numbers() {
    let list = br#"{"createDate": "2026-11-20-19-33-09",
        "prefixes": [{"ip_prefix": "192.0.2.0/28", "service": "AMAZON"}], "ipv6_prefixes": []}"#;
    let ranges = Arc::new(load::aws_ranges(list).unwrap());
    let networks = Networks::new(table(), Some(ranges), &[]).unwrap();
    let aws = |text| address(&networks, text).aws;
    assert_eq!(aws("192.0.2.15"), Reading::Known(true));
    assert_eq!(aws("192.0.2.16"), Reading::Known(false));
    assert_eq!(aws("198.51.100.1"), Reading::Known(false), "its AS is AWS's, the list does not have it");
    assert_eq!(networks.aws_ranges().unwrap().date(), Some(jiff::civil::date(2026, 11, 20)));
}

#[test]
fn without_a_table_nothing_is_guessed() {
    let networks = Networks::unread(&own());
    let found = address(&networks, "198.51.100.7");
    assert_eq!((found.asn, found.aws), (Reading::Unread(UNREAD), Reading::Unread(UNREAD)));
    assert_eq!(found.cloud, Reading::Unread(UNREAD));
    assert!(address(&networks, "192.0.2.77").own);
    assert!(networks.table().is_none());
}

/// The table that ships. Whose these addresses are changes so seldom that a new table that says something else is wrong.
#[test]
fn the_built_in_table_knows_well_known_addresses() {
    let networks = load::networks(&load::Files::default(), &[]).unwrap();
    let of = |text| {
        let found = address(&networks, text);
        (found.asn.known().copied(), found.aws)
    };
    assert_eq!(of("8.8.8.8"), (Some(15169), Reading::Known(false)));
    assert_eq!(of("2001:4860:4860::8888"), (Some(15169), Reading::Known(false)));
    assert_eq!(of("1.1.1.1"), (Some(13335), Reading::Known(false)));
    assert_eq!(of("3.5.140.1"), (Some(16509), Reading::Known(true)));
    assert_eq!(of("2a05:d018::1"), (Some(16509), Reading::Known(true)));
    assert_eq!(of("2d00::1"), (None, Reading::Known(false)), "nobody's");
    assert_eq!(of("203.0.113.5"), (Some(64498), Reading::Known(false)), "of examples");
    assert_eq!(of("2001:db8::5"), (Some(64499), Reading::Known(false)));
    let about = networks.table().unwrap();
    assert_eq!(about.origin, Origin::BuiltIn);
    assert!(about.date.is_some_and(|date| date >= jiff::civil::date(2026, 6, 17)));
    // Everything AWS's is a cloud's.
    let aws = listed("aws-asns.toml", include_str!("../../data/aws-asns.toml")).unwrap();
    assert!(aws.is_subset(&networks.clouds) && aws.len() >= 4);
}
