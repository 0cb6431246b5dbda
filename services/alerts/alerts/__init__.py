"""Alerting: rules, episodes, cooldowns, delivery; one page for one problem."""
