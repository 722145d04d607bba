//! What opens, what closes, who is told: one row per rule. Each row: what it shows, settings, history, outcome.

use super::check;

#[test]
fn which_runs_count() {
    check(&[
        ("all is well", "", "p p p", ""),
        ("one failure is no incident", "", "f", ""),
        ("two in a row are", "", "f f", "2 open a | a1"),
        ("two of three are", "", "f p f", "3 open a | a1"),
        ("two of four are not", "", "f p p f", ""),
        ("one is enough where one is asked for", "1/1/1", "f", "1 open a | a1"),
        ("one of one, and green at once", "1/1/1", "f p", "1 open a; 2 close a"),
        ("three of five", "3/5/2", "f f p f", "4 open a | a1"),
        ("three of six are not", "3/5/2", "f f p p p f", ""),
        ("inconclusive takes no slot", "", "f i f", "3 open a | a1"),
        ("nor does a skipped run", "", "f s f", "3 open a | a1"),
        ("nor does one that somebody stopped", "", "f x f", "3 open a | a1"),
        ("inconclusive is never the product", "inconclusive=never", "i i i i i i i i i i", ""),
        ("runs of some steps only do not count", "", "f~ f~ f~", ""),
        ("and take no slot", "", "f p~ p~ f", "4 open a | a1"),
        ("somebody who asks counts", "", "f Qf", "2 open a | a1"),
        ("the second look counts", "", "f +40s Rf", "2 open a | a1"),
        ("a run counts once", "", "f again again", ""),
        ("also the one that decided", "", "f f again f again", "2 open a | a1"),
        ("and the one that closes", "", "f f p p again f", "2 open a; 4 close a"),
    ]);
}

#[test]
fn which_steps_count() {
    check(&[
        ("blocked steps follow from their root", "", "a>bcde a>bcde", "2 open a | a1"),
        ("two roots are two incidents", "", "ab ab", "2 open a; 2 open b | a1 b1"),
        ("each on its own evidence", "", "a ab ab", "2 open a; 3 open b | a1 b1"),
        ("blocked takes no slot of that step", "3/5/2", "a b>a b>a a", "3 open * | *1(b)"),
        ("an inconclusive step takes no slot", "", "a?b ab", "2 open a | a1"),
        ("nor does a skipped one", "", "ab a-b ab", "2 open a; 3 open b | a1 b1"),
        (
            "a step that passes in a failed run has passed",
            "",
            "ab ab b b",
            "2 open a; 2 open b; 4 close a | b1",
        ),
        ("each comes and goes on its own", "3/5/2", "a ab ab b b", "3 open a; 4 open b; 5 close a | b1"),
    ]);
}

#[test]
fn when_it_closes() {
    check(&[
        ("after two passes", "", "f f p p", "2 open a; 4 close a"),
        ("in a row", "", "f f p f p p", "2 open a; 6 close a"),
        ("three, where three are asked for", "2/3/3", "f f p p f p p p", "2 open a; 8 close a"),
        ("more passes than the window is long", "1/1/3", "f p p p", "1 open a; 4 close a"),
        ("inconclusive neither adds nor resets", "", "f f p i p", "2 open a; 5 close a"),
        ("nor does skipped", "", "f f p s p", "2 open a; 5 close a"),
        ("nor does blocked", "", "f f p b>a p", "2 open a; 5 close a"),
        ("runs of some steps only close nothing", "", "f f p~ p~ p~", "2 open a | a1"),
        ("it opens anew", "", "f f p p f f", "2 open a; 4 close a; 6 open a | a1"),
        ("one failure after green is not enough", "", "f f p p f p f", "2 open a; 4 close a; 7 open a | a1"),
        ("offline does not close", "inconclusive=never", "f f i i i i i i i", "2 open a | a1"),
    ]);
}

#[test]
fn old_evidence_lapses() {
    check(&[
        ("three intervals and runs old, it counts", "", "f +15m f", "2 open a | a1"),
        ("older, it does not", "", "f +16m f", ""),
        ("the newer two do", "", "f +16m f f", "3 open a | a1"),
        ("while nobody could tell", "", "f i i f", "4 open a | a1"),
        ("for too long", "", "f i i i f", ""),
        ("nothing lapses without an interval", "every=never", "f +99h f", "2 open a | a1"),
        ("runs longer than the interval page too", "every=2s lasts=65s", "f f", "2 open a | a1"),
        ("also as two of three", "every=2s lasts=65s", "f p f", "3 open a | a1"),
        ("a clock that goes back lets nothing lapse", "", "f -1h f", "2 open a | a1"),
        ("also when it comes back", "", "f -1h p +65m f", "3 open a | a1"),
        ("nor does it make failures a burst", "3/5/2", "f -1h f f", "3 open a | a1"),
        ("roots that move lapse as well", "", "a +16m b", ""),
    ]);
}

