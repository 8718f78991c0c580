//! Looking an address up in the built-in table: nanoseconds for a text, against a limit.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and fails by panicking"
)]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Instant;

use lambda_audit::network::{Place, load};

const LOOKUPS: u32 = 1_000_000;
/// Nanoseconds a lookup, parsing included.
const LIMIT: u128 = 1_000;

fn main() -> ExitCode {
    let begun = Instant::now();
    let networks = load::networks(&load::Files::default(), &[]).unwrap();
    assert_ne!(networks.lookup("1.1.1.1"), Place::Unparsable);
    println!("lists read and a first address looked up in {:?}", begun.elapsed());
    let mut seed = 1u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed
    };
    let v4: Vec<String> = (0..LOOKUPS).map(|_| Ipv4Addr::from((next() >> 32) as u32).to_string()).collect();
    let v6: Vec<String> = (0..LOOKUPS)
        .map(|_| {
            let wide = (0x2001_u128 << 112) | (u128::from(next()) << 48) | u128::from(next() >> 16);
            Ipv6Addr::from(wide).to_string()
        })
        .collect();
    let mut within = true;
    for (family, texts) in [("IPv4", v4), ("IPv6", v6)] {
        let begun = Instant::now();
        let known = texts.iter().filter(|text| networks.lookup(text) != Place::Unparsable).count();
        let each = begun.elapsed().as_nanos() / u128::from(LOOKUPS);
        println!("{family}: {each} ns a lookup ({known} addresses); limit {LIMIT} ns");
        within &= each <= LIMIT;
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
