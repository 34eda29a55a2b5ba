"""How the service is set up by its environment."""
