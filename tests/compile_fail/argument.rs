//! An argument that nothing can be built from.

use coalmine::{Canary, Result};

async fn sign_up(retry: bool) -> Result<()> {
    let _ = retry;
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up);
}
