"""The executive view: totals, narratives, heat map."""
