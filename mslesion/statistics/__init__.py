"""Statistics of a study: two groups compared, and how many subjects a trial needs."""

from mslesion.statistics.sample_size import (
    pair_noise,
    subjects_for_counts,
    subjects_for_means,
    yearly_change_sd,
)
from mslesion.statistics.study import compare_groups
from mslesion.statistics.two_groups import (
    Comparison,
    compare_counts,
    compare_slopes,
    compare_volumes,
    compare_yearly_changes,
)

__all__ = [
    "Comparison",
    "compare_counts",
    "compare_groups",
    "compare_slopes",
    "compare_volumes",
    "compare_yearly_changes",
    "pair_noise",
    "subjects_for_counts",
    "subjects_for_means",
    "yearly_change_sd",
]
