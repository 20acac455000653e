"""The brain and its structures."""
