-- What is known of how a device reports.

ALTER TABLE device
    -- 95 % of its readings came at most so long after the one before; null: not learned yet
    ADD COLUMN reporting_interval_s double precision CHECK (reporting_interval_s > 0),
    -- its latest live message carried a time that cannot be
    ADD COLUMN clock_wrong boolean NOT NULL DEFAULT false;
