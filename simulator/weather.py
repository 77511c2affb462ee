"""The sky over the virtual school, somewhere in the south of Viet Nam. Continuous over midnight."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.school import School

LATITUDE_DEG = 10.8
SUN_NOON_MINUTE = 11 * 60 + 50  # about 106.7 °E in UTC+7
_MINUTE = np.arange(1440)


@dataclass(frozen=True, slots=True)
class Weather:
    """Per minute of the local day: outside air in °C, water in g/m³, light on open ground in lux."""

    temperature_c: NDArray[np.float64]
    water_g_m3: NDArray[np.float64]
    daylight_lx: NDArray[np.float64]
    mean_c: NDArray[np.float64]


def saturation_g_m3(temperature_c):
    """Water in saturated air: Magnus formula over water (WMO No. 8), and the ideal gas law."""
    pressure_hpa = 6.112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return 216.7 * pressure_hpa / (temperature_c + 273.15)


def weather(school: School, day: date) -> Weather:
    """The weather of a local date."""
    today, tomorrow = (_drawn(school, day + timedelta(days=i)) for i in range(2))
    anomaly = np.interp(_MINUTE, [0, 1440], [today[0], tomorrow[0]])
    cloud = np.interp(_MINUTE, [0, 360, 720, 1080, 1440], [*today[1:5], tomorrow[1]])
    year_angle = 2 * np.pi * (day.timetuple().tm_yday - 110) / 365
    mean = 27.8 + 1.3 * np.cos(year_angle) + anomaly
    warmth = np.cos(2 * np.pi * (_MINUTE - 14 * 60) / 1440)  # warmest at 14:00
    temperature = mean + warmth * (4.2 - 2.2 * cloud)
    humidity = np.clip(0.76 + 0.12 * (cloud - 0.4) - 0.15 * warmth, 0.35, 0.99)
    return Weather(temperature, humidity * saturation_g_m3(temperature), _daylight(day, cloud), mean)


def _drawn(school: School, day: date) -> NDArray[np.float64]:
    rng = school.rng("weather", day)
    return np.concatenate([rng.normal(0, 1.1, 1), rng.beta(1.3, 1.6, 4)])


def _daylight(day: date, cloud: NDArray[np.float64]) -> NDArray[np.float64]:
    # Declination: Cooper 1969. Clear-sky horizontal light is near 110 klx with the sun overhead.
    declination = np.radians(23.45 * np.sin(2 * np.pi * (284 + day.timetuple().tm_yday) / 365))
    hour_angle = 2 * np.pi * (_MINUTE - SUN_NOON_MINUTE) / 1440
    latitude = np.radians(LATITUDE_DEG)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    return 110_000 * np.clip(height, 0, None) ** 1.15 * (1 - 0.78 * cloud)
