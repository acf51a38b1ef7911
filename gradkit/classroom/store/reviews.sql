-- Comments of graders. The newest row of a comment is valid; an empty text removes the comment.
CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    -- The id of the comment's first row, NULL in this row itself.
    first INTEGER REFERENCES comments,
    name TEXT NOT NULL,
    -- The contents of the attempt that the comment is about.
    digest TEXT NOT NULL,
    task TEXT NOT NULL,
    -- The line that the comment is about, and its text; NULL for a task or the whole submission.
    file TEXT,
    cell INTEGER,
    line INTEGER,
    source TEXT NOT NULL,
    text TEXT NOT NULL,
    points REAL
) STRICT;
CREATE INDEX IF NOT EXISTS comments_of ON comments (name);
-- The attempts that graders have reviewed. The newest row of a student is valid.
CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    reviewed INTEGER NOT NULL
) STRICT;
-- What a finding costs in the class. The newest row of a code is valid; NULL withdraws the price.
CREATE TABLE IF NOT EXISTS prices (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    code TEXT NOT NULL,
    -- Share of a check's points, from 0 to 1.
    share REAL
) STRICT;
-- The decisions about findings of one submission from which the points of an override follow.
CREATE TABLE IF NOT EXISTS finding_decisions (
    id INTEGER PRIMARY KEY,
    override INTEGER NOT NULL REFERENCES overrides,
    finding TEXT NOT NULL,
    code TEXT NOT NULL,
    action TEXT NOT NULL,
    -- Share of a check's points, from 0 to 1.
    share REAL NOT NULL
) STRICT;
