"""Getting scans ready: bias field, registration, resampling, intensity scale."""
