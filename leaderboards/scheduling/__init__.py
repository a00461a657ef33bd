"""Fills the battle queue of a study, and says when its question is answered."""
