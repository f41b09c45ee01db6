"""From config.yaml and weights to models: registries of choices, configuration, checkpoints."""
