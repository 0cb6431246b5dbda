"""What is said of services in words: facts first, then sentences, then a check of every word."""
