"""A rater's pages, by topic: coming in, battles, leaving."""
