//! Where the members of `userIdentity` stand that are read, those of the objects in it included.

use super::index::{ROOM, Span, bit};
use super::raw::Raw;

/// An object whose members are read.
struct Object {
    /// Its own place in the one around it; `None`: it is `userIdentity`.
    at: Option<usize>,
    /// The place of its first member, and behind the last of those within it.
    places: (usize, usize),
    keys: &'static [&'static str],
}

/// Each stands before those within it, and so do its members' places. Members in the order in which CloudTrail writes
/// them.
const OBJECTS: [Object; 7] = [
    Object {
        at: None,
        places: (TYPE, PLACES),
        keys: &[
            "type",
            "principalId",
            "arn",
            "accountId",
            "accessKeyId",
            "userName",
            "sessionContext",
            "inScopeOf",
            "invokedBy",
            "identityProvider",
        ],
    },
    Object {
        at: Some(SESSION_CONTEXT),
        places: (ISSUER, SCOPE_ISSUER),
        keys: &[
            "sessionIssuer",
            "webIdFederationData",
            "attributes",
            "ec2RoleDelivery",
            "sourceIdentity",
            "inScopeOf",
        ],
    },
    Object { at: Some(ISSUER), places: (ISSUER_ARN, FEDERATED_PROVIDER), keys: &["arn"] },
    Object { at: Some(WEB_FEDERATION), places: (FEDERATED_PROVIDER, CREATED), keys: &["federatedProvider"] },
    Object {
        at: Some(ATTRIBUTES),
        places: (CREATED, CONTEXT_SCOPE_ISSUER),
        keys: &["creationDate", "mfaAuthenticated"],
    },
    Object { at: Some(CONTEXT_SCOPE), places: (CONTEXT_SCOPE_ISSUER, SCOPE_ISSUER), keys: SCOPE },
    Object { at: Some(IN_SCOPE_OF), places: (SCOPE_ISSUER, PLACES), keys: SCOPE },
];

/// The members of `inScopeOf`, wherever it stands.
const SCOPE: &[&str] = &["issuerType", "credentialsIssuedTo"];

/// The keys of an object's members that are read.
#[cfg(test)]
pub(super) fn keys(object: usize) -> &'static [&'static str] {
    OBJECTS[object].keys
}

/// How many objects there are.
pub(super) const OBJECT_COUNT: usize = OBJECTS.len();

pub(super) const TYPE: usize = 0;
pub(super) const PRINCIPAL_ID: usize = 1;
pub(super) const ARN: usize = 2;
pub(super) const ACCOUNT_ID: usize = 3;
pub(super) const ACCESS_KEY_ID: usize = 4;
pub(super) const USER_NAME: usize = 5;
pub(super) const SESSION_CONTEXT: usize = 6;
pub(super) const IN_SCOPE_OF: usize = 7;
pub(super) const INVOKED_BY: usize = 8;
pub(super) const IDENTITY_PROVIDER: usize = 9;
// Of `sessionContext`.
pub(super) const ISSUER: usize = 10;
pub(super) const WEB_FEDERATION: usize = 11;
pub(super) const ATTRIBUTES: usize = 12;
pub(super) const INSTANCE: usize = 13;
pub(super) const SOURCE_IDENTITY: usize = 14;
pub(super) const CONTEXT_SCOPE: usize = 15;
// Of the objects in it.
pub(super) const ISSUER_ARN: usize = 16;
pub(super) const FEDERATED_PROVIDER: usize = 17;
pub(super) const CREATED: usize = 18;
pub(super) const MFA: usize = 19;
pub(super) const CONTEXT_SCOPE_ISSUER: usize = 20;
pub(super) const CONTEXT_SCOPE_FUNCTION: usize = 21;
// Of `inScopeOf`.
pub(super) const SCOPE_ISSUER: usize = 22;
pub(super) const SCOPE_FUNCTION: usize = 23;
const PLACES: usize = 24;

/// Which object stands at each place.
const OBJECT_AT: [Option<u8>; ROOM] = {
    let mut objects = [None; ROOM];
    let mut object = 0;
    while object < OBJECTS.len() {
        if let Some(at) = OBJECTS[object].at {
            objects[at] = Some(object as u8);
        }
        object += 1;
    }
    objects
};

