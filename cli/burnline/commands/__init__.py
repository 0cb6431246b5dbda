"""The subcommands of `burnline`, one module for each."""
