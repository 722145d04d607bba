//! How many requests are allowed, by the clock.

use super::*;

#[tokio::test]
async fn events_in_any_minute() {
    let pager = Pager::with(Options { events_per_minute: 3, ..Options::default() });
    let send = async |key: &str| pager.event(&pager.trigger(key)).await.status.as_u16();
    assert_eq!([send("a").await, send("a").await], [202, 202]);
    pager.advance(30);
    assert_eq!([send("b").await, send("late").await], [202, 429]);
    // It slides: the two of the first second leave, the one of the 30th stays.
    pager.advance(30);
    assert_eq!([send("c").await, send("d").await, send("late").await], [202, 202, 429]);
    // A refused event counts as well, unless nobody knows whose it is.
    pager.advance(60);
    let mut wrong = pager.trigger("k");
    wrong["payload"] = Value::Null;
    for _ in 0..3 {
        pager.event(&wrong).await.is(400);
        pager.send(Method::POST, "/v2/enqueue", &[], "{").await.unwrap().is(400);
    }
    assert_eq!(pager.event(&wrong).await.status, 429);

    assert!(!pager.service().open().contains("late"), "what is too much is not taken");
    let counts = pager.service().events();
    let sum = counts.accepted + counts.refused + counts.rate_limited + counts.failed;
    assert_eq!((counts.received, sum), (14, 14));
    assert_eq!((counts.accepted, counts.refused, counts.rate_limited), (5, 6, 3));
    assert_eq!(counts.busiest_minute, 7);
}

#[tokio::test]
async fn the_limit_is_120_and_the_key_s_own() {
    let pager = Pager::start();
    for _ in 0..120 {
        pager.event(&pager.trigger("k")).await.is(202);
    }
    let answer = pager.event(&pager.trigger("k")).await;
    assert!(!answer.headers.contains_key("retry-after"), "it is not promised");
    assert_eq!(answer.is(429)["status"], "throttle exceeded");
    let change = json!({"routing_key": pager.service().routing_key(), "payload": {"summary": "s"}});
    pager.send(Method::POST, "/v2/change/enqueue", &[], change.to_string()).await.unwrap().is(429);
    let mut other = pager.trigger("k");
    other["routing_key"] = "0".repeat(32).into();
    pager.event(&other).await.is(202);
    pager.advance(60);
    pager.event(&pager.trigger("k")).await.is(202);
}

#[tokio::test]
async fn calls_in_any_minute() {
    let pager = Pager::with(Options { api_calls_per_minute: 2, ..Options::default() });
    let headers = |answer: &Answer| {
        ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
            .map(|name| answer.headers[name].to_str().unwrap().parse::<u32>().unwrap())
    };
    let first = pager.get("/incidents").await;
    assert_eq!(headers(&first), [2, 1, 60]);
    first.is(200);
    pager.advance(20);
    // An error costs as much.
    let second = pager.get("/incidents/Q").await;
    let [limit, left, reset] = headers(&second);
    assert!((limit, left) == (2, 0) && (39..=40).contains(&reset), "{reset}");
    second.is(404);
    let third = pager.get("/incidents").await;
    assert_eq!(headers(&third)[1], 0);
    let expected = json!({"error": {"message": "Rate Limit Exceeded", "code": 2020}});
    assert_eq!(third.is(429), expected);
    pager.advance(40);
    pager.get("/incidents").await.is(200);
    // Whoever is not let in does not use up anything, and is told nothing.
    let stranger = pager.send(Method::GET, "/incidents", &[], "").await.unwrap();
    assert!(!stranger.headers.contains_key("ratelimit-limit"));
    stranger.is(401);
}
