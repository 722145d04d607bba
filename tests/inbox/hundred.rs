//! A hundred who wait, on one mailbox, among mails for others and mails that come twice.

use coalmine::{Failure, ensure, ensure_eq};

use super::*;

const WAITERS: usize = 100;
const NOISE: usize = 60;

/// What a mail carries that is meant for this one.
fn code(number: usize) -> String {
    format!("{}", 300_000 + number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_waiters_get_their_own_mail_and_only_that_for_a_bounded_price() {
    let world = World::start();
    let own = world.clone();
    let body = move |inbox: Inbox| {
        let world = own.clone();
        async move {
            let mut addresses = Vec::new();
            for number in 0..WAITERS {
                addresses.push(inbox.address(&format!("role-{number}")).await?);
            }
            let waits: Vec<_> =
                addresses.iter().map(|address| tokio::spawn(inbox.wait_for(address).into_future())).collect();

            // Each its own; every fourth twice; some for others. In any order.
            let mut post: Vec<(String, String)> =
                addresses.iter().enumerate().map(|(number, to)| (to.to_string(), code(number))).collect();
            post.extend(post.clone().into_iter().step_by(4));
            let twice = post.len() - WAITERS;
            post.extend((0..NOISE).map(|number| (world.foreign(), code(number))));
            fastrand::shuffle(&mut post);
            for (to, code) in &post {
                world.send(to, "Confirm", code).await?;
            }

            for (number, wait) in waits.into_iter().enumerate() {
                let mail = wait.await??;
                ensure_eq!(*mail.code(6)?.expose(), code(number));
                ensure_eq!(mail.to(), [addresses[number].to_string()]);
            }
            // Those that came twice, too, and no other: nobody has more than that, and together they have all.
            let last = inbox.address("last").await?;
            world.send(&last, "Confirm", "482913").await?;
            inbox.wait_for(&last).await?;
            for (number, address) in addresses.iter().enumerate() {
                let times = if number % 4 == 0 { 2 } else { 1 };
                inbox.ensure_once(address).times(times).for_at_least(Duration::ZERO).await?;
            }
            let usage = world.mailbox.usage();
            let matched = u64::try_from(WAITERS + twice + 1)?;
            let seen = matched + u64::try_from(NOISE)?;
            ensure_eq!((usage.seen, usage.read, usage.searches), (seen, matched, 0));
            // And one look at the mailbox itself, when it was opened.
            ensure_eq!(usage.units, 1 + 2 * usage.polls + 20 * usage.seen + 20 * usage.read);
            ensure!(usage.polls < 2_000);
            Ok::<_, Failure>(())
        }
    };
    passed(&world.run(step(LONG, body)).await);
}
