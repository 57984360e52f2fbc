"""How far mould has grown on a surface, how it goes on, and how serious that is."""
