"""Finding the brain, its structures, the lesions, and each single lesion."""
