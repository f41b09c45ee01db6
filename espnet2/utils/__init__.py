"""Helpers of command lines: options, configuration files, exit codes."""
