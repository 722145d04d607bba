-- Times are nanoseconds since 1970 in UTC, durations microseconds.

-- "CoMi": tells a store from any other SQLite file.
PRAGMA application_id = 1131367785;

-- One row per canary that ever ran: sums over all its runs, also those that are kept no more.
CREATE TABLE canary (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    passed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    inconclusive INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    -- The newest run: when it began, and its summary as JSON.
    last_started INTEGER,
    last TEXT,
    last_passed INTEGER
) STRICT;

-- What stays the same from run to run: a record as JSON in which nothing of the run itself is set. Many runs share one.
CREATE TABLE outline (
    id INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,
    target TEXT NOT NULL,
    location TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX outline_by_hash ON outline (hash);

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    canary INTEGER NOT NULL REFERENCES canary,
    outline INTEGER NOT NULL REFERENCES outline,
    started INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    -- 0 passed, 1 failed, 2 inconclusive, 3 blocked, 4 skipped.
    verdict INTEGER NOT NULL,
    -- 0 timings only, 1 in full, 2 in full as long as it is among the newest.
    kept INTEGER NOT NULL,
    -- 0 schedule, 1 recheck, 2 request.
    origin INTEGER NOT NULL,
    filtered INTEGER NOT NULL,
    trace TEXT NOT NULL,
    steps_passed INTEGER NOT NULL,
    steps_flaky INTEGER NOT NULL,
    steps_failed INTEGER NOT NULL,
    steps_inconclusive INTEGER NOT NULL,
    steps_blocked INTEGER NOT NULL,
    steps_skipped INTEGER NOT NULL,
    root TEXT,
    cause TEXT,
    message TEXT,
    -- What the timings cannot say of a run that is not kept in full, as JSON; mostly nothing.
    extras TEXT,
    -- All steps, in the order of the outline, as src/store/timings.rs writes them.
    timings BLOB NOT NULL
) STRICT;
CREATE INDEX run_by_start ON run (started);
CREATE INDEX run_by_canary ON run (canary, started);
CREATE INDEX run_by_verdict ON run (verdict, started);
CREATE INDEX run_by_canary_and_verdict ON run (canary, verdict, started);
CREATE INDEX run_by_outline ON run (outline);
-- The few that are to be thinned one day.
CREATE INDEX run_for_now ON run (canary, verdict, started) WHERE kept = 2;

-- Whole records: JSON, deflated.
CREATE TABLE record (
    run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT;

-- Runs per day (days since 1970, UTC), filtered ones not counted.
CREATE TABLE day (
    day INTEGER NOT NULL,
    canary INTEGER NOT NULL REFERENCES canary,
    passed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    inconclusive INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, canary)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedule (
    canary TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
