"""What is written: tables, BIDS derivatives, figures, one page a subject."""
