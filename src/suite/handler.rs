//! Which functions are steps: async, up to eight arguments, returning a `Result`.

use std::{future::Future, pin::Pin, sync::Arc};

use super::context::{Context, FromContext, Needs, Value};
use crate::failure::Failure;

pub(crate) type BoxStep =
    Arc<dyn Fn(&Context) -> Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>> + Send + Sync>;

/// An async function whose argument list is `Args`.
///
/// The bounds that make it a *step* (`Args: Arguments`, a `Send` future, a `Result`) stand on
/// [`Canary::step`](crate::Canary::step), not on the impls below: so the compiler names the argument, or the value
/// held across `.await`, that is at fault.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a canary step",
    label = "not an `async fn` of at most eight arguments",
    note = "a step is an `async fn` of at most eight arguments; bundle what is more into one type that implements `FromContext`"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// What the function returns before it is awaited.
    type Future: Future;

    /// Calls the function.
    fn call(&self, args: Args) -> Self::Future;
}

/// What a step may return: a `Result` whose error can become a [`Failure`].
#[diagnostic::on_unimplemented(
    message = "a step cannot return `{Self}`",
    label = "returns `{Self}`",
    note = "return `coalmine::Result<T>`, or a `Result<T, E>` where `E` is an `Error`"
)]
pub trait Outcome: Send + 'static {
    /// The fact that the step establishes.
    type Output: Send + Sync + 'static;

    /// The fact, or why there is none.
    ///
    /// # Errors
    /// The step's own.
    fn into_result(self) -> Result<Self::Output, Failure>;
}

impl<T, E> Outcome for Result<T, E>
where
    T: Send + Sync + 'static,
    E: Into<Failure> + Send + 'static,
{
    type Output = T;

    fn into_result(self) -> Result<T, Failure> {
        self.map_err(Into::into)
    }
}

/// A whole argument list.
pub trait Arguments: Sized + Send + 'static {
    /// What the arguments need, all together.
    fn needs(needs: &mut Needs);

    /// Builds the arguments for one attempt.
    fn from_context(cx: &Context) -> Self;
}

macro_rules! handlers {
    ($($arg:ident)*) => {
        #[allow(non_snake_case)]
        impl<F, Fut, $($arg,)*> Handler<($($arg,)*)> for F
        where
            F: Fn($($arg,)*) -> Fut + Send + Sync + 'static,
            Fut: Future,
        {
            type Future = Fut;

            fn call(&self, ($($arg,)*): ($($arg,)*)) -> Fut {
                self($($arg,)*)
            }
        }

        impl<$($arg: FromContext,)*> Arguments for ($($arg,)*) {
            #[allow(unused_variables)]
            fn needs(needs: &mut Needs) {
                $($arg::needs(needs);)*
            }

            #[allow(unused_variables, clippy::unused_unit)]
            fn from_context(cx: &Context) -> Self {
                ($($arg::from_context(cx),)*)
            }
        }
    };
}

handlers!();
handlers!(A1);
handlers!(A1 A2);
handlers!(A1 A2 A3);
handlers!(A1 A2 A3 A4);
handlers!(A1 A2 A3 A4 A5);
handlers!(A1 A2 A3 A4 A5 A6);
handlers!(A1 A2 A3 A4 A5 A6 A7);
handlers!(A1 A2 A3 A4 A5 A6 A7 A8);

/// Hides a handler's argument and output types.
pub(crate) fn erase<Args, H>(handler: H) -> BoxStep
where
    Args: Arguments,
    H: Handler<Args>,
    H::Future: Future<Output: Outcome> + Send + 'static,
{
    Arc::new(move |cx| {
        let future = handler.call(Args::from_context(cx));
        Box::pin(async move { future.await.into_result().map(|output| Arc::new(output) as Value) })
    })
}
