-- Where a device has its power from, as its gateway or its kind says.

ALTER TABLE device
    -- null: nobody says
    ADD COLUMN power_source text CHECK (power_source IN ('mains', 'battery'));
