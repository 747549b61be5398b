INSERT INTO minute_counts (minute, system, severity, events)
VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET events = minute_counts.events + excluded.events;
