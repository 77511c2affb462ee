"""What runs on a board. A package here, for tests and simulator; on a board its files stand at the root."""
