"""The 1 mm MNI grids in which the training data are packed (axes RAS)."""

GRID_SHAPE = (208, 256, 224)
GRID_CORNER_MM = (-104, -140, -115)
"""MNI position of the first voxel of the grid that holds the heads."""
SCAN_CORNER, SCAN_SHAPE = (8, 8, 0), (166, 202, 168)
"""The box of the scans' 182 x 218 x 182 grid that holds every brain."""
SCAN_ORIGIN_MM = (-91, -126, -72)
"""MNI position of the first voxel of the scans' whole grid."""
