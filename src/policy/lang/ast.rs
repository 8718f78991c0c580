//! What the parser makes of a predicate. Nothing is typed yet.

use super::Span;

/// An expression and the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub span: Span,
    pub node: Node,
}

/// A name and the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    pub span: Span,
    pub text: String,
}

/// `==` and its kin, and `in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

impl Relation {
    pub const fn as_str(self) -> &'static str {
        match self {
            Relation::Eq => "==",
            Relation::Ne => "!=",
            Relation::Lt => "<",
            Relation::Le => "<=",
            Relation::Gt => ">",
            Relation::Ge => ">=",
            Relation::In => "in",
        }
    }
}

/// Chains of `&&` and `||` are flat, so that depth is bounded by nesting alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Expr>),
    Ident(String),
    /// `of.name`
    Select(Box<Expr>, Name),
    /// `name(args)`
    Call(Name, Vec<Expr>),
    /// `of.name(args)`
    Method(Box<Expr>, Name, Vec<Expr>),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Relation(Relation, Box<Expr>, Box<Expr>),
    /// `.0 ? .1 : .2`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}
