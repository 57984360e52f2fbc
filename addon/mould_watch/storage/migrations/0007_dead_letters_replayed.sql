-- What a dead letter needs to be replayed as truthfully as it would have been stored at once.

ALTER TABLE dead_letter
    -- the broker had kept it: without a time of its own it is no reading
    ADD COLUMN retained boolean NOT NULL DEFAULT false,
    -- it waited at the broker: without a time of its own its true time is unknown
    ADD COLUMN backlog boolean NOT NULL DEFAULT false,
    -- when it was last tried again, in vain: reason and detail are those of that try
    ADD COLUMN replayed_at timestamptz;
