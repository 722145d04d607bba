-- What alerts remember. Bodies are JSON; times are nanoseconds since 1970 in UTC. A revision is larger than every one
-- that was written before it: what is handed over late does not replace what is newer.

-- The state of each canary's rules, of each way to each notifier, of silences. Without a body it is gone, and stays
-- until the store is opened again, so that nothing older brings it back.
CREATE TABLE alert_document (
    name TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    body TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    canary TEXT NOT NULL,
    opened INTEGER NOT NULL,
    closed INTEGER,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX incident_by_opening ON incident (opened);
CREATE INDEX incident_by_canary ON incident (canary, opened);
CREATE INDEX incident_by_close ON incident (closed);

CREATE TABLE incident_log (
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (incident, number)
) STRICT, WITHOUT ROWID;
