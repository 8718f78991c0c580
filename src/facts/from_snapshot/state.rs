//! The second pass: facts as parts stream by, and at the end those that join parts and those for what is missing.

use std::borrow::Cow;
use std::collections::HashMap;

use super::index::{Index, UrlRow, data};
use crate::arn;
use crate::exposure::{Assessment, Context, ResourceKind, UrlAdmission, assess};
use crate::facts::from_record::changes::{auth_type, mapping_enabled, mapping_part, source_trust, untrusted};
use crate::facts::grant::Owner;
use crate::facts::schema::Origin;
use crate::facts::{Body, EventSource, Fact, Function, FunctionUrl, Grant, LayerUse, Place, Subject};
use crate::lists::Lists;
use crate::snapshot::api::*;
use crate::snapshot::{Part, Scope};
use crate::trust::Trusts;
use crate::value::{Reading, TextList, Why};

/// Makes facts from the parts of one snapshot, given the index of its first pass.
#[derive(Debug)]
pub struct StateFacts<'s> {
    file: &'s str,
    pub(super) index: &'s Index,
    trusts: &'s Trusts,
    pub(super) lists: &'s Lists,
    /// What the policies of functions and aliases admit everyone to through their URL.
    admissions: HashMap<String, Reading<UrlAdmission>>,
}

