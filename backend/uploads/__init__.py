"""What requesters bring: CSV, JSONL or images, taken wholly or not at all."""
