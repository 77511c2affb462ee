"""The board's program, which asks for the time every half second instead of every hour."""

from board import app, sntp

sntp.EVERY_MS = sntp.FIRST_MS = 500
app.run()
