//! Where a call came from, as facts have it: AS number, inside or outside, through whose endpoint, by which program.

use super::{Reader, reading};
use crate::network::{Address, Place};
use crate::trail::{Field, IdentityKind};
use crate::value::{Reading, Why};

/// Where `sourceIPAddress` lies; `None` where it could not be read.
#[derive(Debug)]
pub(super) struct SourcePlace(Option<Place>);

impl SourcePlace {
    /// What is known of the AS. Absent where there can be none: for services and private addresses.
    fn of_as<T>(&self, get: impl Fn(&Address) -> Reading<T>) -> Reading<T> {
        match &self.0 {
            Some(Place::Address(address)) => get(address),
            Some(Place::Service | Place::AwsInternal) => Reading::Absent,
            Some(Place::Unparsable) | None => Reading::Unread(Why::NotInRecord),
        }
    }

    pub(super) fn asn(&self) -> Reading<i64> {
        self.of_as(|address| address.asn.clone().map(i64::from))
    }

    pub(super) fn cloud(&self) -> Reading<bool> {
        self.of_as(|address| address.cloud.clone())
    }
}

impl Reader<'_, '_> {
    pub(super) fn place(&self) -> &SourcePlace {
        self.asked.place.get_or_init(|| match self.record.source_ip_address() {
            Field::Known(text) => {
                SourcePlace(Some(self.file.recent.borrow_mut().lookup(self.cx.networks, &text)))
            }
            Field::Absent | Field::Unread => SourcePlace(None),
        })
    }

    #[inline(always)]
    pub(super) fn is_command_line(&self) -> Reading<bool> {
        match reading(self.record.user_agent()) {
            Reading::Known(agent) => Reading::Known(self.cx.lists.is_command_line(&agent)),
            Reading::Absent => Reading::Known(false),
            Reading::Unread(why) => Reading::Unread(why),
        }
    }

    /// A public address, in none of AWS's ranges and none of the configured networks, through no VPC endpoint, and no
    /// service nor on behalf of one. False as soon as one of these is known not to be so, whatever the others are.
    #[inline(always)]
    pub(super) fn is_outside(&self) -> Reading<bool> {
        let identity = self.identity();
        let endpoint = self.record.vpc_endpoint_id();
        let service = identity.kind() == IdentityKind::AwsService;
        let invoked_by = identity.invoked_by();
        if service || invoked_by.known().is_some() || endpoint.known().is_some() {
            return Reading::Known(false);
        }
        let address = match &self.place().0 {
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
            _ if endpoint == Field::Unread || invoked_by == Field::Unread => {
                Reading::Unread(Why::NotInRecord)
            }
            Reading::Known(false) | Reading::Absent => Reading::Known(true),
        }
    }

    /// Is the endpoint's account the caller's, or trusted by it?
    /// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    pub(super) fn endpoint_trusted(&self) -> Reading<bool> {
        let (id, account) = (self.record.vpc_endpoint_id(), self.record.vpc_endpoint_account_id());
        if (&id, &account) == (&Field::Absent, &Field::Absent) {
            return Reading::Absent;
        }
        match (account, self.account_of_caller()) {
            (Field::Known(endpoint), Reading::Known(caller)) => {
                let trusted = self.cx.trusts.of(Some(&caller)).account(&endpoint, Some(&caller));
                Reading::or_unread(trusted, Why::NotCollected)
            }
            _ => Reading::Unread(Why::NotInRecord),
        }
    }
}
