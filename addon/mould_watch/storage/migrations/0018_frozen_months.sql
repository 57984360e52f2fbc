-- Raw readings are kept for some months; the hourly climate for ever. Hours before this time are
-- as they are: what they were made of is gone, or about to go. One row, or none.
CREATE TABLE retention (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    frozen_until timestamptz NOT NULL
);
