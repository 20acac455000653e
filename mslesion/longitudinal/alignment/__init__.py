"""Two visits in one frame and on one intensity scale."""
