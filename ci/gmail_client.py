"""What `check-gmail.sh` has Google's own client do. Every expectation is about what the client makes of the answers, not
about the answers themselves. It ends with 1 at the first one that is not met.

It starts the sandboxes itself, one for each way in which their Gmail is to behave, and ends them."""

import base64
import email.message
import json
import re
import shlex
import smtplib
import subprocess
import sys

import google.oauth2.credentials
import google_auth_httplib2
import httplib2
from googleapiclient import discovery
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest, HttpRequest, MediaInMemoryUpload

CANARIES = sys.argv[1]
ALL = "https://mail.google.com/"
AUTH = "https://www.googleapis.com/auth/gmail."
ME = {"userId": "me"}
ADDRESS = "coalmine@sandbox.test"
# Google's own description of the API, as it comes with the client.
DESCRIPTION = json.loads(get_static_doc("gmail", "v1"))


def expect(what, seen, expected):
    if seen != expected:
        sys.exit(f"error: {what}: expected {expected!r}, got {seen!r}")
    print(f"ok  {what}")


def expect_refusal(what, status, reason, message, call):
    try:
        seen = call.execute()
    except HttpError as error:
        (detail,) = error.error_details
        body = json.loads(error.content)["error"]
        expect(what, (error.status_code, detail["reason"], bool(re.search(message, error.reason))), (status, reason, True))
        expect("  and its body agrees", (body["code"], body["message"]), (status, detail["message"]))
        return error
    sys.exit(f"error: {what}: expected a refusal, got {seen!r}")


class Noted(HttpRequest):
    """A request whose method is noted."""

    methods = set()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        Noted.methods.add(self.methodId)


class Sandbox:
    """A sandbox of its own, and Google's client for its Gmail."""

    def __init__(self, *options):
        self.process = subprocess.Popen([CANARIES, "sandbox", *options], stdout=subprocess.PIPE, text=True)
        settings = {}
        for line in self.process.stdout:
            if line.startswith("export "):
                name, _, value = shlex.split(line)[1].partition("=")
                settings[name] = value
            elif line.startswith("  SMTP "):
                self.smtp = line.split()[-1]
            elif "/census" in line:
                break
        self.root = settings["GMAIL_API_ROOT"]
        credential = settings["GMAIL_CREDENTIAL"]
        self.credentials = google.oauth2.credentials.Credentials(
            None, refresh_token=credential, token_uri=settings["GMAIL_TOKEN_URI"],
            client_id=settings["GMAIL_CLIENT_ID"], client_secret=settings["GMAIL_CLIENT_SECRET"])
        self.http = google_auth_httplib2.AuthorizedHttp(
            self.credentials, http=httplib2.Http(ca_certs=settings["COALMINE_CA"], timeout=30))
        self.gmail = discovery.build(
            "gmail", "v1", http=self.http, static_discovery=True, requestBuilder=Noted,
            client_options={"api_endpoint": self.root})
        self.users = self.gmail.users()
        self.messages, self.labels, self.history = self.users.messages(), self.users.labels(), self.users.history()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def send(self, subject, to=ADDRESS, text="Hello", file=None):
        """Over SMTP, as the product does; gives the mail's id."""
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = "Product <signup@product.test>", to, subject
        message["Message-ID"] = f"<{subject}@product.test>"
        message["List-ID"] = f"News <{subject}.lists.test>"
        message.set_content(text)
        if file:
            message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename=file)
        host, _, port = self.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port)) as smtp:
            smtp.send_message(message)
        return self.ids(includeSpamTrash=True)[0]

    def ids(self, **query):
        return [it["id"] for it in self.messages.list(**ME, **query).execute().get("messages", [])]

    def newest(self):
        return self.users.getProfile(**ME).execute()["historyId"]

    def changes(self, start, **query):
        """What happened since: the kind, the mail, and the labels of the change."""
        seen = []
        request = self.history.list(**ME, startHistoryId=start, **query)
        while request is not None:
            answer = request.execute()
            for record in answer.get("history", []):
                for kind in ("messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"):
                    seen += [(kind, it["message"]["id"], it.get("labelIds")) for it in record.get(kind, [])]
            request = self.history.list_next(request, answer)
        return seen


