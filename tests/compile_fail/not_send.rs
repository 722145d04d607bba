//! A value that cannot change threads, held across an await.

use std::rc::Rc;

use coalmine::{Canary, Result};

async fn sign_up() -> Result<()> {
    let name = Rc::new("me");
    std::future::ready(()).await;
    drop(name);
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up);
}
