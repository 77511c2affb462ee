"""The scenario `store_away` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxdb]


def test_store_away(tmp_path):
    """InfluxDB goes away: boards hear `committed`, health says why, memory stays, and the store gets all of it."""
    chaos.prove("store_away", tmp_path)


@pytest.mark.parametrize("defect", ["forgetful"])
def test_store_away_with_a_defect_put_back(tmp_path, defect):
    """A collector with no journal behind the store loses what it could not write."""
    chaos.refute("store_away", defect, tmp_path)