def encoded(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


RAW = f"From: a@b.test\r\nTo: {ADDRESS}\r\nSubject: Put in\r\nDate: Sat, 31 Jan 2026 12:00:00 +0100\r\n\r\nHi\r\n"
DATED = "1769857200000"

# Everything that there is, with a token that may do everything.
with Sandbox("--gmail-scope", ALL) as box:
    expect("a profile", box.users.getProfile(userId=ADDRESS).execute()["emailAddress"], ADDRESS)
    expect("a token that was got by a refresh", box.credentials.valid, True)
    expect("an empty mailbox has no key for its mails", box.messages.list(**ME).execute(), {"resultSizeEstimate": 0})
    start = box.newest()
    expect("nor its history", box.history.list(**ME, startHistoryId=start).execute(), {"historyId": start})
    expect("64-bit numbers are text", start.isdigit(), True)

    # Reading.
    first = box.send("first", to="coalmine+run7@sandbox.test", text="Your code: 4711")
    second = box.send("second", file="bill-2026.pdf")
    expect("the newest mail is first", box.ids(), [second, first])
    mail = box.messages.get(**ME, id=first).execute()
    headers = {it["name"]: it["value"] for it in mail["payload"]["headers"]}
    expect("a mail in full", (headers["Subject"], mail["labelIds"], mail["snippet"]),
           ("first", ["UNREAD", "CATEGORY_PERSONAL", "INBOX"], "Your code: 4711"))
    expect("its tag", headers["Delivered-To"], "coalmine+run7@sandbox.test")
    raw = base64.urlsafe_b64decode(box.messages.get(**ME, id=first, format="raw").execute()["raw"])
    expect("and its bytes", email.message_from_bytes(raw)["Subject"], "first")
    some = box.messages.get(**ME, id=first, format="metadata", metadataHeaders=["Subject", "To"]).execute()
    expect("some headers", [it["name"] for it in some["payload"]["headers"]], ["To", "Subject"])
    expect("the least of a mail", "payload" in box.messages.get(**ME, id=first, format="minimal").execute(), False)
    expect("only the asked fields", box.messages.get(**ME, id=first, fields="id,payload/mimeType").execute(),
           {"id": first, "payload": {"mimeType": "text/plain"}})
    part = box.messages.get(**ME, id=second).execute()["payload"]["parts"][1]
    expect("an attachment's name", (part["filename"], "data" in part["body"]), ("bill-2026.pdf", False))
    file = box.messages.attachments().get(**ME, messageId=second, id=part["body"]["attachmentId"]).execute()
    expect("an attachment", (file["size"], base64.urlsafe_b64decode(file["data"])), (256, bytes(range(256))))

    # Searching.
    for q, found in [
        ("from:signup@product.test", [second, first]), ("from:product subject:first", [first]),
        ("to:run7", [first]), ("deliveredto:coalmine+run7@sandbox.test", [first]), ("cc:run7", []), ("bcc:run7", []),
        ('"code 4711"', [first]), ('"4711 code"', []), ("subject:first OR subject:second", [second, first]),
        ("{subject:first subject:second} -4711", [second]), ("(hello second)", [second]), ("subject:(first)", [first]),
        ("label:inbox is:unread", [second, first]), ("is:read", []), ("is:starred", []), ("in:spam", []), ("in:trash", []),
        ("in:anywhere", [second, first]), ("in:sent", []), ("has:attachment", [second]), ("filename:pdf", [second]),
        ("list:first.lists.test", [first]), ("larger:1M", []), ("smaller:1M", [second, first]), ("older_than:1d", []),
        ("newer_than:1d", [second, first]), ("newer_than:2m", [second, first]), ("newer_than:1y", [second, first]),
        (f"after:{int(mail['internalDate']) // 1000 - 60}", [second, first]), ("before:2020/01/31", []),
        ("rfc822msgid:first@product.test", [first]), ("category:primary", [second, first]), ("nothing", []),
        # So long that the client sends it as a form.
        (" OR ".join([f"subject:none{n}" for n in range(200)] + ["subject:second"]), [second]),
    ]:
        expect(f"q={q[:60]}", box.ids(q=q), found)
    expect("labels are joined", (box.ids(labelIds=["INBOX", "UNREAD"]), box.ids(labelIds=["INBOX", "SPAM"])),
           ([second, first], []))

    # Labels.
    label = box.labels.create(**ME, body={"name": "Canaries/Run 7"}).execute()
    expect("a new label", (label["name"], label["type"]), ("Canaries/Run 7", "user"))
    expect_refusal("its name is taken", 409, "aborted", "^Label name exists or conflicts$",
                   box.labels.create(**ME, body={"name": "canaries/run 7"}))
    id = label["id"]
    box.messages.modify(**ME, id=first, body={"addLabelIds": [id]}).execute()
    expect("found by its name", box.ids(q="label:canaries-run-7"), [first])
    seen = box.labels.get(**ME, id=id).execute()
    expect("its counts", (seen["messagesTotal"], seen["messagesUnread"], seen["threadsTotal"]), (1, 1, 1))
    expect("a patch", box.labels.patch(**ME, id=id, body={"labelListVisibility": "labelHide"}).execute()["name"], label["name"])
    whole = {"id": id, "name": "Run 7", "labelListVisibility": "labelShow", "messageListVisibility": "hide"}
    expect("an update", box.labels.update(**ME, id=id, body=whole).execute(), {**whole, "type": "user"})
    all_labels = {it["id"]: it["name"] for it in box.labels.list(**ME).execute()["labels"]}
    expect("all labels", (all_labels[id], all_labels["INBOX"], "CATEGORY_FORUMS" in all_labels), ("Run 7", "INBOX", True))
    before = box.newest()
    expect("a deleted label says nothing", box.labels.delete(**ME, id=id).execute(), "")
    expect("and leaves its mails", box.changes(before), [("labelsRemoved", first, [id])])
    expect_refusal("and is gone", 404, "notFound", "^Requested entity was not found.$", box.labels.get(**ME, id=id))
    expect_refusal("Gmail's own stay", 400, "invalidArgument", "Invalid delete request", box.labels.delete(**ME, id="INBOX"))

    # Changing.
    before = box.newest()
    star = {"addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD"]}
    expect("labels change", box.messages.modify(**ME, id=first, body=star).execute()["labelIds"],
           ["CATEGORY_PERSONAL", "INBOX", "STARRED"])
    expect("trash", "TRASH" in box.messages.trash(**ME, id=second).execute()["labelIds"], True)
    expect("what is in it is not listed", (box.ids(), box.ids(includeSpamTrash=True)), ([first], [second, first]))
    expect("untrash", "TRASH" in box.messages.untrash(**ME, id=second).execute()["labelIds"], False)
    both = {"ids": [first, second], "addLabelIds": ["IMPORTANT"]}
    expect("many at once say nothing", box.messages.batchModify(**ME, body=both).execute(), "")
    expect("a deletion neither", box.messages.delete(**ME, id=first).execute(), "")
    expect_refusal("what is deleted is gone", 404, "notFound", "not found", box.messages.get(**ME, id=first))
    expect("nor many", box.messages.batchDelete(**ME, body={"ids": [first, second, "0123456789abcdef"]}).execute(), "")
    added = [("labelsAdded", first, ["STARRED"]), ("labelsAdded", second, ["TRASH"]),
             ("labelsAdded", first, ["IMPORTANT"]), ("labelsAdded", second, ["IMPORTANT"])]
    removed = [("labelsRemoved", first, ["UNREAD"]), ("labelsRemoved", second, ["INBOX"]), ("labelsRemoved", second, ["TRASH"])]
    deleted = [("messagesDeleted", first, None), ("messagesDeleted", second, None)]
    expect("history: labels added", box.changes(before, historyTypes=["labelAdded"]), added)
    expect("history: labels removed", box.changes(before, historyTypes=["labelRemoved"], maxResults=1), removed)
    expect("history: mails deleted", box.changes(before, historyTypes=["messageDeleted"], maxResults=2), deleted)
    expect("history: mails added", box.changes(start, historyTypes=["messageAdded"]),
           [("messagesAdded", first, None), ("messagesAdded", second, None)])
    expect("history: all kinds", sorted(box.changes(before, maxResults=3), key=str), sorted(added + removed + deleted, key=str))
    expect("history: of a label", box.changes(before, labelId="STARRED", historyTypes=["messageDeleted"]), deleted[:1])
    expect_refusal("history: never was", 404, "notFound", "not found", box.history.list(**ME, startHistoryId="1"))
    expect_refusal("history: from nowhere", 400, "invalidArgument", "Missing/invalid parameter: startHistoryId",
                   box.history.list(**ME))
    expect_refusal("a label that there is not", 400, "invalidArgument", "^Invalid label: Label_77$",
                   box.messages.modify(**ME, id=first, body={"addLabelIds": ["Label_77"]}))

    # Putting in.
    put = box.messages.insert(**ME, body={"raw": encoded(RAW), "labelIds": ["INBOX"]}).execute()
    seen = box.messages.get(**ME, id=put["id"], format="raw").execute()
    expect("a mail is put in as it is", (base64.urlsafe_b64decode(seen["raw"]).decode(), seen["internalDate"] == DATED), (RAW, False))
    dated = box.messages.insert(**ME, body={"raw": encoded(RAW)}, internalDateSource="dateHeader").execute()
    expect("with the date of its header", box.messages.get(**ME, id=dated["id"]).execute()["internalDate"], DATED)
    came = box.messages.import_(**ME, body={"raw": encoded(RAW)}, neverMarkSpam=True).execute()
    expect("an import takes that date", box.messages.get(**ME, id=came["id"]).execute()["internalDate"], DATED)
    media = MediaInMemoryUpload(RAW.encode(), mimetype="message/rfc822")
    alone = box.messages.insert(**ME, media_body=media).execute()
    seen = box.messages.get(**ME, id=alone["id"], format="raw").execute()["raw"]
    expect("a mail is uploaded", base64.urlsafe_b64decode(seen).decode(), RAW)
    beside = box.messages.import_(**ME, media_body=media, body={"labelIds": ["STARRED"]}).execute()
    seen = box.messages.get(**ME, id=beside["id"]).execute()
    expect("with its labels beside it", (seen["labelIds"], seen["snippet"]), (["STARRED"], "Hi"))
    expect_refusal("nothing is no mail", 400, "invalidArgument", "'raw' RFC822 payload", box.messages.insert(**ME, body={}))

    # Pages.
    box.messages.batchDelete(**ME, body={"ids": box.ids(includeSpamTrash=True)}).execute()
    start = box.newest()
    many = [box.messages.insert(**ME, body={"raw": encoded(RAW), "labelIds": ["INBOX"]}).execute()["id"] for _ in range(7)]
    seen, sizes, request = [], [], box.messages.list(**ME, maxResults=3, q="subject:put")
    while request is not None:
        answer = request.execute()
        sizes.append(len(answer["messages"]))
        seen += [it["id"] for it in answer["messages"]]
        request = box.messages.list_next(request, answer)
    expect("pages of a list", (seen, sizes), (many[::-1], [3, 3, 1]))
    empty = box.history.list(**ME, startHistoryId=start, maxResults=3, historyTypes="messageDeleted").execute()
    expect("a page may have nothing but a next one", ("history" in empty, "nextPageToken" in empty), (False, True))
    expect_refusal("a page that never was", 400, "invalidArgument", "Invalid pageToken",
                   box.messages.list(**ME, pageToken="next"))

    # Batches.
    seen = {}

    def heard(id, answer, error):
        seen[id] = error.status_code if error else answer

    batch = BatchHttpRequest(callback=heard, batch_uri=f"{box.root}/batch/gmail/v1")
    batch.add(box.messages.get(**ME, id=many[0], format="minimal"), request_id="get")
    batch.add(box.messages.modify(**ME, id=many[0], body=star), request_id="modify")
    batch.add(box.messages.get(**ME, id="0123456789abcdef"), request_id="not there")
    batch.add(box.messages.delete(**ME, id=many[1]), request_id="delete")
    batch.add(box.messages.list(**ME, q="is:starred", maxResults=1), request_id="list")
    batch.execute(http=box.http)
    expect("a batch", (seen["get"]["id"], seen["modify"]["labelIds"], seen["not there"], seen["delete"]),
           (many[0], ["INBOX", "STARRED"], 404, ""))
    expect("in its order", [it["id"] for it in seen["list"]["messages"]], [many[0]])
    # The address of batches is the document's, whatever `api_endpoint` says.
    own = discovery.build_from_document({**DESCRIPTION, "rootUrl": f"{box.root}/"}, http=box.http)
    batch = own.new_batch_http_request(callback=heard)
    for number in range(100):
        batch.add(own.users().messages().get(**ME, id=many[2], format="minimal"), request_id=str(number))
    batch.execute()
    expect("a hundred calls in one", [seen[str(number)]["id"] for number in range(100)], [many[2]] * 100)
    batch = own.new_batch_http_request()
    for number in range(101):
        batch.add(own.users().getProfile(**ME))
    try:
        batch.execute()
    except HttpError as error:
        expect("more are refused", (error.status_code, error.reason),
               (400, "Inner request count exceeds the limit. Received: 101, Limit: 100"))
    else:
        sys.exit("error: a batch of 101 calls was taken")

    # Whom it is for.
    denied = box.users.getProfile(userId="boss@sandbox.test")
    expect_refusal("another's mailbox", 403, "forbidden", f"^Delegation denied for {ADDRESS}$", denied)

    # All of it: what the description has about mails, labels and history. Sending is what SMTP is for here.
    described = DESCRIPTION["resources"]["users"]
    parts = {it: described["resources"][it] for it in ("messages", "labels", "history")}
    methods = [described["methods"]["getProfile"], *parts["messages"]["resources"]["attachments"]["methods"].values()]
    methods += [it for part in parts.values() for it in part["methods"].values()]
    expect("no method was left out", {it["id"] for it in methods} - Noted.methods, {"gmail.users.messages.send"})

