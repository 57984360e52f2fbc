-- What got worse is said again like the alarm before it, where nobody can be sure that it arrived;
-- and when a notification goes, what was said of it goes too.

ALTER TABLE notification DROP CONSTRAINT notification_check4;
ALTER TABLE notification ADD CONSTRAINT notification_repeats_an_alarm
    CHECK (repeats IS NULL OR kind IN ('alarm', 'step_up'));
ALTER TABLE notification DROP CONSTRAINT notification_repeats_fkey,
    ADD CONSTRAINT notification_repeats_fkey
        FOREIGN KEY (repeats) REFERENCES notification (id) ON DELETE CASCADE;
ALTER TABLE notification_receipt DROP CONSTRAINT notification_receipt_notification_id_fkey,
    ADD CONSTRAINT notification_receipt_notification_id_fkey
        FOREIGN KEY (notification_id) REFERENCES notification (id) ON DELETE CASCADE;
