"""Everything that writes raters' work, by topic."""
