//! What was read of trails and event data stores, put together by ARN from parts in any order.
//!
//! A trail shows in many regions and accounts and is one trail. An answer beats a refusal; two answers that contradict
//! each other (the trail was changed while it was being read) leave the value unread.

use std::collections::{BTreeMap, BTreeSet};

use super::loss::RecorderState;
use super::management;
use super::selector::Compiled;
use super::solve::Solver;
use crate::snapshot::api;
use crate::value::{Reading, Why};

/// A value that several parts may give. Merging is commutative, associative and idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Slot<T> {
    #[default]
    Never,
    Unread(Why),
    Known(T),
    Contradiction,
}

impl<T: PartialEq> Slot<T> {
    fn merge(&mut self, other: Slot<T>) {
        let merged = match (std::mem::take(self), other) {
            (Slot::Contradiction, _) | (_, Slot::Contradiction) => Slot::Contradiction,
            (Slot::Known(a), Slot::Known(b)) if a != b => Slot::Contradiction,
            (Slot::Known(value), _) | (_, Slot::Known(value)) => Slot::Known(value),
            (Slot::Unread(a), Slot::Unread(b)) => Slot::Unread(a.min(b)),
            (Slot::Unread(why), Slot::Never) | (Slot::Never, Slot::Unread(why)) => Slot::Unread(why),
            (Slot::Never, Slot::Never) => Slot::Never,
        };
        *self = merged;
    }

    /// What AWS left out is not merged: another part may say it.
    fn merge_some(&mut self, value: Option<T>) {
        if let Some(value) = value {
            self.merge(Slot::Known(value));
        }
    }
}

impl<T> Slot<T> {
    pub(super) fn get(&self) -> Result<&T, Why> {
        match self {
            Slot::Never => Err(Why::NotCollected),
            Slot::Unread(why) => Err(*why),
            Slot::Known(value) => Ok(value),
            Slot::Contradiction => Err(Why::Malformed),
        }
    }
}

impl<T: Clone> Slot<T> {
    fn reading(&self) -> Reading<T> {
        match self.get() {
            Ok(value) => Reading::Known(value.clone()),
            Err(why) => Reading::Unread(why),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Trail,
    EventDataStore,
}

/// The selectors as AWS gave them. Advanced ones, where there are any, replace basic ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) basic: Vec<Basic>,
    pub(super) advanced: Vec<Advanced>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) read_write: Option<String>,
    pub(super) management: Option<bool>,
    /// Resource types with their values.
    pub(super) resources: Vec<(Option<String>, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advanced {
    pub(super) name: Option<String>,
    pub(super) fields: Vec<api::FieldSelector>,
}

impl Selectors {
    /// `None`: neither kind of selectors is there, which no answer of AWS's is.
    pub(super) fn of(selectors: &api::EventSelectors) -> Option<Self> {
        if selectors.event_selectors.is_none() && selectors.advanced_event_selectors.is_none() {
            return None;
        }
        let basic = |selector: &api::EventSelector| Basic {
            read_write: selector.read_write_type.clone(),
            management: selector.include_management_events,
            resources: selector
                .data_resources
                .iter()
                .flatten()
                .map(|resource| (resource.kind.clone(), resource.values.clone().unwrap_or_default()))
                .collect(),
        };
        Some(Selectors {
            basic: selectors.event_selectors.iter().flatten().map(basic).collect(),
            advanced: Advanced::all(selectors.advanced_event_selectors.as_deref().unwrap_or_default()),
        })
    }

    fn api(&self) -> api::EventSelectors {
        let basic = self.basic.iter().map(|one| api::EventSelector {
            read_write_type: one.read_write.clone(),
            include_management_events: one.management,
            data_resources: Some(
                one.resources
                    .iter()
                    .map(|(kind, values)| api::DataResource {
                        kind: kind.clone(),
                        values: Some(values.clone()),
                    })
                    .collect(),
            ),
        });
        let advanced = self.advanced.iter().map(|one| api::AdvancedEventSelector {
            name: one.name.clone(),
            field_selectors: one.fields.clone(),
        });
        api::EventSelectors {
            event_selectors: Some(basic.collect()),
            advanced_event_selectors: Some(advanced.collect()),
        }
    }
}

/// Selectors in one form for all answers and records that say the same; `None`: neither kind of selectors is there.
pub fn normal(selectors: &api::EventSelectors) -> Option<api::EventSelectors> {
    Some(Selectors::of(selectors)?.api())
}

impl Advanced {
    fn all(selectors: &[api::AdvancedEventSelector]) -> Vec<Self> {
        let one = |selector: &api::AdvancedEventSelector| Advanced {
            name: selector.name.clone(),
            fields: selector.field_selectors.clone(),
        };
        selectors.iter().map(one).collect()
    }
}

/// Whether a recorder is at work in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// `None`: the answer does not say.
    pub(super) logging: Option<bool>,
    pub(super) delivery_error: Option<String>,
    /// The word of an event data store that is not enabled.
    pub(super) word: Option<String>,
}

/// A trail or event data store.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    pub(super) kind: Kind,
    pub(super) name: Slot<String>,
    /// From the ARN; `None` if it is not an ARN.
    pub(super) account: Option<String>,
    pub(super) partition: String,
    pub(super) home: Slot<String>,
    pub(super) multi_region: Slot<bool>,
    pub(super) organization: Slot<bool>,
    validation: Slot<bool>,
    pub(super) selectors: Slot<Selectors>,
    /// By region that was asked; an event data store has one, under its home region.
    pub(super) status: BTreeMap<String, Slot<Status>>,
}

