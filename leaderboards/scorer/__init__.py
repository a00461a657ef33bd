"""A study's own preference scorer: pure, and without scikit-learn except where it is trained."""
