"""Change of the brain and its parts between two visits."""
