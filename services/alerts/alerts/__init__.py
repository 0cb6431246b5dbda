"""Pages once, for the right thing: rules, episodes, cooldowns, delivery."""
