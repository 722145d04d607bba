//! Many calls in one request.

use serde_json::{Value, json};

use super::{World, answer, granting, refused};

/// The parts of a batch, with the right frame; lines end as Python's do.
fn batch(calls: &[String]) -> String {
    let part = |(n, call): (usize, &String)| {
        format!(
            "--==x==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-ID: <b + {n}>\n\n{call}\n"
        )
    };
    let parts: String = calls.iter().enumerate().map(part).collect();
    format!("{parts}--==x==--\n")
}

/// What the batch is answered: each part's id, status and body.
async fn send(world: &World, body: String, authorized: bool) -> Vec<(String, u16, Value)> {
    let mut request = world
        .http
        .post(format!("{}/batch/gmail/v1", world.root))
        .header("Content-Type", "multipart/mixed; boundary=\"==x==\"")
        .body(body);
    if authorized {
        request = request.bearer_auth(&world.token);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    let text = response.text().await.unwrap();
    let (parts, end) = text.rsplit_once(&format!("--{boundary}--")).unwrap();
    assert_eq!(end, "\r\n");
    let frame = format!("--{boundary}\r\n");
    parts
        .split(&frame)
        .skip(1)
        .map(|part| {
            let [head, http, body] = part.splitn(3, "\r\n\r\n").collect::<Vec<_>>()[..] else {
                panic!("{part}")
            };
            let id = head.lines().find_map(|line| line.strip_prefix("Content-ID: ")).unwrap_or_default();
            let status = http.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
            let body = body.strip_suffix("\r\n").unwrap();
            let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
            (id.to_owned(), status, body)
        })
        .collect()
}

#[tokio::test]
async fn each_call_is_answered_as_if_it_had_come_alone() {
    let world = World::start_with(granting(&["modify"])).await;
    world.send_text("coalmine@sandbox.test", "One", "").await;
    let id = world.list("").await.remove(0);
    let star = "{\"addLabelIds\": [\"STARRED\"]}";
    let before = world.service.units();
    let calls = [
        format!("GET /gmail/v1/users/me/messages/{id}?format=minimal HTTP/1.1\nHost: x\n\n"),
        format!(
            "POST /gmail/v1/users/me/messages/{id}/modify HTTP/1.1\nContent-Type: application/json\n\n{star}"
        ),
        format!("DELETE /gmail/v1/users/me/messages/{id} HTTP/1.1\n\n"),
        "GET /gmail/v1/users/me/messages/0123456789abcdef HTTP/1.1\n\n".to_owned(),
        "GET /gmail/v1/users/me/messages HTTP/1.1\nAuthorization: Bearer wrong\n\n".to_owned(),
        "POST /gmail/v1/users/me/messages/batchModify HTTP/1.1\n\n".to_owned(),
        "gibberish".to_owned(),
    ];
    let answers = send(&world, batch(&calls), true).await;
    let statuses: Vec<_> = answers.iter().map(|(id, status, _)| (id.as_str(), *status)).collect();
    assert_eq!(
        statuses,
        [
            ("<response-b + 0>", 200),
            ("<response-b + 1>", 200),
            ("<response-b + 2>", 403),
            ("<response-b + 3>", 404),
            ("<response-b + 4>", 401),
            ("<response-b + 5>", 400),
            ("<response-b + 6>", 400),
        ]
    );
    assert_eq!(answers[0].2["id"], json!(id));
    assert_eq!(answers[1].2["labelIds"].as_array().unwrap().last().unwrap(), "STARRED");
    assert_eq!(answers[3].2, super::not_found().1);
    // Each costs what it costs alone, if it is let in.
    assert_eq!(world.service.units() - before, 20 + 5 + 20 + 50);
}

#[tokio::test]
async fn a_hundred_calls_are_the_most_and_a_batch_is_no_way_around_the_token() {
    let world = World::start().await;
    let calls = vec!["GET /gmail/v1/users/me/profile HTTP/1.1\n\n".to_owned(); 101];
    let answers = send(&world, batch(&calls[..100]), true).await;
    assert_eq!(answers.len(), 100);
    assert!(answers.iter().all(|(_, status, _)| *status == 200));
    let answers = send(&world, batch(&calls[..1]), false).await;
    assert_eq!(answers[0].1, 401);
    let nested = ["POST /batch/gmail/v1 HTTP/1.1\n\n".to_owned()];
    let address = format!("{}/batch/gmail/v1", world.root);
    let kind = "multipart/mixed; boundary=\"==x==\"";
    let request = |body: String| world.http.post(&address).header("Content-Type", kind).body(body);
    let response = request(batch(&nested)).send().await.unwrap().text().await.unwrap();
    assert!(response.contains("HTTP/1.1 404 Not Found"), "{response}");

    let message = "Inner request count exceeds the limit. Received: 101, Limit: 100";
    let too_many = refused(400, "badRequest", "INVALID_ARGUMENT", message);
    assert_eq!(answer(request(batch(&calls))).await, too_many);
    let gibberish = refused(400, "badRequest", "INVALID_ARGUMENT", "Failed to parse batch request");
    for body in ["", "--==x==--", "--==x==\n\nGET / HTTP/1.1", "gibberish"] {
        assert_eq!(answer(request(body.to_owned())).await, gibberish, "{body}");
    }
    assert_eq!(answer(world.http.post(&address).body(batch(&calls))).await, gibberish);
}

#[tokio::test]
async fn a_query_that_is_too_long_for_an_address_comes_as_a_form() {
    let world = World::start().await;
    world.send_text("coalmine@sandbox.test", "Needle", "").await;
    let address = format!("{}/gmail/v1/users/me/messages", world.root);
    let send = |over: &str| {
        let form = [("q", "subject:needle"), ("maxResults", "5")];
        let request = world.http.post(&address).bearer_auth(&world.token);
        answer(request.header("X-HTTP-Method-Override", over).form(&form))
    };
    let (status, body) = send("GET").await;
    assert_eq!((status, &body["resultSizeEstimate"]), (200, &json!(1)));
    assert_eq!(send("POST").await.0, 403, "it is what it says it is");
}
