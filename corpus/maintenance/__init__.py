"""What is done to a finished corpus: takedown, audit, verify, tune."""
