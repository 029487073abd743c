"""Many runs: the paper's study, its choice and its tables."""
