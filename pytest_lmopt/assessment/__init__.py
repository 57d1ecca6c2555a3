"""One suite from start to report. Writes nothing: the report says what may be written."""