/// The places of what stands within the object at each place: one bit each.
const WITHIN: [u32; ROOM] = {
    // The last place is of what nobody asks for.
    assert!(PLACES < ROOM);
    let mut within = [0; ROOM];
    let mut object = 0;
    while object < OBJECTS.len() {
        let Object { at, places: (from, to), .. } = OBJECTS[object];
        if let Some(at) = at {
            within[at] = (1 << to) - (1 << from);
        }
        object += 1;
    }
    within
};

/// The object at this place, if there is one whose members are read.
#[inline(always)]
pub(super) fn object_at(place: u8) -> Option<usize> {
    OBJECT_AT[usize::from(place) % ROOM].map(usize::from)
}

/// The place of an object's member whose key, without escapes, ends where this text ends.
pub(super) fn place_of(object: usize, before: &[u8]) -> Option<u8> {
    let Object { places: (first, _), keys, .. } = OBJECTS.get(object)?;
    let is_it =
        |key: &&str| before.strip_suffix(key.as_bytes()).is_some_and(|before| before.ends_with(b"\""));
    keys.iter().position(is_it).and_then(|at| u8::try_from(first + at).ok())
}

/// The members of a caller, and in which text they stand. Of duplicate keys the last counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    text: &'a str,
    members: [Span; ROOM],
    /// Which of them are there: one bit each. The others stand for nothing.
    there: u32,
}

impl<'a> Found<'a> {
    /// None yet.
    pub(super) fn nothing() -> Self {
        Found { text: "", members: [Span::default(); ROOM], there: 0 }
    }

    /// None any more.
    pub(super) fn clear(&mut self) {
        (self.text, self.there) = ("", 0);
    }

    /// In this text they were found.
    pub(super) fn stand_in(&mut self, text: &'a str) {
        self.text = text;
    }

    /// Those of this object.
    pub(super) fn within(object: Raw<'a>) -> Self {
        let mut found = Found { text: object.text(), ..Found::nothing() };
        for Object { at, places: (first, _), keys } in &OBJECTS {
            let Some(object) = at.map_or(Some(object), |at| found.get(at)) else { continue };
            for (at, value) in keys.iter().enumerate().filter_map(|(at, key)| Some((at, object.get(key)?))) {
                let from = (value.text().as_ptr() as usize).wrapping_sub(found.text.as_ptr() as usize);
                let place = u8::try_from(first + at).unwrap_or(u8::MAX);
                found.set(place, Span::new(from, from + value.text().len()));
            }
        }
        found
    }

    /// The value at this place.
    #[inline(always)]
    pub(super) fn get(&self, place: usize) -> Option<Raw<'a>> {
        if self.there >> place & 1 == 1 { self.members.get(place)?.of(self.text) } else { None }
    }

    /// A member stands there, in which nothing is read.
    #[inline(always)]
    pub(super) fn note(&mut self, place: u8, value: Span) {
        self.forget_within(place);
        self.set(place, value);
    }

    /// A member stands there.
    #[inline(always)]
    pub(super) fn set(&mut self, place: u8, value: Span) {
        self.members[usize::from(place) % ROOM] = value;
        self.there |= bit(place);
    }

    /// What was found within another member of the same key counts no more.
    #[inline(always)]
    pub(super) fn forget_within(&mut self, place: u8) {
        self.there &= !WITHIN[usize::from(place) % ROOM];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_of_one_member_and_objects_stand_before_their_members() {
        let mut keys = [0; PLACES];
        for (number, Object { at, places: (first, end), keys: own }) in OBJECTS.iter().enumerate() {
            (*first..first + own.len()).for_each(|place| keys[place] += 1);
            assert!(first + own.len() <= *end);
            let around = OBJECTS[..number].iter().rev().find(|around| {
                at.is_some_and(|at| (around.places.0..around.places.0 + around.keys.len()).contains(&at))
            });
            assert_eq!(around.is_none(), at.is_none());
            let (from, to) = around.map_or((0, PLACES), |around| around.places);
            assert!(from <= *first && *end <= to);
        }
        assert_eq!(keys, [1; PLACES]);
        assert_eq!((place_of(0, b"{\"type"), place_of(4, b"\"mfaAuthenticated")), (Some(0), Some(MFA as u8)));
        assert_eq!((place_of(0, b"{\"subtype"), place_of(1, b"\"type")), (None, None));
    }
}
