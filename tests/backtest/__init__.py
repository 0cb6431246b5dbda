"""How good the forecasts are: simulated histories with a known future, and real ones."""
