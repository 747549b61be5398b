-- Version 4 to 5. The list of traces in two more orders: by duration, and those with errors by how many
-- they have.

CREATE INDEX traces_duration ON traces ((last_ts - first_ts), trace_id);
CREATE INDEX traces_errors ON traces (errors, last_ts, trace_id) WHERE errors > 0;
