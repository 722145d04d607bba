//! What is for the canary's owners: rows as in the table of what is for the engineer on call.

use super::check;

#[test]
fn nobody_could_tell() {
    check(&[
        ("not at once", "", "i i i i i i", ""),
        ("after half an hour", "", "i i i i i i i", "7 open ~inconclusive | ~inconclusive1"),
        ("not by two runs", "every=1h", "i i", ""),
        ("but by three", "every=1h", "i i i", "3 open ~inconclusive | ~inconclusive1"),
        ("a pass begins anew", "", "i i i i i i p i i i i i i", ""),
        ("so does a failure", "", "i i i i i i f i i i i i i", ""),
        ("a skipped run does not", "", "i i i s i i i", "7 open ~inconclusive | ~inconclusive1"),
        ("a pass closes", "", "i i i i i i i p", "7 open ~inconclusive; 8 close ~inconclusive"),
        ("so does a failure", "", "i i i i i i i f", "7 open ~inconclusive; 8 close ~inconclusive"),
        ("runs that somebody stopped do not count", "", "x x x x x x x x x x", ""),
        ("nor do they begin anew", "", "i i i x x x i", "7 open ~inconclusive | ~inconclusive1"),
        ("nor do runs of some steps", "", "i~ i~ i~ i~ i~ i~ i~ i~", ""),
        ("one step is enough", "", "p?b p?b p?b p?b p?b p?b p?b", "7 open ~inconclusive | ~inconclusive1"),
        (
            "the product's incident stays",
            "",
            "f f i i i i i i i",
            "2 open a; 9 open ~inconclusive | a1 ~inconclusive1",
        ),
        ("never, where nobody wants it", "inconclusive=never", "i i i i i i i i i", ""),
        (
            "a clock that goes back defers it no longer",
            "",
            "i i -1h i i i i i i i",
            "9 open ~inconclusive | ~inconclusive1",
        ),
    ]);
}

#[test]
fn what_is_left_over_and_what_is_missed() {
    check(&[
        ("left over once", "", "p! p", ""),
        ("twice", "", "p! p!", "2 open ~leftovers | ~leftovers1"),
        ("in two of three", "", "p! p p!", "3 open ~leftovers | ~leftovers1"),
        ("in two of four", "", "p! p p p!", ""),
        (
            "it changes no verdict, but is seen beside it",
            "",
            "f! f!",
            "2 open a; 2 open ~leftovers | a1 ~leftovers1",
        ),
        ("it closes after two clean runs", "", "p! p! p p", "2 open ~leftovers; 4 close ~leftovers"),
        ("in a row", "", "p! p! p p! p p", "2 open ~leftovers; 6 close ~leftovers"),
        ("also if they fail", "", "p! p! f p", "2 open ~leftovers; 4 close ~leftovers"),
        ("old ones lapse", "", "p! +16m p!", ""),
        ("inconclusive runs say nothing of it", "", "i! i! i!", ""),
        ("missed", "", "miss", "@0m open ~missed | ~missed1"),
        ("once", "", "miss miss", "@0m open ~missed | ~missed1"),
        ("until it runs by itself", "", "miss p", "@0m open ~missed; 1 close ~missed"),
        ("however that ends", "", "miss i", "@0m open ~missed; 1 close ~missed"),
        ("not because somebody asks", "", "miss Qp", "@0m open ~missed | ~missed1"),
        ("in silence", "", "win:*:1h miss p", "@0m open ~missed; @0m hold ~missed; 1 close ~missed untold"),
        ("it is reminded of", "", "miss +5h", "@0m open ~missed; @240m remind ~missed | ~missed2"),
    ]);
}
