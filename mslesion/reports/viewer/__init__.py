"""A viewer in the page of a participant, which needs neither a network nor a server."""
