//! The output of an earlier step, taken without `Out`.

use coalmine::{Canary, Result};

struct Account;

async fn sign_up() -> Result<Account> {
    Ok(Account)
}

async fn close(account: Account) -> Result<()> {
    let _ = account;
    Ok(())
}

fn main() {
    let _ = Canary::new("front").step("sign_up", sign_up).step("close", close);
}
