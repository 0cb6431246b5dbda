"""Services, their objectives, and what a batch adds to them. Pure."""
