"""Published rules, each with its source."""
