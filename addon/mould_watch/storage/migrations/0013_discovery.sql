-- MQTT discovery: the messages that announce watched values, as they were sent.
CREATE TABLE discovery_configuration (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic   text NOT NULL UNIQUE,
    payload bytea NOT NULL
);

-- Which component of an announced device holds a metric as the device's own: the first that did,
-- for ever, or two probes of one device would change places after a restart.
CREATE TABLE discovery_claim (
    native_id text NOT NULL,
    metric    text NOT NULL,
    component text NOT NULL,
    PRIMARY KEY (native_id, metric)
);
