"""Everything that writes boards and standings, by topic."""
