"""Grafana dashboards as code. `python -m dashboards.grafana` writes the files that provisioning reads."""
