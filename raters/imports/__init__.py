"""Comparisons that were made elsewhere, brought in from files."""
