"""Two visits of one person: compared, recorded, written."""
