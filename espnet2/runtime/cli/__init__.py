"""The command `espnet`: verbs over bundles, without PyTorch."""
