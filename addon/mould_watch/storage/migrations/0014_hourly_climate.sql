-- The climate of rooms by the hour, and the mould index folded over it.

-- What a version "always was" takes the place of all before it.
ALTER TABLE room_config_version ADD COLUMN is_always boolean NOT NULL DEFAULT false;

-- The outdoor source and whose entities the sources are, from when on. The first counts for the
-- time before it too.
CREATE TABLE home_version (
    valid_from timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    outdoor    jsonb,
    owner      text NOT NULL
);
INSERT INTO home_version (valid_from, outdoor, owner)
SELECT received_at, home -> 'outdoor', owner FROM configuration;

CREATE FUNCTION note_home_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO home_version (outdoor, owner)
    SELECT NEW.home -> 'outdoor', NEW.owner
    WHERE (NEW.home -> 'outdoor', NEW.owner) IS DISTINCT FROM (
        SELECT (outdoor, owner) FROM home_version ORDER BY valid_from DESC LIMIT 1
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER configuration_home_version AFTER INSERT OR UPDATE ON configuration
    FOR EACH ROW EXECUTE FUNCTION note_home_version();

-- Time-weighted means of an hour (UTC) and the share of it in which each is known; no row: a gap.
-- Kept for ever. The surface is not in it but where a sensor is on it: what the room was told to
-- be may turn out to have been otherwise.
CREATE TABLE room_hour (
    subject_id            integer NOT NULL REFERENCES subject (id),
    hour                  timestamptz NOT NULL,
    temperature_c         double precision,
    humidity_pct          double precision,
    -- share of the hour in which both are known
    coverage              double precision NOT NULL,
    outdoor_temperature_c double precision,
    outdoor_humidity_pct  double precision,
    outdoor_coverage      double precision NOT NULL,
    surface_temperature_c double precision,
    surface_coverage      double precision NOT NULL,
    PRIMARY KEY (subject_id, hour)
);

-- The least and greatest values of the last days of each of a room's devices: what the patterns
-- of sensor faults are judged by. Working data; it can be made again from the readings.
CREATE TABLE source_hour (
    subject_id              integer NOT NULL REFERENCES subject (id),
    source_instance         text NOT NULL,
    native_id               text NOT NULL,
    hour                    timestamptz NOT NULL,
    temperature_least       double precision,
    temperature_most        double precision,
    humidity_least          double precision,
    humidity_most           double precision,
    fall_from               double precision,
    fall_to                 double precision,
    fall_temperature_change double precision,
    PRIMARY KEY (subject_id, hour, source_instance, native_id)
);

-- The state of the index at the beginning of a day (UTC), for humidity as measured less its
-- uncertainty, as measured, and more.
CREATE TABLE mould_checkpoint (
    subject_id     integer NOT NULL REFERENCES subject (id),
    day            date NOT NULL,
    low_index      double precision NOT NULL,
    low_dry_hours  double precision NOT NULL,
    low_peak       double precision NOT NULL,
    mid_index      double precision NOT NULL,
    mid_dry_hours  double precision NOT NULL,
    mid_peak       double precision NOT NULL,
    high_index     double precision NOT NULL,
    high_dry_hours double precision NOT NULL,
    high_peak      double precision NOT NULL,
    PRIMARY KEY (subject_id, day)
);

-- How far the hours of a room are done, and for which sources and models (what it was, from when).
CREATE TABLE room_progress (
    subject_id   integer PRIMARY KEY REFERENCES subject (id),
    -- every hour before it is as the readings stored by then have it
    hours_until  timestamptz NOT NULL,
    sources      jsonb NOT NULL,
    models       jsonb NOT NULL,
    -- from when on source_hour has every hour before hours_until
    bands_from   timestamptz,
    -- later readings of this hour change no earlier hour, except of devices with a count: those
    -- may when they have another number of readings in it
    settled_at   timestamptz,
    counts       jsonb NOT NULL DEFAULT '{}',
    -- readings of a clock ahead of ours from then on are not in the hours yet
    pending_from timestamptz,
    -- what the last week of hours says of mould, and what it was reckoned from
    outlook      jsonb,
    outlook_key  text
);

-- When the index of a room began anew: it was cleaned, or somebody said what was there.
CREATE TABLE mould_episode (
    room_id     uuid NOT NULL REFERENCES room (id),
    began_at    timestamptz NOT NULL,
    reason      text NOT NULL CHECK (reason IN ('told', 'cleaned', 'renewed')),
    start_index double precision NOT NULL CHECK (start_index BETWEEN 0 AND 6),
    -- the greatest index of the episode before, kept when this one is folded
    peak_before double precision,
    -- of the press that asked for it: a repeated one begins no other
    action_id   uuid UNIQUE,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (room_id, began_at)
);

-- What was measured at the coldest spot, with the air at that time: together they tell the factor
-- of a room that was given none. Readings of one series count together, the latest series at a
-- time counts from its beginning on.
CREATE TABLE cold_spot_reading (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id               uuid NOT NULL REFERENCES room (id),
    at                    timestamptz NOT NULL,
    series_from           timestamptz NOT NULL,
    surface_temperature_c double precision NOT NULL,
    temperature_c         double precision NOT NULL,
    outdoor_temperature_c double precision NOT NULL,
    f_rsi                 double precision NOT NULL CHECK (f_rsi BETWEEN 0.2 AND 1.0),
    action_id             uuid UNIQUE,
    recorded_at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cold_spot_reading_room ON cold_spot_reading (room_id, series_from, at);