#[test]
fn a_burst_counts_once_more() {
    check(&[
        ("the second failure counts", "", "f +5s Qf", "2 open a | a1"),
        ("the third and fourth do not", "3/5/2", "f +5s Qf +5s Qf +5s Qf", ""),
        ("at its end the next does", "3/5/2", "f +5s Qf +25s f", "3 open a | a1"),
        ("after the span the next does", "3/5/2", "f +5s Qf +5s Qf +30s f", "4 open a | a1"),
        ("a pass takes a slot and ends the span", "3/5/2", "f +5s Qf +5s Qp +5s Qf", "4 open a | a1"),
        ("the span is no longer than the interval", "3/5/2 every=2s lasts=1s", "f f f", "3 open a | a1"),
        ("a burst of different roots", "3/5/2", "a +5s Qb +5s Qc +5s Qd", ""),
        (
            "what fails in it does not get nearer to green",
            "",
            "a a p b>a +5s Qb>a +5s Qa p p",
            "2 open a; 5 open b; 8 close a; 8 close b",
        ),
    ]);
}

#[test]
fn many_roots_are_one_page() {
    check(&[
        ("three are three", "", "abc abc", "2 open a; 2 open b; 2 open c | a1 b1 c1"),
        ("four are one", "", "abcd abcd", "2 open * | *1(abcd)"),
        ("two, where one is the most", "roots=1", "ab ab", "2 open * | *1(ab)"),
        ("those that are down only", "", "abc abcde", "2 open a; 2 open b; 2 open c | a1 b1 c1"),
        (
            "open ones are counted, and stay",
            "",
            "abc abc abcd abcd",
            "2 open a; 2 open b; 2 open c; 4 open * | a1 b1 c1 *1(d)",
        ),
        ("further ones join without a page", "", "abcd abcd abcde abcde", "2 open *; 4 join *+e | *1(abcde)"),
        ("it closes after two runs without a failure", "", "abcd abcd p p", "2 open *; 4 close *"),
        ("in a row", "", "abcd abcd p a p p", "2 open *; 6 close *"),
        ("a failure of another step keeps it open", "", "abcd abcd p e p p", "2 open *; 6 close *"),
        (
            "but none that has an incident of its own",
            "",
            "abc abc abcd abcd abc abc",
            "2 open a; 2 open b; 2 open c; 4 open *; 6 close * | a1 b1 c1",
        ),
        (
            "roots that could not be looked at are not green",
            "",
            "abc abc abcd abcd abc>d abc>d abc abc",
            "2 open a; 2 open b; 2 open c; 4 open *; 8 close * | a1 b1 c1",
        ),
        ("inconclusive neither adds nor resets", "", "abcd abcd p i p", "2 open *; 5 close *"),
        ("after it, each is on its own again", "", "abcd abcd p p a a", "2 open *; 4 close *; 6 open a | a1"),
    ]);
}

#[test]
fn roots_that_move_are_the_canary() {
    check(&[
        ("another step each time", "", "a b", "2 open * | *1(b)"),
        ("two of three", "", "a p b", "3 open * | *1(b)"),
        ("two of four are not", "", "a p p b", ""),
        ("three of five", "3/5/2", "a b a", "3 open * | *1(a)"),
        ("what then comes down joins", "", "a b>a a", "2 open *; 3 join *+a | *1(ab)"),
        ("a run with a root that is down is explained", "", "a ab", "2 open a | a1"),
        ("so is one with an open root", "", "a a ab", "2 open a | a1"),
        ("one that is not, is one", "", "a a b", "2 open a | a1"),
        ("two are two", "", "a a b c", "2 open a; 4 close a; 4 open * | *1(c)"),
        ("what was explained stays explained", "2/5/2", "a a p p b", "2 open a; 4 close a"),
        ("also by this rule", "2/5/2", "a b p p c", "2 open *; 4 close *"),
        ("even if it closes at once", "2/5/1", "a b p c", "2 open *; 3 close *"),
        ("it closes after two good runs", "", "a b c p p", "2 open *; 5 close *"),
    ]);
}

