//! Changes of code signing: which code Lambda takes.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateCodeSigningConfig.html>

use std::borrow::Cow;

use super::{NO_CODE_SIGNING, Reader, text};
use crate::arn;
use crate::facts::schema::Origin;
use crate::facts::{Body, CodeSigningChange, Fact, Subject};
use crate::trail::{Field, RawKind};
use crate::value::{Reading, Why};

impl<'a> Reader<'_, 'a> {
    pub(super) fn code_signing(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let of_configuration = self.name == "UpdateCodeSigningConfig";
        let subject = if of_configuration {
            self.code_signing_config()
        } else {
            let function = self.record.function();
            self.function_subject(&function, None)
        };
        let (weakened, how) = match self.name.as_ref() {
            "DeleteFunctionCodeSigningConfig" => (Reading::Known(true), "it has none any more"),
            "UpdateCodeSigningConfig" => self.demands(),
            // Its first one, or a weaker one in place of another.
            _ => (Reading::Unread(Why::HistoryGap), "another configuration was set"),
        };
        let body = CodeSigningChange {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            account: text(subject.account.clone()),
            region: text(self.region.clone()),
            action: Reading::Known(Cow::Borrowed(&self.name)),
            weakened,
            how: Reading::Known(Cow::Borrowed(how)),
        };
        emit(&self.fact(subject, Origin::Change, String::new(), Body::CodeSigningChange(Box::new(body))));
    }

    /// What an update makes a configuration demand.
    fn demands(&self) -> (Reading<bool>, &'static str) {
        let unread = (Reading::Unread(Why::NotInRecord), "the record does not say");
        let policy = match self.record.request_parameter(&["codeSigningPolicies"]) {
            Field::Known(policies) if policies.kind() == RawKind::Object => {
                policies.get("untrustedArtifactOnDeployment").and_then(|word| word.as_str())
            }
            Field::Absent => None,
            Field::Known(_) | Field::Unread => return unread,
        };
        let publishers = self.record.request_parameter(&["allowedPublishers"]);
        match (policy.as_deref(), publishers) {
            (Some("Warn"), _) => (Reading::Known(true), "code of others is taken with a warning"),
            (Some("Enforce") | None, Field::Known(_)) => {
                (Reading::Unread(Why::HistoryGap), "other signing profiles are trusted")
            }
            (Some("Enforce"), Field::Absent) => (Reading::Known(false), "code of others is refused"),
            // Its description, for instance.
            (None, Field::Absent) => (Reading::Known(false), "what it demands is as before"),
            (Some(_), _) | (None, Field::Unread) => unread,
        }
    }

    fn code_signing_config(&self) -> Subject<'a> {
        let named = self.record.request_parameter(&["codeSigningConfigArn"]);
        let arn = named.known().and_then(|arn| arn.as_str());
        let name = match &arn {
            Some(arn) => Cow::Owned(arn::last(arn).to_owned()),
            None => Cow::Borrowed(NO_CODE_SIGNING),
        };
        Subject {
            arn,
            kind: "code_signing_config",
            name,
            account: self.account.clone(),
            region: self.region.clone(),
        }
    }
}
