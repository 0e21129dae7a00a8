"""PostgreSQL: a store on a server."""
