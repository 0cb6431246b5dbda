"""From a batch of records to counts: classified, de-duplicated, aggregated."""
