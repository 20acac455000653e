"""What a comparison finds in a patient when the change is known."""