# The least that reads.
with Sandbox() as box:
    first = box.send("first")
    expect("a token reads", box.messages.get(**ME, id=first).execute()["id"], first)
    for what, call in [
        ("label", box.messages.modify(**ME, id=first, body=star)), ("trash", box.messages.trash(**ME, id=first)),
        ("untrash", box.messages.untrash(**ME, id=first)), ("delete", box.messages.delete(**ME, id=first)),
        ("delete many", box.messages.batchDelete(**ME, body={"ids": [first]})),
        ("label many", box.messages.batchModify(**ME, body={"ids": [first], **star})),
        ("put in", box.messages.insert(**ME, body={"raw": encoded(RAW)})),
        ("import", box.messages.import_(**ME, body={"raw": encoded(RAW)})),
        ("make labels", box.labels.create(**ME, body={"name": "x"})),
        ("rename labels", box.labels.patch(**ME, id="INBOX", body={"name": "x"})),
        ("change labels", box.labels.update(**ME, id="INBOX", body={"name": "x"})),
        ("delete labels", box.labels.delete(**ME, id="INBOX")),
    ]:
        expect_refusal(f"and does not {what}", 403, "insufficientPermissions",
                       "^Request had insufficient authentication scopes.$", call)
    expect("nothing has changed", box.messages.get(**ME, id=first).execute()["labelIds"][0], "UNREAD")

