//! A new user's way: sign up, confirm by mail, make a team, a ledger and a credential, invite a colleague who
//! accepts, and take everything down again.

mod confirm;
mod credential;
mod invite;
mod member;
mod replay;
mod resend;
mod revoke;
mod roles;
mod sign_up;
mod team;
mod tear_down;
mod user;

use std::time::Duration;

use coalmine::Canary;

/// How long a mail may take from the product to the mailbox.
const MAIL_LIMIT: Duration = Duration::from_secs(60);

/// The latency budget of steps that make many requests. One of them may be slow: whether it is, is for the step to say
/// that proves its operation.
const MANY: Duration = Duration::from_secs(8);

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
        .step("replay_sign_up", replay::replay_sign_up).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("a repeated sign-up leaves the mailed code good")
        .fixture("forgetful", resend::forgetful).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("somebody else can sign up and gets a code")
        .step("resend_code", resend::resend_code).covers("resend-code")
        .promise("a user who has not confirmed can ask for another code")
        .step("receive_new_code", resend::receive_new_code).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("the other code arrives in the inbox within a minute")
        .step("refuse_second_resend", resend::refuse_second_resend)
        .promise("a third code cannot be had within a minute")
        .step("refuse_old_code", resend::refuse_old_code)
        .promise("the first code is void when another was sent")
        .fixture("guesser", resend::guesser).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("a third person can sign up and gets a code")
        .step("refuse_code_of_another", resend::refuse_code_of_another)
        .promise("the code of somebody else does not confirm an address")
        .step("confirm_with_new_code", resend::confirm_with_new_code)
        .promise("the other code confirms the address")
        .step("use_up_tries", resend::use_up_tries).after("refuse_code_of_another")
        .promise("after five wrong tries the right code does not confirm any more")
        .step("replay_resend", replay::replay_resend)
        .promise("a repeated request for another code is answered as before")
        .step("create_team", team::create_team).covers("create-team")
        .promise("a user can create a team and is its admin")
        .step("get_user", user::get_user).covers("get-user")
        .promise("a user is shown with address, name and teams")
        .step("list_teams", user::list_teams).covers("list-teams")
        .promise("exactly the user's own teams are listed")
        .step("sign_out", user::sign_out).covers("sign-out")
        .promise("signing out ends one session and no other")
        .step("replay_sessions", replay::replay_sessions)
        .promise("repeated requests to confirm and to sign out are answered as before")
        .step("create_ledger", team::create_ledger).covers("create-ledger")
        .promise("an admin can create a ledger")
        .step("list_ledgers", team::list_ledgers).covers("list-ledgers")
        .promise("exactly the team's ledgers are listed")
        .step("create_credential", team::create_credential).covers("create-credential")
        .promise("an admin can create an API credential")
        .step("use_credential", team::use_credential)
        .promise("a new credential opens the team's new, empty ledger at once")
        .step("invite_member", invite::invite_member).covers("invite-member")
        .promise("an admin can invite a colleague")
        .step("list_invites", invite::list_invites).covers("list-invites")
        .promise("exactly the invitations that are open are listed")
        .step("receive_invitation", invite::receive_invitation).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("the invitation arrives in the inbox within a minute")
        .step("accept_invite", invite::accept_invite).covers("accept-invite").after("list_invites")
        .promise("the link of the invitation makes its reader a member")
        .step("refuse_used_invitation", invite::refuse_used_invitation)
        .promise("an invitation works once")
        .step("replay_invitation", replay::replay_invitation)
        .promise("a repeated invitation and acceptance are answered as before")
        .fixture("unwanted", revoke::unwanted).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("somebody else can be invited and gets the mail")
        .step("revoke_invite", revoke::revoke_invite).covers("revoke-invite")
        .promise("a revoked invitation is listed no more")
        .step("refuse_revoked_invitation", revoke::refuse_revoked_invitation).after("list_members")
        .promise("a revoked invitation makes nobody a member")
        .step("list_members", member::list_members).covers("list-members")
        .promise("both members are listed, each with the right role")
        .step("refuse_member_inviting", member::refuse_member_inviting)
        .promise("a member who is no admin cannot invite")
        .step("create_members_credential", credential::create_members_credential)
        .promise("a member's credential carries the member's role")
        .step("list_credentials", credential::list_credentials).covers("list-credentials")
        .promise("an admin sees all credentials of the team, without their secrets")
        .step("list_own_credentials", credential::list_own_credentials)
        .promise("a member who is no admin sees no credentials of others")
        .step("replay_creations", replay::replay_creations)
        .promise("repeated requests create no second team, ledger or credential")
        .fixture("reader", roles::reader).timeout(MAIL_LIMIT * 2).within(MAIL_LIMIT)
        .promise("somebody can be invited who may only read")
        .step("read_as_reader", roles::read_as_reader)
        .promise("a reader sees ledgers and members, and no credentials of others")
        .step("use_readers_credential", roles::use_readers_credential)
        .promise("a reader's credential reads the ledger")
        .step("refuse_reader_creating", roles::refuse_reader_creating).within(MANY)
        .promise("a reader's credential creates nothing in the ledger")
        .step("refuse_reader_changing", roles::refuse_reader_changing).within(MANY)
        .promise("a reader's credential changes nothing in the ledger")
        .step("refuse_reader_managing", roles::refuse_reader_managing).within(MANY)
        .promise("a reader changes nothing in the team")
        .step("use_members_credential", roles::use_members_credential).within(MANY)
        .promise("a member's credential reads and writes the ledger")
        .step("create_members_ledger", roles::create_members_ledger)
        .promise("a member who is no admin can create a ledger")
        .step("update_member", member::update_member).covers("update-member")
        .promise("a member who is made an admin may do at once what admins may")
        .step("replay_update", replay::replay_update)
        .promise("a repeated change of a role does not undo a later one")
        .step("remove_member", member::remove_member).covers("remove-member")
        .promise("a removed member loses access at once")
        .step("refuse_removed_members_credential", roles::refuse_removed_members_credential)
        .promise("a removed member's credential opens nothing any more")
        .step("refuse_last_admin", roles::refuse_last_admin).after("get_user").after("list_teams")
        .promise("the last admin can neither step down nor leave")
        .step("delete_credential", tear_down::delete_credential).covers("delete-credential")
        .promise("a deleted credential opens nothing any more")
        .step("delete_ledger", tear_down::delete_ledger).covers("delete-ledger")
        .promise("a deleted ledger is gone")
        .step("replay_removals", replay::replay_removals)
        .promise("repeated requests to remove something are answered as before")
        .step("delete_team", tear_down::delete_team).covers("delete-team")
        .promise("a deleted team is gone")
        .step("delete_user", tear_down::delete_user).covers("delete-user")
        .promise("a deleted user cannot sign in")
        .step("replay_tear_down", replay::replay_tear_down)
        .promise("repeated requests to delete team and user are answered as before")
}
