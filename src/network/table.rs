//! Ranges of addresses: with AS numbers ([`Table`]), and as plain sets ([`Networks`](super::Networks) has two). Sorted
//! boundaries, searched by halving.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::Date;

/// The addresses of one family, as numbers.
pub(super) trait Key: Copy + Ord {
    /// The address behind this one, if there is one.
    fn next(self) -> Option<Self>;
    /// How far it is from an address before it.
    fn beyond(self, other: Self) -> Self;
}

impl Key for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn beyond(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl Key for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn beyond(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// Addresses from `first` to `last`, both included, that one AS announces. AS 0 stands for none (RFC 7607).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range<K> {
    pub(super) first: K,
    pub(super) last: K,
    pub(super) number: u32,
}

/// Ranges as a file has them: in any order, and they may overlap.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    pub(super) v4: Vec<Range<u32>>,
    pub(super) v6: Vec<Range<u128>>,
}

impl Ranges {
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub(super) fn add(&mut self, network: IpNet, number: u32) {
        match network {
            IpNet::V4(network) => {
                let (first, last) = (network.network().into(), network.broadcast().into());
                self.v4.push(Range { first, last, number });
            }
            IpNet::V6(network) => {
                let (first, last) = (network.network().into(), network.broadcast().into());
                self.v6.push(Range { first, last, number });
            }
        }
    }
}

/// One family. Each boundary begins what its number holds for, up to the next; before the first there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family<K> {
    starts: Vec<K>,
    numbers: Vec<u32>,
}

impl<K: Key> Family<K> {
    fn of(mut ranges: Vec<Range<K>>) -> Self {
        ranges.sort_unstable();
        ranges.dedup();
        let mut family = Family { starts: Vec::new(), numbers: Vec::new() };
        if ranges.windows(2).any(|pair| matches!(pair, [one, next] if one.last >= next.first)) {
            family.narrowest(&ranges);
        } else {
            family.disjoint(&ranges);
        }
        family.starts.shrink_to_fit();
        family.numbers.shrink_to_fit();
        family
    }

    /// Sorted ranges of which none overlap.
    fn disjoint(&mut self, ranges: &[Range<K>]) {
        let mut free = None;
        for range in ranges {
            if let Some(free) = free.filter(|free| *free < range.first) {
                self.push(free, 0);
            }
            self.push(range.first, range.number);
            free = range.last.next();
        }
        if let Some(free) = free {
            self.push(free, 0);
        }
    }

    /// Sorted ranges. Where several hold an address the narrowest decides, as the longest prefix does in routing. Where
    /// the narrowest are equally narrow and disagree, neither is known to be right: no number.
    fn narrowest(&mut self, ranges: &[Range<K>]) {
        let mut ends = ranges.to_vec();
        ends.sort_unstable_by_key(|range| range.last);
        let behind = ranges.iter().filter_map(|range| range.last.next());
        let mut points: Vec<K> = ranges.iter().map(|range| range.first).chain(behind).collect();
        points.sort_unstable();
        points.dedup();

        let key = |range: &Range<K>| (range.last.beyond(range.first), range.number, range.first);
        let (mut begun, mut ended) = (ranges.iter().peekable(), ends.iter().peekable());
        let mut here = BTreeSet::new();
        for point in points {
            while let Some(range) = ended.next_if(|range| range.last < point) {
                here.remove(&key(range));
            }
            while let Some(range) = begun.next_if(|range| range.first <= point) {
                here.insert(key(range));
            }
            let number = here.first().map_or(0, |&(width, number, _)| {
                // In order of number, so that all of this width agree if the last of them does.
                let last = here.range(..=(width, u32::MAX, point)).next_back();
                if last.is_some_and(|last| last.1 == number) { number } else { 0 }
            });
            self.push(point, number);
        }
    }

    fn push(&mut self, start: K, number: u32) {
        if self.numbers.last() != Some(&number) {
            self.starts.push(start);
            self.numbers.push(number);
        }
    }

    fn get(&self, address: K) -> Option<u32> {
        let at = self.starts.partition_point(|start| *start <= address).checked_sub(1)?;
        self.numbers.get(at).copied().filter(|number| *number != 0)
    }
}

/// Which AS announces an address, as a file had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    about: About,
    v4: Family<u32>,
    v6: Family<u128>,
}

