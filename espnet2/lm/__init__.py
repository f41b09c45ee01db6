"""Language models: scores of the token that follows others."""
