"""The board's program with 8 seconds of patience for a trial instead of 5 minutes, and 1 second of proven health."""

from board import app, duties, recovery

recovery.PATIENCE_MS = 8000
recovery.HEALTHY_MS = duties.HEALTHY_MS = 1000
app.run()