impl Recorder {
    /// `arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME` or `…:eventdatastore/ID`.
    fn new(arn: &str, kind: Kind) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (partition, region, account) = match parts[..] {
            ["arn", partition, "cloudtrail", region, account, _] => (partition, region, account),
            _ => ("", "", ""),
        };
        let mut home = Slot::Never;
        home.merge_some((!region.is_empty()).then(|| region.to_owned()));
        Recorder {
            kind,
            name: Slot::Never,
            account: (!account.is_empty()).then(|| account.to_owned()),
            partition: partition.to_owned(),
            home,
            multi_region: Slot::Never,
            organization: Slot::Never,
            validation: Slot::Never,
            selectors: Slot::Never,
            status: BTreeMap::new(),
        }
    }

    /// The status that holds in a region: its own where it was asked for; else the home region's, where a trail is
    /// stopped and started for all its regions.
    pub(super) fn status_in(&self, region: &str) -> Result<&Status, Why> {
        let home = self.home.get().ok().and_then(|home| self.status.get(home));
        let own = match self.kind {
            Kind::Trail => self.status.get(region),
            Kind::EventDataStore => None,
        };
        match (own.map(Slot::get), home.map(Slot::get)) {
            (Some(Ok(status)), _) => Ok(status),
            (None, Some(Ok(status))) => Ok(status),
            // Refused in the region, and stopped at home: it is stopped.
            (Some(Err(_)), Some(Ok(status))) if status.logging == Some(false) => Ok(status),
            (Some(Err(why)), _) | (None, Some(Err(why))) => Err(why),
            (None, None) => Err(Why::NotCollected),
        }
    }
}

/// Whether an account's list was read to its end.
pub(super) type Listing = Slot<()>;

/// Everything that was read about who records what.
#[derive(Debug, Clone, Default)]
pub struct Recorders {
    pub(super) all: BTreeMap<(String, Kind), Recorder>,
    /// Account to region to whether its trails were listed.
    trail_lists: BTreeMap<String, BTreeMap<String, Listing>>,
    store_lists: BTreeMap<String, BTreeMap<String, Listing>>,
    /// Account to the trails that any of its regions listed.
    listed: BTreeMap<String, BTreeSet<String>>,
    /// Account to its organization's management account; `None`: it is in no organization.
    managements: BTreeMap<String, Slot<Option<String>>>,
    /// Management account to all accounts of its organization.
    members: BTreeMap<String, Slot<BTreeSet<String>>>,
}

impl Recorders {
    pub fn new() -> Self {
        Recorders::default()
    }

    fn recorder(&mut self, arn: &str, kind: Kind) -> &mut Recorder {
        self.all.entry((arn.to_owned(), kind)).or_insert_with(|| Recorder::new(arn, kind))
    }

    fn list(
        lists: &mut BTreeMap<String, BTreeMap<String, Listing>>,
        account: &str,
        region: &str,
        list: Listing,
    ) {
        lists.entry(account.to_owned()).or_default().entry(region.to_owned()).or_default().merge(list);
    }

    /// `DescribeTrails` of an account and region, shadow trails included; empty where the service is disabled.
    pub fn add_trails(&mut self, account: &str, region: &str, trails: &api::Trails) {
        Self::list(&mut self.trail_lists, account, region, Slot::Known(()));
        for trail in &trails.trail_list {
            self.listed.entry(account.to_owned()).or_default().insert(trail.trail_arn.clone());
            let recorder = self.recorder(&trail.trail_arn, Kind::Trail);
            recorder.name.merge_some(trail.name.clone());
            recorder.home.merge_some(trail.home_region.clone());
            recorder.multi_region.merge_some(trail.is_multi_region_trail);
            recorder.organization.merge_some(trail.is_organization_trail);
            recorder.validation.merge_some(trail.log_file_validation_enabled);
        }
    }

    /// The trails of an account and region could not be listed.
    pub fn add_trails_unread(&mut self, account: &str, region: &str, why: Why) {
        Self::list(&mut self.trail_lists, account, region, Slot::Unread(why));
    }

