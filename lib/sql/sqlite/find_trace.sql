SELECT trace_n FROM traces WHERE trace_id = ?;
