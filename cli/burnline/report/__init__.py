"""Reports on the last days: read over REST, computed, written as Markdown or HTML."""