/// Takes each fact as it is made.
pub(super) type Emit<'e> = &'e mut dyn FnMut(&Fact<'_>);

impl<'s> StateFacts<'s> {
    pub fn new(file: &'s str, index: &'s Index, trusts: &'s Trusts, lists: &'s Lists) -> Self {
        StateFacts { file, index, trusts, lists, admissions: HashMap::new() }
    }

    pub(super) fn fact<'f>(
        &'f self,
        subject: Subject<'f>,
        place: (&'f str, u64, String),
        part: String,
        body: Body<'f>,
    ) -> Fact<'f> {
        let (api, line, pointer) = place;
        Fact {
            subject: subject.into(),
            origin: Origin::State,
            place: Place::Part { file: self.file, line, api, pointer },
            part,
            body,
        }
    }

    /// Makes the facts of one part. Parts that were not read make none here: `finish` knows what is missing.
    pub fn part(&mut self, part: &Part, line: u64, emit: Emit<'_>) {
        if !matches!(part.outcome, crate::snapshot::Outcome::Ok) {
            return;
        }
        match part.api.as_str() {
            LIST_FUNCTIONS => {
                if let Ok(page) = data::<FunctionPage>(part) {
                    page.functions
                        .iter()
                        .enumerate()
                        .for_each(|(at, one)| self.function(part, line, at, one, emit));
                }
            }
            GET_POLICY | GET_RESOURCE_POLICY => self.policy(part, line, ResourceKind::Function, emit),
            GET_LAYER_VERSION_POLICY => self.policy(part, line, ResourceKind::Layer, emit),
            LIST_MAPPINGS => {
                if let Ok(page) = data::<MappingPage>(part) {
                    let mappings = page.event_source_mappings.iter().enumerate();
                    mappings.for_each(|(at, one)| self.mapping(part, line, at, one, emit));
                }
            }
            _ => {}
        }
    }

    fn policy(&mut self, part: &Part, line: u64, kind: ResourceKind, emit: Emit<'_>) {
        let (Some(resource), Ok(answer)) = (&part.resource, data::<PolicyText>(part)) else { return };
        // A policy that was put as a whole is read as a whole; GetPolicy may then show less of it.
        if part.api == GET_POLICY && self.index.has_whole_policy(resource) {
            return;
        }
        let owner = self.owner(resource, kind, part, Why::Malformed);
        let Some(text) = &answer.policy else {
            // AWS said there is none.
            self.admit(resource, Reading::Known(UrlAdmission::Neither));
            return;
        };
        let account = owner.subject.account.clone();
        let context = Context { owner: account.as_deref(), kind, trust: self.trusts.of(account.as_deref()) };
        let assessed = assess(text, &context);
        let place = || (part.api.as_str(), line, "/Policy".to_owned());
        match &assessed {
            Ok(Assessment { grants, .. }) => {
                for statement in grants {
                    owner.facts(statement, &mut |key, body| {
                        emit(&self.fact(owner.subject.clone(), place(), key, body));
                    });
                }
            }
            Err(unreadable) => {
                let reason = Reading::Known(Cow::Owned(unreadable.to_string()));
                let body = Body::Grant(Box::new(Grant { reason, ..owner.unread() }));
                emit(&self.fact(owner.subject.clone(), place(), String::new(), body));
            }
        }
        let admission = match assessed {
            Ok(Assessment { url: UrlAdmission::Unknown, .. }) | Err(_) => Reading::Unread(Why::Malformed),
            Ok(Assessment { url, .. }) => Reading::Known(url),
        };
        self.admit(resource, admission);
    }

    /// Of two answers about one resource the graver one holds, whatever their order.
    fn admit(&mut self, resource: &str, admission: Reading<UrlAdmission>) {
        let gravity = |admission: &Reading<UrlAdmission>| match admission {
            Reading::Known(UrlAdmission::Both) => 3,
            Reading::Known(UrlAdmission::OnlyOlder) => 2,
            Reading::Known(UrlAdmission::Unknown) | Reading::Unread(_) | Reading::Absent => 1,
            Reading::Known(UrlAdmission::Neither) => 0,
        };
        match self.admissions.get_mut(resource) {
            Some(known) if gravity(known) >= gravity(&admission) => {}
            Some(known) => *known = admission,
            None => {
                self.admissions.insert(resource.to_owned(), admission);
            }
        }
    }

    /// What the grants of one resource have in common.
    fn owner<'f>(&self, resource: &'f str, kind: ResourceKind, part: &'f Part, why: Why) -> Owner<'f> {
        let region = part.region.as_deref();
        owner(resource, kind, &part.account, region, why)
    }

    fn function(&self, part: &Part, line: u64, at: usize, one: &FunctionConfiguration, emit: Emit<'_>) {
        let account = arn::account(&one.function_arn).unwrap_or(&part.account);
        let subject = || function_subject(&one.function_arn, account, part.region.as_deref());
        let place = |member: &str| (LIST_FUNCTIONS, line, format!("/Functions/{at}{member}"));
        let trust = |other: &str| {
            Reading::or_unread(self.trusts.of(Some(account)).account(other, Some(account)), Why::NotCollected)
        };
        for (number, layer) in one.layers.iter().flatten().enumerate() {
            let layer_account = arn::account(&layer.arn);
            let unread = Why::Malformed;
            let body = LayerUse {
                subject: known(&one.function_arn),
                account: known(account),
                region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), unread),
                layer: known(&layer.arn),
                layer_account: Reading::or_unread(layer_account.map(Cow::Borrowed), unread),
                trusted: layer_account.map_or(Reading::Unread(unread), trust),
                aws_owned: Reading::or_unread(
                    layer_account.map(|id| self.lists.is_aws_layer_account(id)),
                    unread,
                ),
                existing_function: Reading::Unread(Why::NotCollected),
                attached: Reading::Unread(Why::NotCollected),
                before: Reading::Unread(Why::NotCollected),
            };
            let body = Body::LayerUse(Box::new(body));
            emit(&self.fact(subject(), place(&format!("/Layers/{number}")), layer.arn.clone(), body));
        }
        let scope = Scope { account: part.account.clone(), region: part.region.clone().unwrap_or_default() };
        let dead_letter = one.dead_letter_config.as_ref().and_then(|config| config.target_arn.as_deref());
        // A list with versions names each with its qualifier; what else is known of it is known by the function.
        let unqualified = arn::split_function(&one.function_arn).map_or(&*one.function_arn, |(arn, _)| arn);
        let asynchronous = self.index.destinations.get(unqualified);
        let items: Vec<Cow<'_, str>> = dead_letter
            .into_iter()
            .filter(|target| !target.is_empty())
            .chain(asynchronous.into_iter().flatten().map(String::as_str))
            .map(Cow::Borrowed)
            .collect();
        let incomplete = self.index.why(LIST_EVENT_INVOKE_CONFIGS, &scope, Some(unqualified));
        let targets = TextList { items, incomplete };
        let body = Function {
            subject: known(&one.function_arn),
            name: known(&one.function_name),
            account: known(account),
            region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), Why::Malformed),
            runtime: Reading::or_absent(one.runtime.as_deref().map(Cow::Borrowed)),
            role: Reading::or_unread(one.role.as_deref().map(Cow::Borrowed), Why::NotCollected),
            untrusted_destinations: Reading::Known(untrusted(&targets, trust)),
            destinations: Reading::Known(targets),
            ..self.settings(one, &scope)
        };
        emit(&self.fact(subject(), place(""), String::new(), Body::Function(Box::new(body))));
    }

    fn mapping(&self, part: &Part, line: u64, at: usize, one: &Mapping, emit: Emit<'_>) {
        let unread = Why::NotCollected;
        let source = Reading::or_unread(one.event_source_arn.as_deref().map(Cow::Borrowed), unread);
        // AWS names one or the other.
        let self_managed = Reading::Known(one.self_managed_event_source.is_some());
        let source = if one.self_managed_event_source.is_some() { Reading::Absent } else { source };
        let owner = part.account.as_str();
        let (source_account, trusted) = source_trust(&source, &self_managed, |account| {
            Reading::or_unread(self.trusts.of(Some(owner)).account(account, Some(owner)), Why::NotCollected)
        });
        let made = one.event_source_mapping_arn.clone().or_else(|| {
            let partition = one.function_arn.as_deref().and_then(arn::partition)?;
            let region = part.region.as_deref()?;
            Some(format!("arn:{partition}:lambda:{region}:{owner}:event-source-mapping:{}", one.uuid))
        });
        let subject = Subject {
            arn: made.map(Cow::Owned),
            kind: "event_source_mapping",
            name: Cow::Borrowed(&one.uuid),
            account: Some(Cow::Borrowed(owner)),
            region: part.region.as_deref().map(Cow::Borrowed),
        };
        let target = Reading::or_unread(one.function_arn.as_deref().map(Cow::Borrowed), unread);
        let key = mapping_part(&source, &target);
        let body = EventSource {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            account: known(owner),
            region: Reading::or_unread(part.region.as_deref().map(Cow::Borrowed), unread),
            function: target,
            source,
            source_account,
            self_managed,
            trusted,
            enabled: match one.state.as_deref() {
                Some(state) => Reading::or_unread(mapping_enabled(state), Why::Malformed),
                None => Reading::Unread(unread),
            },
            action: Reading::Unread(unread),
            sets_function: Reading::Unread(unread),
        };
        let place = (LIST_MAPPINGS, line, format!("/EventSourceMappings/{at}"));
        emit(&self.fact(subject, place, key, Body::EventSource(Box::new(body))));
    }

    /// Facts that join parts, and facts with unread fields for what the snapshot should hold and does not.
    pub fn finish(&self, emit: Emit<'_>) {
        for scope in self.index.scopes() {
            self.missing_of_region(&scope, emit);
            for function in self.index.functions.get(&scope).into_iter().flatten() {
                self.missing_of_function(&scope, function, emit);
            }
            self.missing_of_layers(&scope, emit);
        }
        for url in &self.index.urls {
            self.url(url, emit);
        }
        self.logging(emit);
        self.trails(emit);
        let judged = self.judged();
        self.roles(&judged, emit);
        self.principals(&judged, emit);
        self.guardrails(emit);
    }

    fn url(&self, row: &UrlRow, emit: Emit<'_>) {
        let config = &row.config;
        let arn = config.function_arn.as_str();
        let qualifier = arn::split_function(arn).and_then(|(_, qualifier)| qualifier);
        let account = arn::account(arn).unwrap_or_default();
        let region = arn::region(arn);
        let admission = match self.admissions.get(arn) {
            Some(admission) => admission.clone(),
            None => {
                let scope =
                    Scope { account: account.to_owned(), region: region.unwrap_or_default().to_owned() };
                let why = self.index.why(GET_POLICY, &scope, Some(arn));
                Reading::Unread(why.unwrap_or(Why::NotCollected))
            }
        };
        let admits_public = match admission {
            Reading::Known(UrlAdmission::Both) => Reading::Known(Cow::Borrowed("both")),
            Reading::Known(UrlAdmission::OnlyOlder) => Reading::Known(Cow::Borrowed("older_only")),
            Reading::Known(UrlAdmission::Neither) => Reading::Known(Cow::Borrowed("neither")),
            Reading::Known(UrlAdmission::Unknown) | Reading::Absent => Reading::Unread(Why::Malformed),
            Reading::Unread(why) => Reading::Unread(why),
        };
        let cors = config.cors.as_ref();
        let origins = cors.and_then(|cors| cors.allow_origins.as_deref()).unwrap_or_default();
        let subject = Subject { kind: "function_url", ..function_subject(arn, account, region) };
        let body = FunctionUrl {
            subject: known(arn),
            account: Reading::or_unread(
                (!account.is_empty()).then_some(Cow::Borrowed(account)),
                Why::Malformed,
            ),
            region: Reading::or_unread(region.map(Cow::Borrowed), Why::Malformed),
            qualifier: Reading::or_absent(qualifier.map(Cow::Borrowed)),
            url: Reading::or_absent(config.function_url.as_deref().map(Cow::Borrowed)),
            auth_type: match config.auth_type.as_deref() {
                Some(word) => Reading::or_unread(auth_type(word).map(Cow::Borrowed), Why::Malformed),
                None => Reading::Unread(Why::NotCollected),
            },
            admits_public,
            allow_origins: Reading::Known(TextList::complete(origins.iter().map(String::as_str))),
            allow_credentials: Reading::Known(cors.and_then(|cors| cors.allow_credentials).unwrap_or(false)),
        };
        let place = (LIST_URLS, row.line, row.pointer.clone());
        emit(&self.fact(subject, place, String::new(), Body::FunctionUrl(Box::new(body))));
    }
}

