"""Between visits: a common frame, lesion change, brain change, trajectories."""