#[test]
fn reminders_and_acknowledgements() {
    check(&[
        ("after four hours", "", "f f +5h", "2 open a; @245m remind a | a2"),
        ("and again", "", "f f +9h", "2 open a; @245m remind a; @485m remind a | a3"),
        ("never, where nobody wants it", "remind=never", "f f +99h", "2 open a | a1"),
        ("not once somebody takes care", "", "f f ack:a +9h", "2 open a; @5m ack a | a1k"),
        ("however many runs fail", "", "f f ack:a f f +9h", "2 open a; @5m ack a | a1k"),
        ("once is enough", "", "f f ack:a ack:a", "2 open a; @5m ack a | a1k"),
        ("of nothing, nothing", "", "f ack:a unack:a human:a", ""),
        (
            "given back, it reminds anew",
            "",
            "f f ack:a +1h unack:a +5h",
            "2 open a; @5m ack a; @65m free a; @305m remind a | a2",
        ),
        (
            "a second root has a page of its own",
            "",
            "a a ack:a ab ab",
            "2 open a; @5m ack a; 4 open b | a1k b1",
        ),
        ("acknowledged, it closes all the same", "", "f f ack:a p p", "2 open a; @5m ack a; 4 close a"),
        ("and opens anew without", "", "f f ack:a p p f f", "2 open a; @5m ack a; 4 close a; 6 open a | a1"),
        (
            "a clock that goes back defers no reminder for long",
            "",
            "f f -2h +5h",
            "2 open a; @125m remind a | a2",
        ),
    ]);
}

#[test]
fn silences() {
    check(&[
        ("it opens, but nobody is told", "", "win:*:1h f f", "2 open a; 2 hold a | a0z"),
        (
            "what outlives the window is told then",
            "",
            "win:*:1h f f +2h",
            "2 open a; 2 hold a; @60m free a | a1",
        ),
        ("what does not, never", "", "win:*:1h f f p p", "2 open a; 2 hold a; 4 close a untold"),
        ("evidence is gathered in it", "", "win:*:4m f f", "2 open a | a1"),
        ("of the canary", "", "win:front:1h f f", "2 open a; 2 hold a | a0z"),
        ("of the step", "", "mute:a:1h ab ab", "2 open a; 2 open b; 2 hold a | a0z b1"),
        ("of another step", "", "mute:b:1h f f", "2 open a | a1"),
        ("what was told stays told", "", "f f mute:a:1h +30m", "2 open a; @5m hold a | a1z"),
        ("without reminders", "", "f f mute:a:5h +6h", "2 open a; @5m hold a; @305m free a | a1"),
        (
            "and with them afterwards",
            "",
            "f f mute:a:1h +6h",
            "2 open a; @5m hold a; @65m free a; @305m remind a | a2",
        ),
        ("lifted, it releases at once", "", "win:*:1h f f lift", "2 open a; 2 hold a; @5m free a | a1"),
        ("the one that ends last holds", "", "win:*:1h mute:a:2h f f +80m", "2 open a; 2 hold a | a0z"),
        ("in whichever order", "", "mute:a:2h win:*:1h f f +80m", "2 open a; 2 hold a | a0z"),
        ("and then the other", "", "win:*:1h mute:a:2h f f lift", "2 open a; 2 hold a; @5m hold a | a0z"),
        ("one to come", "", "f f win:*:1h:10m +5m", "2 open a | a1"),
        ("that has come", "", "f f win:*:1h:10m +20m", "2 open a; @15m hold a | a1z"),
        (
            "a whole canary by parts",
            "",
            "mute:a:1h mute:b:1h mute:c:1h mute:d:1h abcd abcd",
            "2 open *; 2 hold * | *0z(abcd)",
        ),
        ("not by one part", "", "mute:a:1h abcd abcd", "2 open * | *1(abcd)"),
        ("at once", "", "mute:front:1h abcd abcd", "2 open *; 2 hold * | *0z(abcd)"),
        (
            "until the first part ends",
            "",
            "mute:a:1h mute:b:1h mute:c:1h mute:d:2h abcd abcd +80m",
            "2 open *; 2 hold *; @60m free * | *1(abcd)",
        ),
        (
            "or another root joins",
            "",
            "mute:a:1h mute:b:1h mute:c:1h mute:d:1h abcd abcd abcde abcde",
            "2 open *; 2 hold *; 4 join *+e; 4 free * | *1(abcde)",
        ),
        (
            "what is for the owners is silenced with the canary",
            "",
            "mute:front:1h p! p!",
            "2 open ~leftovers; 2 hold ~leftovers | ~leftovers0z",
        ),
        ("but not with a step", "", "mute:a:1h p! p!", "2 open ~leftovers | ~leftovers1"),
    ]);
}

