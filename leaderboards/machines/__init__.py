"""People and machine: what judges said beside what people said, read from the database."""
