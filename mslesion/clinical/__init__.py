"""What is known of a visit besides its scans: participants, sessions, sidecars and ratings."""
