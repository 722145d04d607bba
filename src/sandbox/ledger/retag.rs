//! Updates of tags: the given set takes the place of the whole old one \[S, T, 7\].

use super::{
    Answer, Books, Call,
    history::History,
    objects::{Holder, Objects},
};
use crate::{
    codes,
    envelope::{Refusal, ok},
    values::Tags,
};

pub(super) fn update_account_tags(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = retag(&mut books.accounts, call, holders_tags)?;
    if call.fault("snapshot_moves") {
        let place = books.accounts.place(id).expect("its tags were just changed");
        let tags = books.accounts.at(place).tags.clone();
        books.history.rewrite_snapshots(id, &tags);
    }
    Ok(ok().into())
}

pub(super) fn update_flavor_tags(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    retag(&mut books.flavors, call, holders_tags)?;
    Ok(ok().into())
}

/// Changes an action's own tags, which are also seen inside of its transaction \[C\], but not its snapshot \[D, 10\].
pub(super) fn update_action_tags(books: &mut Books, call: &Call<'_>) -> Result<Answer, Refusal> {
    let History { actions, .. } = &mut books.history;
    retag(actions, call, |action| &mut action.tags)?;
    // An action that did not match a feed's filter may do so now.
    books.feeds.look_again();
    books.tell();
    Ok(ok().into())
}

/// The tags of an account or flavor, which are about to change.
fn holders_tags(holder: &mut Holder) -> &mut Tags {
    holder.former_tags = holder.tags.clone();
    &mut holder.tags
}

/// Gives the thing named by the request its new tags; none, if none are given \[C, 14 row 10\].
fn retag<'a, T>(
    objects: &mut Objects<T>,
    call: &Call<'a>,
    tags: impl FnOnce(&mut T) -> &mut Tags,
) -> Result<&'a str, Refusal> {
    let id = call.fields.required("id")?;
    let new = Tags::from(call.fields.object("tags")?);
    let Some(place) = objects.place(id) else {
        if call.fault("nobody_retagged") {
            return Ok(id);
        }
        return Err(codes::NOT_FOUND.because(format!("there is no `{id}`")));
    };
    if call.fault("tag_update_lost") || (new.is_none() && call.fault("tags_not_cleared")) {
        return Ok(id);
    }
    let old = tags(objects.at_mut(place));
    *old = if call.fault("tags_merge") { old.merged(&new) } else { new };
    Ok(id)
}
