"""The only place where scans are opened: NIfTI files, BIDS and plain folders."""
