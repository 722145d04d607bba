//! One argument too many.

use coalmine::{Canary, Context as Cx, Result};

async fn sign_up(_: Cx, _: Cx, _: Cx, _: Cx, _: Cx, _: Cx, _: Cx, _: Cx, _: Cx) -> Result<()> {
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up);
}
