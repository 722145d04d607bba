//! A function that is not async.

use coalmine::{Canary, Context, Result};

fn sign_up(_: Context) -> Result<()> {
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up);
}
