"""People and machine: how judges' verdicts compare with people's. Pure functions of arrays."""
