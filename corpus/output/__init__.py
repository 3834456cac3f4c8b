"""What a build writes: shards, ledger, samples, shuffle, validation split."""
