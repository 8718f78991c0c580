//! Sets of addresses, and whether they are bounded.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses as sorted, disjoint, inclusive ranges per family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IpSet {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

const V4_END: u128 = u32::MAX as u128;

/// Ranges that never reach AWS over the internet, so `aws:SourceIp` never has them: inside a VPC the key is missing.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip>
const PRIVATE_V4: &[(u32, u32)] = &[
    (0x0a00_0000, 0x0aff_ffff), // 10.0.0.0/8
    (0x7f00_0000, 0x7fff_ffff), // 127.0.0.0/8
    (0xa9fe_0000, 0xa9fe_ffff), // 169.254.0.0/16
    (0xac10_0000, 0xac1f_ffff), // 172.16.0.0/12
    (0xc0a8_0000, 0xc0a8_ffff), // 192.168.0.0/16
];
const PRIVATE_V6: &[(u128, u128)] = &[
    (1, 1),
    (0xfc00 << 112, (0xfe00 << 112) - 1), // fc00::/7
    (0xfe80 << 112, (0xfec0 << 112) - 1), // fe80::/10
];

impl IpSet {
    /// Every address that can reach AWS over the internet.
    pub(super) fn internet() -> Self {
        let v4: Vec<_> = PRIVATE_V4.iter().map(|&(a, b)| (u128::from(a), u128::from(b))).collect();
        Self { v4: minus(&[(0, V4_END)], &v4), v6: minus(&[(0, u128::MAX)], PRIVATE_V6) }
    }

    /// Addresses and networks; `None` if one of them is neither. IPv4 addresses written as IPv6 (`::ffff:0:0/96`) are
    /// not taken: whether AWS compares them as the one or the other is not documented.
    pub(super) fn of(values: &[Cow<'_, str>]) -> Option<Self> {
        let mut set = Self { v4: Vec::new(), v6: Vec::new() };
        for value in values {
            let net = match value.parse::<IpNet>() {
                Ok(net) => net,
                Err(_) => IpNet::from(value.parse::<IpAddr>().ok()?),
            };
            match net {
                IpNet::V4(net) => {
                    set.v4.push((u32::from(net.network()).into(), u32::from(net.broadcast()).into()));
                }
                IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some() => return None,
                IpNet::V6(net) => set.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        set.v4 = merged(set.v4);
        set.v6 = merged(set.v6);
        Some(set)
    }

    /// Single addresses only, as a string comparison sees them.
    pub(super) fn of_addresses(values: &[Cow<'_, str>]) -> Option<Self> {
        if values.iter().any(|value| value.parse::<IpAddr>().is_err()) {
            return None;
        }
        Self::of(values)
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        let whole_v4 = &[(0, V4_END)];
        let whole_v6 = &[(0, u128::MAX)];
        Self {
            v4: minus(&self.v4, &minus(whole_v4, &other.v4)),
            v6: minus(&self.v6, &minus(whole_v6, &other.v6)),
        }
    }

    pub(super) fn subtract(&self, other: &Self) -> Self {
        Self { v4: minus(&self.v4, &other.v4), v6: minus(&self.v6, &other.v6) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many ranges: the cost of working with the set.
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// No network in it is wider than /8 (IPv4) or /32 (IPv6), neighbours merged.
    pub(super) fn is_bounded(&self) -> bool {
        let wider = |ranges: &[(u128, u128)], size: u128| {
            ranges.iter().any(|&(start, end)| match start.checked_next_multiple_of(size) {
                Some(aligned) => aligned.checked_add(size - 1).is_some_and(|last| last <= end),
                None => false,
            })
        };
        !wider(&self.v4, 1 << 25) && !wider(&self.v6, 1 << 97)
    }
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut out: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match out.last_mut() {
            Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
            _ => out.push((start, end)),
        }
    }
    out
}

/// Both sorted and disjoint.
fn minus(from: &[(u128, u128)], what: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut out = Vec::with_capacity(from.len() + what.len());
    let mut first = 0;
    for &(start, end) in from {
        let mut next = Some(start);
        while what.get(first).is_some_and(|range| range.1 < start) {
            first += 1;
        }
        for &(cut_start, cut_end) in &what[first..] {
            let Some(at) = next else { break };
            if cut_start > end {
                break;
            }
            if cut_start > at {
                out.push((at, cut_start - 1));
            }
            next = cut_end.max(at.saturating_sub(1)).checked_add(1);
        }
        if let Some(at) = next.filter(|&at| at <= end) {
            out.push((at, end));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(list: &[&'static str]) -> IpSet {
        IpSet::of(&list.iter().map(|&text| Cow::Borrowed(text)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn neighbours_merge_before_the_bound_is_asked() {
        assert!(set(&["203.0.113.0/24", "8.0.0.0/8", "2001:db8::/32"]).is_bounded());
        assert!(!set(&["0.0.0.0/1", "128.0.0.0/1"]).is_bounded());
        assert!(!set(&["2.0.0.0/8", "3.0.0.0/8"]).is_bounded());
        assert!(set(&["3.0.0.0/8", "5.0.0.0/8"]).is_bounded());
        assert!(!set(&["::/0"]).is_bounded() && !set(&["2001:db8::/31"]).is_bounded());
        assert!(!set(&["0.0.0.0/0"]).is_bounded());
    }

    #[test]
    fn private_networks_are_nowhere_on_the_internet() {
        assert!(IpSet::internet().intersect(&set(&["10.1.0.0/16", "192.168.0.0/16", "fd00::/8"])).is_empty());
        assert!(!IpSet::internet().intersect(&set(&["172.0.0.0/8"])).is_empty());
        assert!(!IpSet::internet().is_bounded());
    }

    #[test]
    fn subtraction_and_intersection_keep_edges() {
        let a = set(&["203.0.113.0/24"]);
        assert!(a.subtract(&set(&["0.0.0.0/0"])).is_empty());
        assert_eq!(a.subtract(&set(&["203.0.113.0/25"])), set(&["203.0.113.128/25"]));
        assert_eq!(a.intersect(&set(&["203.0.113.7/32", "198.51.100.0/24"])), set(&["203.0.113.7"]));
        assert!(set(&["255.255.255.255/32"]).subtract(&set(&["255.255.255.255/32"])).is_empty());
        assert!(IpSet::of(&[Cow::Borrowed("203.0.113.0/40")]).is_none());
    }
}
