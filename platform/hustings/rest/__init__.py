"""How REST behaves everywhere: tokens, pages, limits, problems, validators, and its schema."""
