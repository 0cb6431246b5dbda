"""From a policy and its inputs to a decision and its reasons. Pure."""
