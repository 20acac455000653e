"""The lesion mask and its single lesions."""
