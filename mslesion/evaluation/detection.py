"""Lesion-wise agreement: what a count of detected lesions is worth."""

from dataclasses import dataclass

from mslesion.evaluation.empty import value_or_rule


@dataclass(frozen=True, slots=True)
class Detection:
    """Lesions of a reference that were found, predicted lesions that are true."""

    predicted_count: int
    reference_count: int
    confirmed_count: int
    """Predicted lesions that are true."""
    detected_count: int
    """Reference lesions that were found."""

    @property
    def sensitivity(self) -> float:
        """Share of the reference lesions that were found."""
        return self._by_rule("sensitivity", lambda: self.detected_count / self.reference_count)

    @property
    def ppv(self) -> float:
        """Share of the predicted lesions that are true (positive predictive value)."""
        return self._by_rule("ppv", lambda: self.confirmed_count / self.predicted_count)

    @property
    def false_discovery_rate(self) -> float:
        """Share of the predicted lesions that are not true."""
        false_count = self.predicted_count - self.confirmed_count
        return self._by_rule("false_discovery_rate", lambda: false_count / self.predicted_count)

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and predictive value; 0 if both are 0."""

        def harmonic_mean() -> float:
            total = self.sensitivity + self.ppv
            return 2 * self.sensitivity * self.ppv / total if total else 0.0

        return self._by_rule("f1", harmonic_mean)

    def _by_rule(self, metric, formula) -> float:
        return value_or_rule(
            metric,
            formula,
            predicted_count=self.predicted_count,
            reference_count=self.reference_count,
        )
