-- Whether a notification arrived, and what is done about one that perhaps did not.

ALTER TABLE notification
    -- how the receiver is to pass it on: 'push', or 'entity': plain text, but its errors are told
    ADD COLUMN via text NOT NULL DEFAULT 'push' CHECK (via IN ('push', 'entity')),
    -- the notification of its lane that it says again, for want of a sign that it arrived
    ADD COLUMN repeats uuid REFERENCES notification (id),
    -- who accepted it may have lost it: whether a receipt will say that it arrived; null: neither
    ADD COLUMN expects_receipt boolean,
    ADD CHECK (via = 'push' OR repeats IS NOT NULL),
    ADD CHECK (repeats IS NULL OR kind = 'alarm');

-- Each is said again once; what is said again may be said again itself.
CREATE UNIQUE INDEX notification_repeated_once ON notification (repeats)
    WHERE repeats IS NOT NULL;

-- A phone says that a notification arrived. It may say so before the notification is known as sent.
CREATE TABLE notification_receipt (
    notification_id uuid PRIMARY KEY REFERENCES notification (id),
    at              timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER notification_receipt_append_only BEFORE UPDATE ON notification_receipt
    FOR EACH ROW EXECUTE FUNCTION append_only();
