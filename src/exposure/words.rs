//! The words that most policies are made of. A judgement owns what it quotes; these it need not copy.

use std::borrow::Cow;

/// The text, kept beyond the document it stands in.
pub(super) fn kept(text: &str) -> Cow<'static, str> {
    match common(text) {
        Some(word) => Cow::Borrowed(word),
        None => Cow::Owned(text.to_owned()),
    }
}

/// In the spelling that AddPermission and AddLayerVersionPermission store.
fn common(text: &str) -> Option<&'static str> {
    Some(match text {
        "Allow" => "Allow",
        "Deny" => "Deny",
        "lambda:InvokeFunction" => "lambda:InvokeFunction",
        "lambda:InvokeFunctionUrl" => "lambda:InvokeFunctionUrl",
        "lambda:GetLayerVersion" => "lambda:GetLayerVersion",
        "ArnLike" => "ArnLike",
        "StringEquals" => "StringEquals",
        "StringLike" => "StringLike",
        "Bool" => "Bool",
        "AWS:SourceArn" => "AWS:SourceArn",
        "AWS:SourceAccount" => "AWS:SourceAccount",
        "aws:SourceArn" => "aws:SourceArn",
        "aws:SourceAccount" => "aws:SourceAccount",
        "aws:PrincipalOrgID" => "aws:PrincipalOrgID",
        "lambda:FunctionUrlAuthType" => "lambda:FunctionUrlAuthType",
        "lambda:InvokedViaFunctionUrl" => "lambda:InvokedViaFunctionUrl",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_but_what_was_written() {
        for text in ["Allow", "allow", "", "lambda:InvokeFunction", "AWS:SourceArn", "Aws:SourceArn", "x"] {
            assert_eq!(kept(text), text);
        }
        assert!(matches!(kept("Allow"), Cow::Borrowed(_)));
    }
}
