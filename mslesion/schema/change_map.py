"""The values of the change map of a pair of visits."""

KEPT, NEW, GROWN, SHRUNK, RESOLVED = 1, 2, 3, 4, 5
"""Lesion at both visits, new lesion, grown part, lost part, resolved lesion."""

CHANGE_NAMES = {
    0: "no lesion at either visit",
    KEPT: "lesion at both visits",
    NEW: "new lesion",
    GROWN: "grown part of a lesion",
    SHRUNK: "lost part of a lesion",
    RESOLVED: "resolved lesion",
}
"""What each value means."""
