"""What an instrument is worth in a scenario."""
