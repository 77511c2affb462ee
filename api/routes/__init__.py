"""One module per resource: thin functions over what the context holds."""
