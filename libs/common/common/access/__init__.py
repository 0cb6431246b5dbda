"""Who may do what over HTTP: keys, tokens of an identity provider, scopes, rates."""
