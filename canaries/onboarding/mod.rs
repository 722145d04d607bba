//! A new user's way: sign up, confirm by mail, make a team, a ledger and a credential, invite a colleague who
//! accepts, and take everything down again.

mod confirm;
mod invite;
mod member;
mod sign_up;
mod team;
mod tear_down;

use std::time::Duration;

use coalmine::Canary;

/// How long a mail may take from the product to the mailbox.
const MAIL_LIMIT: Duration = Duration::from_secs(60);

/// The table of contents.
#[must_use]
#[rustfmt::skip]
pub fn canary() -> Canary {
    Canary::new("onboarding")
        .every(Duration::from_secs(300))
        .budget(Duration::from_secs(3))
        .step("sign_up", sign_up::sign_up).covers("sign-up")
        .promise("a new user can sign up with an address and a password")
        .step("receive_code", sign_up::receive_code).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("the confirmation code arrives in the inbox within a minute")
        .step("refuse_wrong_code", confirm::refuse_wrong_code)
        .promise("a wrong code does not confirm an address")
        .step("confirm_email", confirm::confirm_email).covers("confirm-sign-up").after("refuse_wrong_code")
        .promise("the mailed code confirms the address")
        .step("sign_in", sign_up::sign_in).covers("sign-in")
        .promise("a confirmed user can sign in")
        .step("refuse_wrong_password", sign_up::refuse_wrong_password)
        .promise("a wrong password does not sign in")
        .step("create_team", team::create_team).covers("create-team")
        .promise("a user can create a team and is its admin")
        .step("create_ledger", team::create_ledger).covers("create-ledger")
        .promise("an admin can create a ledger")
        .step("create_credential", team::create_credential).covers("create-credential")
        .promise("an admin can create an API credential")
        .step("use_credential", team::use_credential)
        .promise("a new credential opens the team's new, empty ledger at once")
        .step("invite_member", invite::invite_member).covers("invite-member")
        .promise("an admin can invite a colleague")
        .step("receive_invitation", invite::receive_invitation).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("the invitation arrives in the inbox within a minute")
        .step("accept_invite", invite::accept_invite).covers("accept-invite")
        .promise("the link of the invitation makes its reader a member")
        .step("refuse_used_invitation", invite::refuse_used_invitation)
        .promise("an invitation works once")
        .step("list_members", member::list_members).covers("list-members")
        .promise("both members are listed, each with the right role")
        .step("refuse_member_inviting", member::refuse_member_inviting)
        .promise("a member who is no admin cannot invite")
        .step("remove_member", member::remove_member).covers("remove-member")
        .promise("a removed member loses access at once")
        .step("delete_credential", tear_down::delete_credential).covers("delete-credential")
        .promise("a deleted credential opens nothing any more")
        .step("delete_ledger", tear_down::delete_ledger).covers("delete-ledger")
        .promise("a deleted ledger is gone")
        .step("delete_team", tear_down::delete_team).covers("delete-team")
        .promise("a deleted team is gone")
        .step("delete_user", tear_down::delete_user).covers("delete-user")
        .promise("a deleted user cannot sign in")
}
