//! Where a call came from, as facts have it: AS number, inside or outside, through whose endpoint, by which program.

use std::borrow::Cow;

use super::{Caller, Reader, reading};
use crate::network::{Address, Place};
use crate::trail::{Field, IdentityKind};
use crate::value::{Reading, Why};

/// The fields about it that `api_call` and `invocation` share.
pub(super) struct Whence {
    pub(super) asn: Reading<i64>,
    pub(super) cloud: Reading<bool>,
    pub(super) outside: Reading<bool>,
    pub(super) command_line: Reading<bool>,
    pub(super) vpc_endpoint_trusted: Reading<bool>,
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn whence(&self, caller: &Caller<'a>) -> Whence {
        let place = match self.record.source_ip_address() {
            Field::Known(text) => Some(self.cx.networks.lookup(&text)),
            Field::Absent | Field::Unread => None,
        };
        Whence {
            asn: of_as(place.as_ref(), |address| address.asn.clone().map(i64::from)),
            cloud: of_as(place.as_ref(), |address| address.cloud.clone()),
            outside: self.outside(caller, place.as_ref()),
            command_line: match reading(self.record.user_agent()) {
                Reading::Known(agent) => Reading::Known(self.cx.lists.is_command_line(&agent)),
                Reading::Absent => Reading::Known(false),
                Reading::Unread(why) => Reading::Unread(why),
            },
            vpc_endpoint_trusted: self.vpc_endpoint_trusted(&caller.account),
        }
    }

    /// A public address, in none of AWS's ranges and none of the configured networks, through no VPC endpoint, and no
    /// service nor on behalf of one. False as soon as one of these is known not to be so, whatever the others are.
    fn outside(&self, caller: &Caller<'a>, place: Option<&Place>) -> Reading<bool> {
        let identity = &caller.identity;
        let endpoint = self.record.vpc_endpoint_id();
        let service = identity.kind == IdentityKind::AwsService;
        if service || identity.invoked_by.known().is_some() || endpoint.known().is_some() {
            return Reading::Known(false);
        }
        let address = match place {
            Some(Place::Service | Place::AwsInternal) => return Reading::Known(false),
            Some(Place::Address(Address { private, own, .. })) if *private || *own => {
                return Reading::Known(false);
            }
            Some(Place::Address(address)) => address,
            Some(Place::Unparsable) | None => return Reading::Unread(Why::NotInRecord),
        };
        match address.aws {
            Reading::Known(true) => Reading::Known(false),
            Reading::Unread(why) => Reading::Unread(why),
            _ if endpoint == Field::Unread || identity.invoked_by == Field::Unread => {
                Reading::Unread(Why::NotInRecord)
            }
            Reading::Known(false) | Reading::Absent => Reading::Known(true),
        }
    }

    /// Is the endpoint's account the caller's, or trusted by it?
    /// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    fn vpc_endpoint_trusted(&self, caller: &Reading<Cow<'a, str>>) -> Reading<bool> {
        match (self.record.vpc_endpoint_id(), self.record.vpc_endpoint_account_id(), caller) {
            (Field::Absent, Field::Absent, _) => Reading::Absent,
            (_, Field::Known(endpoint), Reading::Known(caller)) => {
                let trusted = self.cx.trusts.of(Some(caller)).account(&endpoint, Some(caller));
                Reading::or_unread(trusted, Why::NotCollected)
            }
            _ => Reading::Unread(Why::NotInRecord),
        }
    }
}

/// What is known of the AS. Absent where there can be none: for services and private addresses.
fn of_as<T>(place: Option<&Place>, get: impl Fn(&Address) -> Reading<T>) -> Reading<T> {
    match place {
        Some(Place::Address(address)) => get(address),
        Some(Place::Service | Place::AwsInternal) => Reading::Absent,
        Some(Place::Unparsable) | None => Reading::Unread(Why::NotInRecord),
    }
}
