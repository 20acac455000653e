"""The front door: functions on the images that a researcher has, with tables as results."""
