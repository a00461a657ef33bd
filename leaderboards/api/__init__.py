"""Results over REST, for programs."""