#[test]
fn pauses() {
    check(&[
        ("open stays open, nobody is reminded", "", "f f pause +9h", "2 open a; @5m hold a | a1P"),
        ("and nobody is told anew", "", "f f pause +9h resume", "2 open a; @5m hold a; @545m free a | a1"),
        (
            "but reminded later",
            "",
            "f f pause +1h resume +5h",
            "2 open a; @5m hold a; @65m free a; @305m remind a | a2",
        ),
        (
            "what opens in it is told afterwards",
            "",
            "pause Qf Qf resume",
            "2 open a; 2 hold a; @5m free a | a1",
        ),
        (
            "a pause in a silence",
            "",
            "win:*:1h f f pause +2h resume",
            "2 open a; 2 hold a; @5m hold a; @125m free a | a1",
        ),
    ]);
}

#[test]
fn somebody_resolves_what_is_still_down() {
    check(&[
        ("quiet", "", "f f human:a f f", "2 open a; @5m human a | a1R"),
        ("until green", "", "f f human:a p p", "2 open a; @5m human a; 4 close a"),
        ("or paged anew", "", "f f human:a +5h", "2 open a; @5m human a; @245m free a | a2"),
        ("and again", "", "f f human:a +9h", "2 open a; @5m human a; @245m free a; @485m remind a | a3"),
        (
            "never, where there are no reminders",
            "remind=never",
            "f f human:a +99h",
            "2 open a; @5m human a | a1R",
        ),
        ("once is enough", "", "f f human:a +1h human:a +4h", "2 open a; @5m human a; @245m free a | a2"),
        (
            "and a second time",
            "",
            "f f human:a +5h human:a +1h",
            "2 open a; @5m human a; @245m free a; @305m human a | a2R",
        ),
        (
            "an acknowledgement is dropped",
            "",
            "f f ack:a human:a +5h",
            "2 open a; @5m ack a; @5m human a; @245m free a | a2",
        ),
        (
            "who takes it after that is not paged",
            "",
            "f f human:a ack:a +9h",
            "2 open a; @5m human a; @5m ack a | a1Rk",
        ),
        (
            "until it is given back",
            "",
            "f f human:a ack:a +1h unack:a +5h",
            "2 open a; @5m human a; @5m ack a; @65m free a; @305m free a | a2",
        ),
        (
            "not while it is silenced, but then",
            "",
            "f f human:a mute:a:5h +6h",
            "2 open a; @5m human a; @245m hold a; @305m free a | a2",
        ),
        (
            "nor while paused",
            "",
            "f f human:a pause +5h resume",
            "2 open a; @5m human a; @245m hold a; @305m free a | a2",
        ),
        (
            "a clock that goes back defers it no longer",
            "",
            "f f human:a -9h +5h",
            "2 open a; @5m human a; @-295m free a | a2",
        ),
    ]);
}

#[test]
fn what_is_no_longer_in_the_suite() {
    check(&[
        ("a step", "", "f f gone:a", "2 open a; @5m gone a"),
        ("another step", "", "f f gone:b", "2 open a | a1"),
        ("the canary", "", "ab ab gone:*", "2 open a; 2 open b; @5m gone a; @5m gone b"),
        ("some of its roots", "", "abcd abcd gone:abc", "2 open * | *1(abcd)"),
        ("all of its roots", "", "abcd abcd gone:abcd", "2 open *; @5m gone *"),
        ("what it has failed before counts no more", "", "f gone:a f", ""),
        (
            "the owners' incidents end with the canary",
            "",
            "miss gone:*",
            "@0m open ~missed; @0m gone ~missed",
        ),
        ("and not with a step", "", "miss gone:a", "@0m open ~missed | ~missed1"),
    ]);
}
