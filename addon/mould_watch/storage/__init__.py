"""PostgreSQL: the pool, the schema, the named SQL, the repositories."""
