//! From the words of a filter to what it means. `AND` binds tighter than `OR` \[C, 9\].

use serde_json::Value;

use super::{
    Bends, Expression, Moment, Operator, Scalar,
    lexer::{Token, tokens, wrong},
    property::{Kind, Property, Shape},
};
use crate::{codes, envelope::Refusal, name_set::NameSet};

/// The deepest parentheses; bodies are not nested deeper either \[C, 14 row 34\].
const DEEPEST: usize = 64;

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    parameters: &'a [Value],
    /// The highest position of a parameter so far.
    used: usize,
    names: NameSet,
    bends: Bends,
}

pub(super) fn parse(
    filter: &str,
    parameters: &[Value],
    kind: Kind,
    names: NameSet,
    bends: Bends,
) -> Result<Expression, Refusal> {
    let tokens = tokens(filter)?;
    let mut parser = Parser { tokens: &tokens, parameters, used: 0, names, bends };
    let expression = parser.either(kind, 0)?;
    if !parser.tokens.is_empty() {
        return Err(wrong("`AND`, `OR` or the end is expected after a comparison"));
    }
    // Too many are as wrong as too few \[D; C\].
    if parser.used != parameters.len() {
        return Err(codes::FILTER_PARAMS.because(format!(
            "the filter uses {} parameters, {} are given",
            parser.used,
            parameters.len()
        )));
    }
    Ok(expression)
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn eat(&mut self, token: Token<'_>) -> bool {
        let there = self.tokens.first() == Some(&token);
        if there {
            self.tokens = &self.tokens[1..];
        }
        there
    }

    fn either(&mut self, kind: Kind, depth: usize) -> Result<Expression, Refusal> {
        if self.bends.or_binds_tighter {
            return self.ors_first(kind, depth);
        }
        let mut parts = vec![self.both(kind, depth)?];
        while self.eat(Token::Word("OR")) {
            parts.push(self.both(kind, depth)?);
        }
        Ok(if self.bends.or_is_and { Expression::All(parts) } else { Expression::Any(parts) })
    }

    fn both(&mut self, kind: Kind, depth: usize) -> Result<Expression, Refusal> {
        let mut parts = vec![self.term(kind, depth)?];
        while self.eat(Token::Word("AND")) {
            parts.push(self.term(kind, depth)?);
        }
        Ok(Expression::All(parts))
    }

    /// The same the wrong way round: `OR` binds tighter than `AND`.
    fn ors_first(&mut self, kind: Kind, depth: usize) -> Result<Expression, Refusal> {
        let mut all = Vec::new();
        loop {
            let mut any = vec![self.term(kind, depth)?];
            while self.eat(Token::Word("OR")) {
                any.push(self.term(kind, depth)?);
            }
            all.push(Expression::Any(any));
            if !self.eat(Token::Word("AND")) {
                return Ok(Expression::All(all));
            }
        }
    }

    fn term(&mut self, kind: Kind, depth: usize) -> Result<Expression, Refusal> {
        if depth > DEEPEST {
            return Err(wrong(format!("nested deeper than {DEEPEST} levels")));
        }
        match self.next() {
            Some(Token::Open) => self.closed(kind, depth),
            Some(Token::Word(scope)) if self.eat(Token::Open) => {
                if (scope, kind) != ("actions", Kind::Transaction) {
                    return Err(wrong(format!("there is no scope `{scope}` here")));
                }
                let inner = Box::new(self.closed(Kind::Action, depth)?);
                Ok(Expression::Actions { inner, apart: self.bends.actions_apart })
            }
            Some(Token::Word(property)) => self.comparison(property, kind),
            Some(Token::Text(_) | Token::Parameter(_) | Token::Operator(_) | Token::Time | Token::Close)
            | None => Err(wrong("a property is expected")),
        }
    }

    /// What stands in parentheses, the first of which is read.
    fn closed(&mut self, kind: Kind, depth: usize) -> Result<Expression, Refusal> {
        let inner = self.either(kind, depth + 1)?;
        if self.eat(Token::Close) { Ok(inner) } else { Err(wrong("`)` is expected")) }
    }

    fn comparison(&mut self, name: &str, kind: Kind) -> Result<Expression, Refusal> {
        let property = Property::named(name, kind, self.names)
            .ok_or_else(|| wrong(format!("there is no property `{name}` here")))?;
        let suffix = self.eat(Token::Time);
        let Some(Token::Operator(operator)) = self.next() else {
            return Err(wrong(format!("an operator is expected after `{name}`")));
        };
        let value = self.value()?;
        let is_time = match property.shape() {
            Shape::Time => true,
            Shape::Scalar if suffix => return Err(wrong(format!("`{name}` is not a time"))),
            Shape::Scalar => false,
            Shape::Tag => suffix,
            Shape::Whole => return Err(wrong(format!("`{name}` is a whole object"))),
        };
        if is_time {
            let moment = match &value {
                Scalar::Text(text) => Moment::read(text, self.bends),
                Scalar::Number(_) => None,
            };
            let moment =
                moment.ok_or_else(|| wrong(format!("`{name}` is compared with a time in RFC 3339")))?;
            return Ok(Expression::Time(property, operator, moment));
        }
        // Only times have an order \[C, 9\].
        match operator {
            Operator::Equal => Ok(Expression::Equal(property, value)),
            Operator::Less | Operator::Greater | Operator::LessOrEqual | Operator::GreaterOrEqual => {
                Err(wrong(format!("`{name}` is not a time, and can only be compared with `=`")))
            }
        }
    }

    fn value(&mut self) -> Result<Scalar, Refusal> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Scalar::Text(text.to_owned())),
            Some(Token::Word(word)) => {
                // The parser of integers would take a `+` too, which is no part of a word.
                word.parse().map(Scalar::Number).map_err(|_| wrong(format!("`{word}` must be quoted")))
            }
            Some(Token::Parameter(position)) => self.parameter(position),
            Some(Token::Operator(_) | Token::Time | Token::Open | Token::Close) | None => {
                Err(wrong("a value is expected after the operator"))
            }
        }
    }

    fn parameter(&mut self, position: usize) -> Result<Scalar, Refusal> {
        self.used = self.used.max(position);
        if position > self.parameters.len() {
            return Err(codes::FILTER_PARAMS.because(format!("there is no parameter for `${position}`")));
        }
        let nothing = Value::from("");
        let parameter = if self.bends.parameters_off {
            self.parameters.get(position).unwrap_or(&nothing)
        } else {
            &self.parameters[position - 1]
        };
        let whole = |number: &serde_json::Number| {
            number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
        };
        let scalar = match parameter {
            Value::String(text) => Some(Scalar::Text(text.clone())),
            Value::Number(number) => whole(number).map(Scalar::Number),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        scalar.ok_or_else(|| wrong(format!("parameter {position} must be a string or an integer")))
    }
}
