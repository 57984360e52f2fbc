-- Sudden rises of a room's moisture, and how fast each was gone: how the room dries.
CREATE TABLE shower (
    subject_id  integer NOT NULL REFERENCES subject (id),
    started_at  timestamptz NOT NULL,
    peak_at     timestamptz NOT NULL,
    before_g_m3 double precision NOT NULL,
    peak_g_m3   double precision NOT NULL,
    -- share of the excess that goes in an hour (exponential); null: not clear
    rate_per_h  double precision,
    PRIMARY KEY (subject_id, started_at)
);