    /// `GetEventSelectors` of a trail. An answer without either kind of selectors is malformed.
    pub fn add_selectors(&mut self, trail_arn: &str, selectors: &api::EventSelectors) {
        let slot = Selectors::of(selectors).map_or(Slot::Unread(Why::Malformed), Slot::Known);
        self.recorder(trail_arn, Kind::Trail).selectors.merge(slot);
    }

    /// The selectors of a trail could not be read: as in a member account that asks for its organization's trail.
    pub fn add_selectors_unread(&mut self, trail_arn: &str, why: Why) {
        self.recorder(trail_arn, Kind::Trail).selectors.merge(Slot::Unread(why));
    }

    /// `GetTrailStatus` of a trail in the region that was asked.
    pub fn add_status(&mut self, trail_arn: &str, region: &str, status: &api::TrailStatus) {
        let status = Status {
            logging: status.is_logging,
            delivery_error: status.latest_delivery_error.clone().filter(|error| !error.is_empty()),
            word: None,
        };
        self.merge_status(trail_arn, region, Slot::Known(status));
    }

    /// The status of a trail in a region could not be read.
    pub fn add_status_unread(&mut self, trail_arn: &str, region: &str, why: Why) {
        self.merge_status(trail_arn, region, Slot::Unread(why));
    }

    fn merge_status(&mut self, trail_arn: &str, region: &str, status: Slot<Status>) {
        let recorder = self.recorder(trail_arn, Kind::Trail);
        recorder.status.entry(region.to_owned()).or_default().merge(status);
    }

    /// A page of `ListEventDataStores` of an account and region; empty where the service is disabled. The list counts
    /// as read once its last page came.
    pub fn add_event_data_stores(&mut self, account: &str, region: &str, page: &api::EventDataStorePage) {
        let list = if page.next_token.is_some() { Slot::Never } else { Slot::Known(()) };
        Self::list(&mut self.store_lists, account, region, list);
        for store in &page.event_data_stores {
            self.add_event_data_store(store);
        }
    }

    /// The event data stores of an account and region could not be listed.
    pub fn add_event_data_stores_unread(&mut self, account: &str, region: &str, why: Why) {
        Self::list(&mut self.store_lists, account, region, Slot::Unread(why));
    }

    /// `GetEventDataStore`, or an element of the list, which leaves most members out.
    pub fn add_event_data_store(&mut self, store: &api::EventDataStore) {
        let recorder = self.recorder(&store.event_data_store_arn, Kind::EventDataStore);
        recorder.name.merge_some(store.name.clone());
        recorder.multi_region.merge_some(store.multi_region_enabled);
        recorder.organization.merge_some(store.organization_enabled);
        recorder.selectors.merge_some(
            store
                .advanced_event_selectors
                .as_deref()
                .map(|selectors| Selectors { basic: Vec::new(), advanced: Advanced::all(selectors) }),
        );
        if let Some(word) = &store.status {
            let home = recorder.home.get().cloned().unwrap_or_default();
            recorder.status.entry(home).or_default().merge(store_status(word));
        }
    }

    /// An event data store could not be read.
    pub fn add_event_data_store_unread(&mut self, arn: &str, why: Why) {
        let recorder = self.recorder(arn, Kind::EventDataStore);
        recorder.multi_region.merge(Slot::Unread(why));
        recorder.organization.merge(Slot::Unread(why));
        recorder.selectors.merge(Slot::Unread(why));
        let home = recorder.home.get().cloned().unwrap_or_default();
        recorder.status.entry(home).or_default().merge(Slot::Unread(why));
    }

    /// The management account of the organization that an account is in; `None`: it is in none.
    pub fn add_organization(&mut self, account: &str, management: Option<&str>) {
        let slot = Slot::Known(management.map(str::to_owned));
        self.managements.entry(account.to_owned()).or_default().merge(slot);
    }

    /// All accounts of an organization: every page of `ListAccounts`.
    pub fn add_members(&mut self, management: &str, accounts: impl IntoIterator<Item = impl Into<String>>) {
        let members: BTreeSet<String> = accounts.into_iter().map(Into::into).collect();
        self.members.entry(management.to_owned()).or_default().merge(Slot::Known(members));
    }

    /// Whether an account is in the organization that `owner` manages; `None`: not known.
    pub(super) fn is_member(&self, owner: &str, account: &str) -> Option<bool> {
        let managed_by = |account: &str| self.managements.get(account).and_then(|slot| slot.get().ok());
        if let Some(management) = managed_by(account) {
            return Some(management.as_deref() == Some(owner));
        }
        // Only the management account owns an organization's trails and event data stores.
        if managed_by(owner).is_some_and(|management| management.as_deref() != Some(owner)) {
            return Some(false);
        }
        self.members.get(owner).and_then(|slot| slot.get().ok()).map(|members| members.contains(account))
    }