/// Where a table came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub origin: Origin,
    /// The day it was made, if it says so.
    pub date: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The one that the program carries.
    BuiltIn,
    /// A file, by the path it was given.
    File(String),
}

impl Table {
    pub(super) fn of(about: About, ranges: Ranges) -> Self {
        Table { about, v4: Family::of(ranges.v4), v6: Family::of(ranges.v6) }
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// The AS that announces the address; `None`: the table does not list it. An IPv4 address in the form of an IPv6
    /// one (`::ffff:192.0.2.1`) is looked up as what it is.
    pub fn number(&self, address: IpAddr) -> Option<u32> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.into()),
            IpAddr::V6(address) => self.v6.get(address.into()),
        }
    }
}

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    v4: Family<u32>,
    v6: Family<u128>,
}

impl Set {
    pub(super) fn of(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut ranges = Ranges::default();
        for network in networks {
            ranges.add(network, 1);
        }
        Set { v4: Family::of(ranges.v4), v6: Family::of(ranges.v6) }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.into()).is_some(),
            IpAddr::V6(address) => self.v6.get(address.into()).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The narrowest range that has the address, from the definition.
    fn plain(ranges: &[Range<u32>], address: u32) -> Option<u32> {
        let holding = || ranges.iter().filter(|range| (range.first..=range.last).contains(&address));
        let width = holding().map(|range| range.last - range.first).min()?;
        let numbers: BTreeSet<u32> =
            holding().filter(|range| range.last - range.first == width).map(|range| range.number).collect();
        match numbers.into_iter().collect::<Vec<_>>()[..] {
            [number] if number != 0 => Some(number),
            _ => None,
        }
    }

    fn any_range() -> impl Strategy<Value = Range<u32>> {
        let small = (0u32..64, 0u32..24, 0u32..4);
        small.prop_map(|(first, width, number)| Range { first, last: first + width, number })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn halving_agrees_with_trying_every_range(ranges in prop::collection::vec(any_range(), 0..16)) {
            // At both ends of the space, where there is no address before or behind.
            for shift in [0, u32::MAX - 87] {
                let moved: Vec<Range<u32>> = ranges
                    .iter()
                    .map(|one| Range { first: one.first + shift, last: one.last + shift, ..*one })
                    .collect();
                let family = Family::of(moved.clone());
                for at in 0..=87 {
                    prop_assert_eq!(family.get(shift + at), plain(&moved, shift + at), "address {}", at);
                }
                prop_assert!(family.starts.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }

        #[test]
        fn wide_addresses_are_searched_like_narrow_ones(
            ranges in prop::collection::vec(any_range(), 0..12), low in 0u32..96,
        ) {
            // The same ranges as IPv6 networks of /64, and as IPv4 addresses.
            let wide = ranges.iter().map(|one| Range {
                first: u128::from(one.first) << 64,
                last: (u128::from(one.last) << 64) | u128::from(u64::MAX),
                number: one.number,
            });
            let wide = Family::of(wide.collect());
            for inside in [0, 77, u64::MAX] {
                let address = (u128::from(low) << 64) | u128::from(inside);
                prop_assert_eq!(wide.get(address), plain(&ranges, low));
            }
        }
    }

    #[test]
    fn the_whole_space_and_nothing_are_ranges_too() {
        let all = Range { first: 0, last: u32::MAX, number: 7 };
        let family = Family::of(vec![all]);
        assert_eq!((family.get(0), family.get(u32::MAX)), (Some(7), Some(7)));
        let family = Family::<u128>::of(Vec::new());
        assert_eq!(family.get(0), None);
        // A hole of AS 0 in it is a hole.
        let hole = Range { first: 5, last: 6, number: 0 };
        let family = Family::of(vec![all, hole]);
        assert_eq!([4, 5, 6, 7].map(|at| family.get(at)), [Some(7), None, None, Some(7)]);
    }

    #[test]
    fn a_set_has_the_networks_it_was_made_of() {
        let networks = ["203.0.113.0/25", "203.0.113.64/26", "2001:db8:10::/48"];
        let set = Set::of(networks.iter().map(|text| text.parse().unwrap()));
        for inside in ["203.0.113.0", "203.0.113.127", "::ffff:203.0.113.5", "2001:db8:10:ffff::1"] {
            assert!(set.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["203.0.113.128", "203.0.112.255", "2001:db8:11::", "::203.0.113.5"] {
            assert!(!set.contains(outside.parse().unwrap()), "{outside}");
        }
    }
}
