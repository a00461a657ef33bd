"""What is asked, of which models, of whom."""
