//! What refusals of the dashboard say.

use coalmine::{Canary, Out, Result};

use super::member::Limited;
use crate::sequence::Unexplained;

/// The steps that are refused something.
const REFUSED: [&str; 30] = [
    "refuse_wrong_code",
    "refuse_wrong_password",
    "refuse_second_resend",
    "refuse_old_code",
    "refuse_code_of_another",
    "refuse_used_invitation",
    "refuse_revoked_invitation",
    "refuse_user_without_proof",
    "refuse_member_inviting",
    "refuse_reader_creating",
    "refuse_reader_changing",
    "refuse_reader_managing",
    "refuse_removed_members_credential",
    "refuse_last_admin",
    "refuse_team_names",
    "refuse_ledger_names",
    "refuse_inviting_member",
    "refuse_incomplete_people",
    "refuse_incomplete_belongings",
    "refuse_without_session",
    "refuse_wrong_session",
    "refuse_stranger",
    "refuse_deleting_production",
    "sign_out",
    "remove_member",
    "delete_credential",
    "refuse_deleted_credential",
    "delete_ledger",
    "delete_team",
    "delete_user",
];

/// Where nothing has been refused, there is nothing to say of refusals: then this is blocked, and not green.
pub(super) async fn explain_refusals(unexplained: Unexplained, _refused: Out<Limited>) -> Result<()> {
    unexplained.none()
}

/// Puts the last step behind all that are refused something.
pub(super) fn after_refusals(canary: Canary) -> Canary {
    REFUSED.iter().fold(canary, |canary, step| canary.after(step))
}
