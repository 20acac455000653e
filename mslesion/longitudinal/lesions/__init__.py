"""What happened to each lesion between two visits."""
