"""A study's data as an archive of files, for people who analyse or publish them."""