    /// Whether any region of the account lists the trail.
    pub(super) fn lists(&self, account: &str, trail_arn: &str) -> bool {
        self.listed.get(account).is_some_and(|trails| trails.contains(trail_arn))
    }

    /// Whether an account that does not own the trail lists it.
    pub(super) fn listed_by_others(&self, trail_arn: &str, owner: &str) -> bool {
        self.listed.iter().any(|(account, trails)| account != owner && trails.contains(trail_arn))
    }

    pub(super) fn trails_listed(&self, account: &str, region: &str) -> Result<(), Why> {
        let list = self.trail_lists.get(account).and_then(|regions| regions.get(region));
        list.map_or(Err(Why::NotCollected), |list| list.get().copied())
    }

    /// An event data store of another region may record this one too, and only its own region lists it.
    pub(super) fn stores_listed(&self, account: &str, region: &str) -> Result<(), Why> {
        let regions = self.store_lists.get(account);
        let own = regions.and_then(|regions| regions.get(region));
        own.map_or(Err(Why::NotCollected), |list| list.get().copied())?;
        regions.into_iter().flatten().try_for_each(|(_, list)| list.get().copied())
    }

    /// Prepares the selectors for solving many functions.
    pub fn solver(&self) -> Solver<'_> {
        Solver::new(self)
    }

    /// What is known of each trail and event data store, by ARN.
    pub fn states(&self) -> impl Iterator<Item = (&str, RecorderState)> {
        self.all.iter().map(|((arn, _), recorder)| {
            let logging = match recorder.home.get().and_then(|home| recorder.status_in(home)) {
                Ok(status) => Reading::or_unread(status.logging, Why::Malformed),
                Err(why) => Reading::Unread(why),
            };
            let selectors = match recorder.selectors.get() {
                Ok(selectors) => Reading::Known(selectors.api()),
                Err(why) => Reading::Unread(why),
            };
            let state = RecorderState {
                exists: Reading::Known(true),
                logging,
                multi_region: recorder.multi_region.reading(),
                organization: recorder.organization.reading(),
                selectors,
            };
            (arn.as_str(), state)
        })
    }

    /// The trails, each once, by ARN.
    pub fn trails(&self) -> impl Iterator<Item = TrailSummary<'_>> {
        let trails = self.all.iter().filter(|(_, recorder)| recorder.kind == Kind::Trail);
        trails.map(|((arn, _), recorder)| TrailSummary::new(arn, recorder))
    }
}

fn store_status(word: &str) -> Slot<Status> {
    let status = |logging: bool| {
        let word = (!logging).then(|| word.to_owned());
        Slot::Known(Status { logging: Some(logging), delivery_error: None, word })
    };
    match word {
        "ENABLED" => status(true),
        // https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventDataStore.html
        "CREATED" | "PENDING_DELETION" | "STARTING_INGESTION" | "STOPPING_INGESTION"
        | "STOPPED_INGESTION" => status(false),
        _ => Slot::Unread(Why::Malformed),
    }
}

/// A trail, as the facts of kind `trail` need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailSummary<'a> {
    pub arn: &'a str,
    pub name: Reading<String>,
    /// Account that owns it.
    pub account: Reading<&'a str>,
    /// Home region.
    pub region: Reading<String>,
    pub organization: Reading<bool>,
    pub multi_region: Reading<bool>,
    /// Log file validation is on.
    pub validation: Reading<bool>,
    /// `IsLogging` in the home region.
    pub logging: Reading<bool>,
    /// A selector records Lambda data events, of however few functions; whether or not the trail is logging.
    pub covers_lambda: Reading<bool>,
    /// A selector records what changes functions: management events that write.
    pub covers_changes: Reading<bool>,
}

impl<'a> TrailSummary<'a> {
    fn new(arn: &'a str, recorder: &'a Recorder) -> Self {
        let logging = match recorder.home.get().and_then(|home| recorder.status_in(home)) {
            Ok(status) => Reading::or_unread(status.logging, Why::Malformed),
            Err(why) => Reading::Unread(why),
        };
        let covers_lambda = match recorder.selectors.get() {
            Ok(selectors) => Compiled::new(selectors, &recorder.partition).covers_lambda(),
            Err(why) => Reading::Unread(why),
        };
        TrailSummary {
            arn,
            name: recorder.name.reading(),
            account: Reading::or_unread(recorder.account.as_deref(), Why::Malformed),
            region: recorder.home.reading(),
            organization: recorder.organization.reading(),
            multi_region: recorder.multi_region.reading(),
            validation: recorder.validation.reading(),
            logging,
            covers_lambda,
            covers_changes: match recorder.selectors.get() {
                Ok(selectors) => management::covers_changes(selectors),
                Err(why) => Reading::Unread(why),
            },
        }
    }
}
