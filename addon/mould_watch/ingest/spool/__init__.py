"""What was received and cannot be in the database yet: one file, first in, first out."""
