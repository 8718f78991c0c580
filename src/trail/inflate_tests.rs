use std::io::Write;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn run(bytes: &[u8], limit: usize) -> (Vec<u8>, Inflated) {
    let mut buffer = Vec::new();
    let out = inflate(bytes, limit, &mut buffer, &mut Decompressor::new());
    assert!(buffer.len() <= limit.max(1));
    (buffer[..out.len].to_vec(), out)
}

/// Bytes that do not compress, the same in every run.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn both_ways_give_the_same_for_any_size() {
    for size in [0, 1, 7, FIRST_GUESS - 1, FIRST_GUESS, FIRST_GUESS + 1, 1 << 20] {
        for plain in [noise(size), vec![b'a'; size]] {
            let packed = gzip(&plain);
            let (text, out) = run(&packed, 2 << 20);
            assert!(text == plain && out.faults.is_empty(), "{size}");
            let mut buffer = Vec::new();
            let slow = members(&packed, 2 << 20, &mut buffer);
            assert!(buffer[..slow.len] == plain && slow.faults.is_empty(), "{size}");
        }
    }
}

#[test]
fn a_member_like_the_first_at_the_end_does_not_hide_the_one_between() {
    let (text, out) = run(&[gzip(b"same"), gzip(b"other"), gzip(b"same")].concat(), 1 << 20);
    assert_eq!(text, b"sameothersame");
    assert!(out.faults.is_empty());
}

#[test]
fn nothing_hides_behind_the_length_of_a_member() {
    let [one, padding] = [gzip(b"same"), vec![0; 512]];
    let (text, out) = run(&[&one[..], &padding, &one].concat(), 1 << 20);
    assert_eq!((text.as_slice(), out.faults.len()), (&b"samesame"[..], 1), "what is between is named");
    let (text, out) = run(&[&one[..], &padding].concat(), 1 << 20);
    assert_eq!((text.as_slice(), out.faults.len()), (&b"same"[..], 0));
    let length = 4u32.to_le_bytes();
    let (text, out) = run(&[&one[..], b"no member", &length].concat(), 1 << 20);
    assert_eq!(text, b"same");
    assert_eq!(out.faults, [Fault::file(one.len() as u64, FaultKind::GzipTrailing)]);
}

#[test]
fn exactly_the_limit_is_read_and_one_byte_more_is_a_fault_there() {
    for plain in [vec![b'x'; 100_000], noise(100_000)] {
        let (text, out) = run(&gzip(&plain), 100_000);
        assert!(text == plain && out.faults.is_empty());
        let (text, out) = run(&gzip(&plain), 99_999);
        assert_eq!(text, plain[..99_999]);
        let kind = FaultKind::TooLarge { limit: 99_999 };
        assert_eq!(out.faults, [Fault { offset: 99_999, stream: Stream::Text, kind }]);
    }
}

#[test]
fn what_stands_before_a_cut_is_kept() {
    let plain = noise(200_000);
    let packed = gzip(&plain);
    for cut in [1, 4, 8, 9, 1_000, 100_000] {
        let (text, out) = run(&packed[..packed.len() - cut], 1 << 20);
        assert_eq!(text, plain[..text.len()]);
        // Noise is stored in blocks of up to 64 KiB, which come out whole or not at all.
        assert!(text.len() + cut + (64 << 10) > plain.len(), "{cut}: only {} bytes", text.len());
        assert_eq!(out.faults.len(), 1, "{cut}");
        assert_eq!(out.faults[0].kind, FaultKind::GzipTruncated, "{cut}");
        assert!(out.faults[0].offset <= (packed.len() - cut) as u64 && out.faults[0].stream == Stream::File);
    }
    assert_eq!(run(&packed[..5], 1 << 20).1.faults[0].kind, FaultKind::GzipTruncated);
}

#[test]
fn members_behind_a_damaged_one_are_still_read() {
    let (first, second, third) = (noise(5_000), noise(9_000), b"third".to_vec());
    let mut packed = [gzip(&first), gzip(&second), gzip(&third)].concat();
    let at = gzip(&first).len() + 4_000;
    packed[at..at + 64].fill(0xaa);
    let (text, out) = run(&packed, 1 << 20);
    assert_eq!(text[..first.len()], first);
    assert!(text.ends_with(b"third"));
    assert_eq!(out.faults.len(), 1);
    assert_eq!(out.faults[0].kind, FaultKind::GzipCorrupt);
    assert_eq!(out.breaks, [text.len() - 5]);
}

#[test]
fn what_follows_the_data_is_named_by_its_offset() {
    let packed = gzip(b"data");
    let (text, out) = run(&[packed.clone(), b"garbage".to_vec()].concat(), 1 << 20);
    assert_eq!(text, b"data");
    assert_eq!(out.faults, [Fault::file(packed.len() as u64, FaultKind::GzipTrailing)]);
    let (text, out) = run(&[packed.clone(), b"garbage".to_vec(), gzip(b"more")].concat(), 1 << 20);
    assert_eq!((text.as_slice(), out.faults.len()), (b"datamore".as_slice(), 1));
    let (_, out) = run(&[packed, vec![0; 100]].concat(), 1 << 20);
    assert!(out.faults.is_empty());
}
