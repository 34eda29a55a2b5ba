"""HTTP: the routes, bodies, headers, and what is said of them."""
