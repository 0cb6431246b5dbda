"""SLOs as documents: read strictly, imported from the formats of others, written as our own."""