pub(super) fn known(text: &str) -> Reading<Cow<'_, str>> {
    Reading::Known(Cow::Borrowed(text))
}

/// A function, or its alias or version.
pub(super) fn function_subject<'f>(
    arn_text: &'f str,
    account: &'f str,
    region: Option<&'f str>,
) -> Subject<'f> {
    let (kind, name) = match arn::split_function(arn_text) {
        Some((function, None)) => ("function", arn::last(function).to_owned()),
        Some((function, Some(qualifier))) => {
            let name = arn::last(function);
            let version = qualifier.bytes().all(|byte| byte.is_ascii_digit());
            (if version { "function_version" } else { "alias" }, format!("{name}:{qualifier}"))
        }
        None => ("function", arn_text.to_owned()),
    };
    Subject {
        arn: Some(Cow::Borrowed(arn_text)),
        kind,
        name: Cow::Owned(name),
        account: Some(Cow::Borrowed(account)),
        region: region.map(Cow::Borrowed),
    }
}

pub(super) fn owner<'f>(
    resource: &'f str,
    kind: ResourceKind,
    asked: &'f str,
    region: Option<&'f str>,
    why: Why,
) -> Owner<'f> {
    let account = arn::account(resource).unwrap_or(asked);
    let (subject, resource_type, qualifier) = match kind {
        ResourceKind::Function => {
            let qualifier = arn::split_function(resource).and_then(|(_, qualifier)| qualifier);
            (function_subject(resource, account, region), "function", qualifier)
        }
        ResourceKind::Layer => {
            let mut tail = resource.rsplitn(3, ':');
            let (version, name) = (tail.next(), tail.next());
            let subject = Subject {
                arn: Some(Cow::Borrowed(resource)),
                kind: "layer_version",
                name: Cow::Owned(format!("{}:{}", name.unwrap_or_default(), version.unwrap_or_default())),
                account: Some(Cow::Borrowed(account)),
                region: region.map(Cow::Borrowed),
            };
            (subject, "layer", version)
        }
    };
    let qualifier = Reading::or_absent(qualifier.map(Cow::Borrowed));
    Owner { subject, resource_type, qualifier, deny_applied: true, why }
}
