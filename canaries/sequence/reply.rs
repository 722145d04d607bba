//! What Sequence answered: a success of the expected form, or a refusal with its code.

use coalmine::{
    Cause, Result,
    http::{Answer, RequestBuilder},
    surface::AnswerPlace,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Unexplained;

/// The header that every answer must carry: clients take an answer without it for a proxy's (facts of the API,
/// section 4).
pub(super) const REQUEST_ID: &str = "Chain-Request-Id";

/// How built-in names are spelled in filters and groupings. Bodies are in snake case whatever this says.
#[derive(Clone, Copy, Debug)]
pub enum Names {
    /// `flavor_id`
    Snake,
    /// `flavorId`
    Camel,
}

impl Names {
    fn header(self) -> &'static str {
        match self {
            Self::Snake => "snake",
            Self::Camel => "camel",
        }
    }
}

/// An answer of the ledger API or of the dashboard.
pub struct Reply {
    answer: Answer,
    request: Value,
    unexplained: Unexplained,
}

/// An error body.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    /// `SEQnnn`.
    pub seq_code: String,
    /// What was wrong, for people.
    pub detail: Option<String>,
    /// Whether clients may try again by themselves.
    #[serde(default)]
    pub retriable: bool,
    /// Details; nested errors are in `data.actions`.
    #[serde(default)]
    pub data: Value,
}

impl Reply {
    /// Sends a call: headers as the vendor's clients send them, one idempotency key for the call.
    pub(super) async fn to(
        request: RequestBuilder,
        names: Names,
        idempotency_key: &str,
        body: &Value,
        unexplained: &Unexplained,
    ) -> Result<Self> {
        let request = request
            .header("id", &format!("{}/1", &uuid::Uuid::new_v4().simple().to_string()[..20]))
            .header("idempotency-key", idempotency_key)
            .header("name-set", names.header())
            // Every answer has it, so without this a product that forgets it would fail every step, and not the ones
            // that ask for it.
            .tolerate(|breach| matches!(&breach.place, AnswerPlace::Header(name) if name == REQUEST_ID));
        let answer = request.json(body).send().await?;
        Ok(Self { answer, request: body.clone(), unexplained: unexplained.clone() })
    }

    /// Demands success, and an answer of this form.
    ///
    /// # Errors
    /// A refusal, named by its code, or another form.
    pub fn ok<T: DeserializeOwned>(&self) -> Result<T> {
        if self.answer.is_success() {
            return self.answer.json();
        }
        Err(self.answer.fail(match self.answer.json::<Refusal>() {
            Ok(refusal) => format!("expected success, got {} {}", self.answer.status(), refusal.seq_code),
            Err(_) => format!("expected success, got {}", self.answer.status()),
        }))
    }

    /// Demands success of a call that has nothing to tell: `{"message": "ok"}`.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn done(&self) -> Result<()> {
        let value: Value = self.ok()?;
        if value == json!({ "message": "ok" }) {
            return Ok(());
        }
        Err(self.answer.failure(Cause::Contract, r#"expected {"message":"ok"}"#))
    }

    /// Demands success with the very answer that an equal request got before.
    ///
    /// # Errors
    /// A refusal, or another answer.
    pub fn repeats(&self, first: &Self) -> Result<()> {
        let (first, again): (Value, Value) = (first.ok()?, self.ok()?);
        if again == first {
            return Ok(());
        }
        Err(self.answer.fail("expected the first answer to the repeated request, got another"))
    }

    /// Demands a refusal with this status and code.
    ///
    /// # Errors
    /// Success, or another refusal.
    pub fn refused(&self, status: u16, code: &str) -> Result<Refusal> {
        if self.answer.status() != status {
            return Err(self
                .answer
                .fail(format_args!("expected refusal {status} {code}, got {}", self.answer.status())));
        }
        let refusal: Refusal = self.answer.json()?;
        if refusal.seq_code != code {
            return Err(self.answer.fail(format_args!("expected refusal {code}, got {}", refusal.seq_code)));
        }
        let operation = self.answer.operation().unwrap_or("a request");
        self.unexplained.look_at(operation, &self.request, &refusal);
        Ok(refusal)
    }

    /// Demands that a call that must not get through was refused like this. An error of the server's own lets nobody
    /// through either, and is for the step to notice that proves the operation.
    ///
    /// # Errors
    /// Success, or another refusal.
    pub fn kept_out(&self, status: u16, code: &str) -> Result<()> {
        if self.answer.status() >= 500 {
            return Ok(());
        }
        self.refused(status, code).map(drop)
    }

    /// Whether it was refused with this code.
    #[must_use]
    pub fn is_refused(&self, code: &str) -> bool {
        !self.answer.is_success() && self.answer.json::<Refusal>().is_ok_and(|it| it.seq_code == code)
    }

    /// Demands success of what uses the suite's own login, credential or team: a refusal means that it is wrong or was
    /// revoked.
    ///
    /// # Errors
    /// As [`Reply::ok`], with cause *credential* for a refusal with `code`.
    pub fn ok_unless_unwelcome<T: DeserializeOwned>(
        &self,
        code: &str,
        whose: &str,
        variable: &str,
    ) -> Result<T> {
        self.welcome(code, whose, variable)?;
        self.ok()
    }

    /// Demands anything but the refusal that means that something of the suite's own is wrong.
    ///
    /// # Errors
    /// A refusal with `code`, with cause *credential*.
    pub fn welcome(&self, code: &str, whose: &str, variable: &str) -> Result<()> {
        if self.is_refused(code) {
            return Err(self
                .answer
                .failure(Cause::Credential, format_args!("the product refused {whose} ({code})"))
                .remedy(format_args!(
                    "set {variable} to a valid one; make a new one if it was revoked or removed"
                )));
        }
        Ok(())
    }

    /// Demands the header in which the product names the request.
    ///
    /// # Errors
    /// If it is missing or empty.
    pub fn named(&self) -> Result<()> {
        if self.answer.header(REQUEST_ID).is_some_and(|id| !id.is_empty()) {
            return Ok(());
        }
        Err(self
            .answer
            .fail(format_args!("expected the header `{REQUEST_ID}`, got none: clients would retry")))
    }
}
