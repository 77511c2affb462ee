"""Why an indicator has no value: a code and its values, and the same as an English sentence. Pure."""

NOTHING_IN_RANGE = "nothing_in_range"
NOTHING_MEASURED = "nothing_measured"
LOW_COVERAGE = "low_coverage"  # coverage_pct, needed_pct
NOTHING_TO_DIVIDE = "nothing_to_divide"
NO_TARIFF = "no_tariff"  # date: the first without one, ISO
WITHHELD = "withheld"

CODES = {
    NOTHING_IN_RANGE: "there is nothing to measure in this range",
    NOTHING_MEASURED: "nothing was measured in this range",
    LOW_COVERAGE: "{coverage_pct} % was measured, {needed_pct} % is needed",
    NOTHING_TO_DIVIDE: "it was measured, but the denominator is zero",
    NO_TARIFF: "there is no tariff for {date}",
    WITHHELD: "it tells about the work of fewer than three teachers, or of less than whole weeks",
}


def sentence(code: str, values: dict[str, float | str]) -> str:
    """The English sentence of a code."""
    return CODES[code].format(**values)
