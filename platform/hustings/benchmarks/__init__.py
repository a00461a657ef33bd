"""The project's benchmarks: each module has a `run` that returns a frozen result."""
