"""The counts that burnrate stores: their layout, and the queries of those who read them."""
