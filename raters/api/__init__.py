"""Raters, what they said and how far a study is, over REST."""
