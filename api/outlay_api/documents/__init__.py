"""The JSON documents of the routes, as OpenAPI shows them."""
