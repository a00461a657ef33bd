"""Who answers, and whether to believe them."""
