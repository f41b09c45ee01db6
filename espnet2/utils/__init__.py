"""What command lines share: options, configuration files, exit codes."""
