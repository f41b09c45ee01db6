"""A service over bundles: HTTP and WebSocket, with the work of all requests decoded together."""
