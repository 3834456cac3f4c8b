"""Plans: YAML to a validated, fingerprinted :class:`~corpus.plan.model.Plan`."""
