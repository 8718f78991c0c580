//! The members of a record that are kept in its index, and how their keys are told.

use crate::short::same;

macro_rules! slots {
    ($($slot:ident = $key:literal),+ $(,)?) => {
        /// The members of a record that are kept in the index.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Slot { $($slot),+ }

        pub(super) const SLOTS: usize = [$(Slot::$slot),+].len();

        const KEYS: [(&str, Slot); SLOTS] = [$(($key, Slot::$slot)),+];
    };
}

/// The last eight bytes of each key, with its opening quote: they tell it from most others, at one glance.
const ENDS: [u64; SLOTS] = {
    let mut ends = [0; SLOTS];
    let mut at = 0;
    while at < SLOTS {
        ends[at] = end_of(KEYS[at].0.as_bytes());
        at += 1;
    }
    ends
};

const fn end_of(key: &[u8]) -> u64 {
    assert!(key.len() >= 7, "a key too short for eight bytes");
    let (mut end, mut at) = (0, 0);
    while at < 8 {
        let byte = if at < key.len() { key[key.len() - 1 - at] } else { b'"' };
        end = end << 8 | byte as u64;
        at += 1;
    }
    end
}

/// How many bits of a hash choose a key's place.
const PLACE_BITS: u32 = 8;

const fn place(end: u64, factor: u64) -> usize {
    (end.wrapping_mul(factor) >> (64 - PLACE_BITS)) as usize
}

/// By which factor the ends of keys are spread over places, none on another's.
const FACTOR: u64 = {
    let mut factor = 0x9e37_79b9_7f4a_7c15_u64;
    while !spreads(factor) {
        factor = factor.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(2) | 1;
    }
    factor
};

const fn spreads(factor: u64) -> bool {
    let mut taken = [0u64; 1 << PLACE_BITS];
    let mut at = 0;
    while at < SLOTS {
        let place = place(ENDS[at], factor);
        if taken[place] != 0 && taken[place] != ENDS[at] {
            return false;
        }
        taken[place] = ENDS[at];
        at += 1;
    }
    true
}

const NONE: u8 = u8::MAX;

/// At the place of each end, the first key that has it.
const PLACES: [u8; 1 << PLACE_BITS] = {
    let mut places = [NONE; 1 << PLACE_BITS];
    let mut at = SLOTS;
    while at > 0 {
        at -= 1;
        places[place(ENDS[at], FACTOR)] = at as u8;
    }
    places
};

/// Behind each key, the next one with the same end.
const NEXT: [u8; SLOTS] = {
    let mut next = [NONE; SLOTS];
    let mut at = 0;
    while at < SLOTS {
        let mut other = at + 1;
        while other < SLOTS && ENDS[other] != ENDS[at] {
            other += 1;
        }
        if other < SLOTS {
            next[at] = other as u8;
        }
        at += 1;
    }
    next
};

/// The member whose key, without escapes, ends where this text ends. Every member of every record passes here.
#[inline]
pub(crate) fn slot_before(before: &[u8]) -> Option<Slot> {
    let end = u64::from_le_bytes(*before.last_chunk::<8>()?);
    let mut at = *PLACES.get(place(end, FACTOR))?;
    loop {
        let (key, slot) = KEYS.get(usize::from(at))?;
        if *ENDS.get(usize::from(at))? != end {
            return None;
        }
        if let Some((rest, last)) = before.split_at_checked(before.len().wrapping_sub(key.len()))
            && rest.last() == Some(&b'"')
            && same(last, key.as_bytes())
        {
            return Some(*slot);
        }
        at = *NEXT.get(usize::from(at))?;
    }
}

impl Slot {
    /// The slot of this number.
    #[inline(always)]
    pub(super) fn at(number: u8) -> Option<Self> {
        KEYS.get(usize::from(number)).map(|(_, slot)| *slot)
    }

    pub(super) fn key(self) -> &'static str {
        KEYS.get(self as usize).map_or("", |(key, _)| key)
    }
}

slots! {
    EventSource = "eventSource",
    EventName = "eventName",
    EventTime = "eventTime",
    EventCategory = "eventCategory",
    AwsRegion = "awsRegion",
    RecipientAccountId = "recipientAccountId",
    ManagementEvent = "managementEvent",
    EventId = "eventID",
    EventType = "eventType",
    UserIdentity = "userIdentity",
    SourceIpAddress = "sourceIPAddress",
    UserAgent = "userAgent",
    ErrorCode = "errorCode",
    ErrorMessage = "errorMessage",
    RequestParameters = "requestParameters",
    ResponseElements = "responseElements",
    AdditionalEventData = "additionalEventData",
    ServiceEventDetails = "serviceEventDetails",
    Resources = "resources",
    RequestId = "requestID",
    SharedEventId = "sharedEventID",
    ReadOnly = "readOnly",
    VpcEndpointId = "vpcEndpointId",
    VpcEndpointAccountId = "vpcEndpointAccountId",
    SessionCredentialFromConsole = "sessionCredentialFromConsole",
    // Not of a record: how the other shapes of files are told apart.
    CloudTrailEvent = "CloudTrailEvent",
    DigestS3Bucket = "digestS3Bucket",
    DigestStartTime = "digestStartTime",
}
