"""Comparisons, ratings and judgements that were made elsewhere, brought in from files."""
