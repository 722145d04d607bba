"""What `check-pagerduty.sh` has PagerDuty's own client do. Every expectation is about what the client makes of the
answers, not about the answers themselves. It ends with 1 at the first one that is not met."""

import os
import sys
import threading
import urllib.request

import httpx2
import pagerduty

CONTROL = sys.argv[1]
KEY = os.environ["COALMINE_PAGERDUTY_KEY"]
EVENTS = os.environ["COALMINE_PAGERDUTY_EVENTS"]
TOKEN = os.environ["COALMINE_PAGERDUTY_TOKEN"]
API = os.environ["COALMINE_PAGERDUTY_API"]
# The sandbox's one user.
PERSON = "oncall@sandbox.test"


def expect(what, seen, expected):
    if seen != expected:
        sys.exit(f"error: {what}: expected {expected!r}, got {seen!r}")
    print(f"ok  {what}")


def expect_refusal(what, status, complaint, call):
    try:
        seen = call()
    except pagerduty.HttpError as error:
        expect(what, (error.response.status_code, complaint in error.response.text), (status, True))
    else:
        sys.exit(f"error: {what}: expected a refusal, got {seen!r}")


def switch(fault, on):
    request = urllib.request.Request(f"{CONTROL}/faults/{fault}", method="PUT" if on else "DELETE")
    with urllib.request.urlopen(request) as answer:
        assert answer.status < 300, answer.status


def impatient(client):
    """Retries as ever, without the pauses between them."""
    client.sleep_timer = 0.001
    return client


events = impatient(pagerduty.EventsApiV2Client(KEY, base_url=EVENTS))
rest = impatient(pagerduty.RestApiV2Client(TOKEN, default_from=PERSON, base_url=API))

try:
    pagerduty.EventsApiV2Client(KEY, base_url="http://127.0.0.1")
except pagerduty.UrlError:
    print("ok  the client refuses an address without TLS")
else:
    sys.exit("error: the client accepts an address without TLS, so that the sandbox need not have it")


def incidents(**params):
    return rest.list_all("incidents", params=params)


# An incident's whole life, by events.
key = "suite/local/canary/step"
details = {"step": "confirm_email", "attempts": 2}
links = [{"href": "https://status.test/runs/1", "text": "Record"}]
sent = events.trigger("it is broken", "canary", dedup_key=key, severity="error", custom_details=details, links=links)
expect("a trigger gives its key back", sent, key)
expect("so does one without a key", len(events.trigger("another", "canary", severity="info")) > 0, True)
events.trigger("it is still broken", "canary", dedup_key=key)
(incident,) = incidents(incident_key=key)
expect("of two triggers there is one incident", (incident["status"], incident["title"]), ("triggered", "it is broken"))
expect("severity makes urgency", [it["urgency"] for it in incidents()], ["high", "low"])
(alert,) = rest.list_all(f"incidents/{incident['id']}/alerts")
expect("its alert has what was sent", (alert["alert_key"], alert["severity"], alert["body"]["details"]), (key, "error", details))
expect("and the links", alert["body"]["contexts"], links)
expect("an acknowledgement gives its key back", events.acknowledge(key), key)
expect("and is seen", rest.rget(f"incidents/{incident['id']}")["status"], "acknowledged")
expect("a resolution gives its key back", events.resolve(key), key)
expect("and is seen", rest.rget(f"incidents/{incident['id']}")["status"], "resolved")
expect("a resolution of nothing is taken", events.resolve("nothing"), "nothing")
events.trigger("broken again", "canary", dedup_key=key)
expect("what is resolved is not opened again", [it["status"] for it in incidents(incident_key=key)], ["resolved", "triggered"])

# A person answers.
(incident,) = incidents(incident_key=key, **{"statuses[]": ["triggered", "acknowledged"]})
answer = {"type": "incident_reference", "status": "acknowledged"}
expect("a person acknowledges", rest.rput(f"incidents/{incident['id']}", json=answer)["status"], "acknowledged")
all_open = incidents(**{"statuses[]": ["triggered", "acknowledged"]})
wanted = [{"id": it["id"], "type": "incident_reference", "status": "resolved"} for it in all_open]
expect("and resolves them all", [it["status"] for it in rest.rput("incidents", json=wanted)], ["resolved", "resolved"])
by = rest.rget(f"incidents/{incident['id']}")["last_status_change_by"]["type"]
expect("and is named", by, "user_reference")
nobody = pagerduty.RestApiV2Client(TOKEN, base_url=API)
expect_refusal("without `From` nobody answers", 400, "Requester User Not Found",
               lambda: nobody.rput(f"incidents/{incident['id']}", json=answer))

