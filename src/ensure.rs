//! Assertions that return a failure instead of panicking.

/// Returns a [`Failure`](crate::Failure) from the step unless the condition holds.
///
/// ```
/// # fn step() -> coalmine::Result<()> {
/// let session = "s1";
/// coalmine::ensure!(!session.is_empty(), "confirmed, but got no session");
/// coalmine::ensure!(session.len() < 2); // fails: the condition itself is the message
/// # Ok(()) }
/// assert_eq!(step().unwrap_err().message, "expected `session.len() < 2`");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr $(,)?) => {
        $crate::ensure!($condition, "expected `{}`", stringify!($condition))
    };
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return ::core::result::Result::Err($crate::Failure::new(format_args!($($message)+)).into());
        }
    };
}

/// Returns a [`Failure`](crate::Failure) from the step unless actual and expected are equal; expected is shown first.
///
/// ```
/// # fn step() -> coalmine::Result<()> {
/// let balance = 99;
/// coalmine::ensure_eq!(balance, 100, "balance of the new account");
/// # Ok(()) }
/// assert_eq!(step().unwrap_err().message, "balance of the new account: expected 100, got 99");
/// ```
#[macro_export]
macro_rules! ensure_eq {
    ($actual:expr, $expected:expr $(,)?) => {
        $crate::ensure_eq!($actual, $expected, "`{}`", stringify!($actual))
    };
    ($actual:expr, $expected:expr, $($message:tt)+) => {
        match (&$actual, &$expected) {
            (actual, expected) => {
                if !(*actual == *expected) {
                    return ::core::result::Result::Err($crate::Failure::new(format_args!(
                        "{}: expected {expected:?}, got {actual:?}",
                        format_args!($($message)+),
                    )).into());
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::Result;

    #[test]
    fn ensure_eq_evaluates_each_side_once_and_shows_expected_first() {
        let mut calls = 0;
        let mut next = || {
            calls += 1;
            calls
        };
        let step = |value: i32| -> Result<()> {
            ensure_eq!(value, 2);
            Ok(())
        };
        let failure = step(next()).unwrap_err();
        assert_eq!(failure.message, "`value`: expected 2, got 1");
        assert_eq!(calls, 1);
    }
}
