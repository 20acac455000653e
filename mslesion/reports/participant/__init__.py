"""The page of a participant: a first screen, then a room for each kind of finding."""