# Pages of a list: more than fit on one.
for number in range(25):
    events.trigger("one of many", "canary", dedup_key=f"many/{number}")
newest_first = {"statuses[]": ["triggered"], "sort_by": "incident_number:desc"}
many = rest.list_all("incidents", params=newest_first, page_size=10)
expect("all pages of a list", [it["incident_key"] for it in many], [f"many/{number}" for number in reversed(range(25))])
expect("a total", rest.get_total("incidents", params={"statuses[]": "triggered"}), 25)

# What else is there to read.
(service,) = rest.list_all("services")
expect("the service's time-outs", (service["auto_resolve_timeout"], service["acknowledgement_timeout"]), (14400, 1800))
expect("the service by its id", rest.rget(service["self"])["name"], service["name"])
expect("who is on call", [it["user"]["summary"] for it in rest.list_all("oncalls")], [PERSON])
expect("no maintenance", rest.list_all("maintenance_windows"), [])
expect_refusal("what there is not", 404, "Not Found", lambda: rest.rget("incidents/PNOTHERE"))
expect_refusal("a wrong token", 401, "2006", lambda: pagerduty.RestApiV2Client("x" * 20, base_url=API).rget("incidents/PX"))

# Refusals.
expect_refusal("an unknown severity", 400, "'payload.severity' is invalid (must be one of",
               lambda: events.trigger("s", "canary", severity="fatal"))
expect_refusal("a long summary", 400, "'summary' is too long (maiximum is 1024 characters)",
               lambda: events.trigger("ä" * 1025, "canary"))
expect_refusal("a short routing key", 400, "Length of 'routing_key' is incorrect",
               lambda: pagerduty.EventsApiV2Client("short", base_url=EVENTS).resolve("k"))

# Change events. Without a timestamp this version of the client fails by itself, before it sends anything.
expect("a change event", events.submit("deployed", source="ci", custom_details={"by": "me"}, links=links,
                                       timestamp="2026-03-01T12:00:00Z"), None)
try:
    events.submit("deployed")
except AttributeError:
    print("ok  a change event without a timestamp is the client's own mistake")
expect_refusal("a change event that is too long", 400, "'summary' is too long",
               lambda: events.submit("s" * 1025, timestamp="2026-03-01T12:00:00Z"))

# What goes wrong.
switch("pagerduty_error", True)
expect_refusal("503 is given up at last", 503, "<html>", lambda: events.resolve(key))
switch("pagerduty_error", False)
switch("pagerduty_error_after_accepting", True)
expect_refusal("500 as well, whatever was taken", 500, "Internal Server Error",
               lambda: events.trigger("s", "canary", dedup_key="after"))
switch("pagerduty_error_after_accepting", False)
expect("of three tries there is one incident", len(incidents(incident_key="after")), 1)
for fault in ["pagerduty_cut_after_reading", "pagerduty_cut_before_ingesting", "pagerduty_down"]:
    switch(fault, True)
    try:
        events.trigger("s", "canary", dedup_key=fault)
    except pagerduty.Error as error:
        expect(f"{fault} is an error of the network", isinstance(error.__cause__, httpx2.TransportError), True)
    else:
        sys.exit(f"error: {fault} went unnoticed")
    switch(fault, False)
taken = [bool(incidents(incident_key=it)) for it in ["pagerduty_cut_after_reading", "pagerduty_cut_before_ingesting", "pagerduty_down"]]
expect("what was taken before the line was cut", taken, [True, False, False])
switch("pagerduty_rate_limited", True)
threading.Timer(0.5, switch, ["pagerduty_rate_limited", False]).start()
expect("429 is not given up", events.trigger("s", "canary", dedup_key="patience"), "patience")
expect("until it is taken", len(incidents(incident_key="patience")), 1)
switch("pagerduty_swallows", True)
expect("success is announced when nobody is on call", events.trigger("s", "canary", dedup_key="lost"), "lost")
expect("and there is no incident", (incidents(incident_key="lost"), rest.list_all("oncalls")), ([], []))
switch("pagerduty_swallows", False)
