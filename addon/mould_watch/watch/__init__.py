"""From readings to the condition of a subject, its incidents and its notifications."""
