CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    began TEXT NOT NULL,
    ended TEXT,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    settings TEXT NOT NULL,
    versions TEXT NOT NULL,
    -- The rule for the attempt that counts from this run on, NULL if unchanged.
    policy TEXT
) STRICT;
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs,
    UNIQUE (name, digest)
) STRICT;
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    run INTEGER NOT NULL REFERENCES runs,
    packed BLOB NOT NULL
) STRICT;
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    run INTEGER NOT NULL REFERENCES runs,
    evidence INTEGER REFERENCES evidence,
    key TEXT NOT NULL,
    standing TEXT NOT NULL,
    told TEXT NOT NULL,
    score REAL,
    max_score REAL,
    provisional INTEGER NOT NULL,
    seconds REAL NOT NULL,
    made TEXT NOT NULL,
    packed BLOB NOT NULL
) STRICT;
CREATE INDEX results_of ON results (submission);
CREATE TABLE drops (
    code TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs
) STRICT;
-- A submission as a run found it: its sender by the platform, and its place on the roll.
CREATE TABLE listed (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    submission INTEGER NOT NULL REFERENCES submissions,
    place INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    sender TEXT NOT NULL
) STRICT;
CREATE INDEX listed_of ON listed (submission);
-- The rosters of the course. The rows of the newest run are valid.
CREATE TABLE students (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    packed TEXT NOT NULL
) STRICT;
-- Points that an instructor has set. The newest row of a check is valid; NULL takes back.
CREATE TABLE overrides (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    "check" TEXT NOT NULL,
    points REAL,
    basis TEXT NOT NULL
) STRICT;
-- The files that students were given, byte for byte.
CREATE TABLE released (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    file TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
