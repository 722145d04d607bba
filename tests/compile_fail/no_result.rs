//! A step that returns its fact bare, and one whose error is no error.

use coalmine::Canary;

struct Account;

async fn sign_up() -> Account {
    Account
}

async fn close() -> Result<(), String> {
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up);
    let _ = Canary::new("front").step("close", close);
}