with Sandbox("--gmail-scope", AUTH + "metadata", "--gmail-scope", AUTH + "modify") as box:
    first = box.send("first")
    for q in ["subject:first", ""]:
        expect_refusal(f"who sees metadata only does not search, q={q!r}", 403, "forbidden",
                       "^Metadata scope does not support 'q' parameter$", box.messages.list(**ME, q=q))
    expect_refusal("nor read", 403, "forbidden", "^Metadata scope doesn't allow format FULL$", box.messages.get(**ME, id=first))
    expect("but sees headers", box.messages.get(**ME, id=first, format="metadata").execute()["id"], first)
with Sandbox("--gmail-scope", AUTH + "modify") as box:
    first = box.send("first")
    expect_refusal("who may change may not delete for good", 403, "insufficientPermissions", "scopes",
                   box.messages.delete(**ME, id=first))

# What goes wrong at Google.
with Sandbox("--gmail-index-lag", "3600", "--gmail-get-lag", "3600") as box:
    start = box.newest()
    first = box.send("first")
    expect("a search lags", box.ids(q="in:anywhere"), [])
    expect("a list does not", box.ids(labelIds="INBOX"), [first])
    expect("nor does the history", box.changes(start), [("messagesAdded", first, None)])
    expect_refusal("a mail can be known and not there yet", 404, "notFound", "not found", box.messages.get(**ME, id=first))
with Sandbox("--gmail-history", "0") as box:
    start = box.newest()
    first = box.send("first")
    expect_refusal("a history that is too old", 404, "notFound", "^Requested entity was not found.$",
                   box.history.list(**ME, startHistoryId=start))
    expect("the newest id is never too old", box.changes(box.newest()), [])
retry = r"^User-rate limit exceeded.  Retry after \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
for style, status, reason, message in [
    ("forbidden", 403, "rateLimitExceeded", "^Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'"),
    ("user-forbidden", 403, "userRateLimitExceeded", retry),
    ("too-many-requests", 429, "rateLimitExceeded", retry),
]:
    with Sandbox("--gmail-quota", "21", "--gmail-quota-style", style) as box:
        box.newest()
        call = box.messages.get(**ME, id="0123456789abcdef")
        expect_refusal(f"quota {style}: units that are left", 404, "notFound", "not found", call)
        error = expect_refusal(f"quota {style}: no units are left", status, reason, message, box.users.getProfile(**ME))
        expect("  which is about limits", error.error_details[0]["domain"], "usageLimits")
