"""Post-encoders of spoken language understanding, which its deliberation encoders are, too."""
